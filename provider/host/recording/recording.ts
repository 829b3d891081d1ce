import { mountOf, swapOf, valueOf } from "./recorded-values";
import { StandIns } from "./stand-ins";

/** The parts of a host that its looks read, for a report: nothing in it tells whose host it is. */
export interface HostRecording {
  readonly format: 1;
  /** `6.12.48` */
  readonly kernel: string;
  readonly architecture: string;
  readonly folders: readonly string[];
  /** Paths, and where they lead as the link says. */
  readonly links: readonly (readonly [path: string, target: string])[];
  readonly files: readonly (readonly [path: string, ...lines: string[]])[];
  readonly mounts: readonly string[];
  readonly swaps: readonly string[];
}

/** As bash names them. */
const ARCHITECTURES =
  /^(?:x86_64|i[3-6]86|aarch64|armv?[5-8]?l?|powerpc(?:64)?(?:le)?|s390x?|riscv64|loongarch64)$/;

/** Several times what a host with a thousand functions has. */
const MAX_ENTRIES = 200_000;

/**
 * Makes a recording of what the helper tells (helper/tree.sh). Pure. Names are kept that the kernel gives by
 * itself, and values that are numbers or words of its own; everything else has a stand-in, or is left out.
 */
export function recordingOf(records: readonly string[]): HostRecording {
  const standIns = new StandIns();
  const folders: string[] = [];
  const links: [string, string][] = [];
  const files: [string, ...string[]][] = [];
  const mounts: string[] = [];
  const swaps: string[] = [];
  let kernel = "";
  let architecture = "";
  for (const record of records.slice(0, MAX_ENTRIES)) {
    const [kind, path = "", ...rest] = record.split("\t");
    switch (kind ?? "") {
      case "folder":
        folders.push(standIns.path(path));
        break;
      case "link":
        links.push([standIns.path(path), standIns.path(rest[0] ?? "")]);
        break;
      case "file": {
        const value = valueOf(path, rest, standIns);
        if (value !== undefined) files.push([standIns.path(path), ...value]);
        break;
      }
      case "mount":
        mounts.push(...[mountOf(path, standIns) ?? []].flat());
        break;
      case "swap":
        swaps.push(...[swapOf(path, standIns) ?? []].flat());
        break;
      case "kernel":
        kernel = /^\d{1,3}\.\d{1,4}(?:\.\d{1,5})?/.exec(path)?.[0] ?? "";
        break;
      case "architecture":
        architecture = ARCHITECTURES.test(path) ? path : "";
        break;
      default:
        break;
    }
  }
  return { format: 1, kernel, architecture, folders, links, files, mounts, swaps };
}
