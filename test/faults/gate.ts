import { spawnSync } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

/** A step as the provider announces it: the plan's own words. */
export interface AnnouncedStep {
  /** From 1. */
  readonly number: number;
  readonly count: number;
  readonly text: string;
}

/** Stops a provider's process at each step that it announces; see stop-at-steps.cjs. */
export class Gate {
  private readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-gate-"));
  private readonly reading: net.Socket;
  private readonly goes: number;
  private readonly waiting: AnnouncedStep[] = [];
  private wake: (() => void) | undefined;
  private isOpen = false;

  constructor() {
    for (const name of ["steps", "go"]) {
      const made = spawnSync("mkfifo", [path.join(this.folder, name)]);
      if (made.status !== 0) throw new Error(`mkfifo: ${String(made.stderr)}`);
    }
    const flags = fs.constants.O_RDWR | fs.constants.O_NONBLOCK;
    this.goes = fs.openSync(path.join(this.folder, "go"), flags);
    const fd = fs.openSync(path.join(this.folder, "steps"), flags);
    this.reading = new net.Socket({ fd, readable: true, writable: false });
    createInterface({ input: this.reading }).on("line", (line) => {
      const [, number, count, text = ""] = /^(\d+)\/(\d+) (.*)$/.exec(line) ?? [];
      this.waiting.push({ number: Number(number), count: Number(count), text });
      this.wake?.();
      if (this.isOpen) this.letGo();
    });
  }

  /** What the process under test has to be started with. */
  get environment(): Readonly<Record<string, string>> {
    return {
      FAULT_GATE: this.folder,
      NODE_OPTIONS: `--require ${path.join(__dirname, "stop-at-steps.cjs")}`,
    };
  }

  /** The next announced step, at which the process now stands; undefined if none comes in time. */
  async next(limitMs: number): Promise<AnnouncedStep | undefined> {
    const endsAt = Date.now() + limitMs;
    for (;;) {
      const step = this.waiting.shift();
      if (step !== undefined) return step;
      const leftMs = endsAt - Date.now();
      if (leftMs <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
  }

  /** Lets the process go on from the step at which it stands. */
  letGo(): void {
    fs.writeSync(this.goes, "g");
  }

  /** From now on nothing is stopped; a process that stands at a step goes on. */
  open(): void {
    this.isOpen = true;
    this.letGo();
  }

  close(): void {
    this.reading.destroy();
    fs.closeSync(this.goes);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
