import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseQmpReply, type QmpArguments, type QmpListener, type QmpMonitor } from "../../../provider/qmp";

/**
 * What a real QEMU and libvirt showed of a guest: test/fixtures/qmp/<name>.json, made by tools/record/qmp.ts.
 */
export interface GuestRecording {
  readonly scenario: string;
  readonly recordedWith: {
    readonly command: string;
    readonly host: string;
    readonly libvirt: string;
    readonly qemu: string;
  };
  /** Each answer of the monitor under its question, as text of JSON. */
  readonly replies: Readonly<Record<string, unknown>>;
  readonly domainXml: string;
  readonly persistentXml: string;
  readonly capabilitiesXml: string;
  readonly nodeDeviceXml: Readonly<Record<string, string>>;
}

export const recordingsFolder = join(__dirname, "..", "..", "fixtures", "qmp");

export function readRecording(scenario: string): GuestRecording {
  return JSON.parse(readFileSync(join(recordingsFolder, `${scenario}.json`), "utf8")) as GuestRecording;
}

/** Answers as the recorded QEMU did; a question that was not recorded fails. */
export class ReplayMonitor implements QmpMonitor {
  readonly asked: string[] = [];

  /** @param changed answers in place of recorded ones, or beside them. */
  constructor(
    private readonly recording: GuestRecording,
    private readonly changed: Readonly<Record<string, unknown>> = {},
  ) {}

  async execute(execute: string, args?: QmpArguments, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const command = JSON.stringify({ execute, ...(args && { arguments: args }) });
    this.asked.push(command);
    const reply = { ...this.recording.replies, ...this.changed }[command];
    if (reply === undefined) throw new Error(`not recorded: ${command}`);
    await Promise.resolve();
    return parseQmpReply(JSON.stringify(reply));
  }

  listen(_listener: QmpListener): Promise<() => Promise<void>> {
    return Promise.reject(new Error("a recording has no events"));
  }
}
