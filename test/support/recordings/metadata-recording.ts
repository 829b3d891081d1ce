import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What a real libvirt printed of metadata that it was given: test/fixtures/metadata/<name>.json, made by
 * tools/record/metadata.ts.
 */
export interface MetadataRecording {
  /** Who wrote it, and of what. */
  readonly what: string;
  readonly recordedWith: {
    readonly command: string;
    readonly host: string;
    readonly libvirt: string;
    readonly libxml2: string;
  };
  /** What libvirt was given, one after the other. */
  readonly set: readonly { readonly uri: string; readonly key: string; readonly xml: string }[];
  /** Namespace of the element that it was then asked for. */
  readonly uri: string;
  readonly printed: {
    /** Its answer to the question for one element (`virsh metadata`). */
    readonly element: string;
    /** The part of the guest's description. */
    readonly metadata: string;
  };
}

export const metadataFolder = join(__dirname, "..", "..", "fixtures", "metadata");

export function readMetadata(name: string): MetadataRecording {
  return JSON.parse(readFileSync(join(metadataFolder, `${name}.json`), "utf8")) as MetadataRecording;
}
