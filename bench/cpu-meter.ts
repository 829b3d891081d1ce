import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";

/**
 * Processor time of this process and all that it starts from now on, and of nothing else on the machine: they
 * are a control group of their own (cgroup v2) until {@link close}.
 */
export class CpuMeter {
  readonly #startedMs = performance.now();
  readonly #busyAtStart = busySeconds();

  private constructor(
    private readonly parent: string,
    private readonly group: string,
  ) {}

  /** @throws where the machine has no cgroup v2, or this process is not root's */
  static start(): CpuMeter {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8");
    const root = /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(mounts)?.[1];
    if (root === undefined) throw new Error("the bench needs cgroup v2, which is mounted nowhere here");
    const own = /^0::(.*)$/m.exec(readFileSync("/proc/self/cgroup", "utf8"))?.[1] ?? "/";
    // the one before may be there still: see close
    const group = mkdtempSync(join(root, "multifunction-pci-bench-"));
    writeFileSync(join(group, "cgroup.procs"), String(process.pid));
    return new CpuMeter(join(root, own), group);
  }

  /** So far, on all processors together. */
  get seconds(): number {
    const [, microseconds = ""] =
      /^usage_usec (\d+)$/m.exec(readFileSync(join(this.group, "cpu.stat"), "utf8")) ?? [];
    return Number(microseconds) / 1e6;
  }

  /** What other work has had of all processors since the start, from 0 to 1. */
  get othersShare(): number {
    const elapsedSeconds = (performance.now() - this.#startedMs) / 1000;
    const others = busySeconds() - this.#busyAtStart - this.seconds;
    return Math.max(others, 0) / (elapsedSeconds * availableParallelism());
  }

  /** Goes back to where it was; to be called when all that was started has ended. */
  close(): void {
    writeFileSync(join(this.parent, "cgroup.procs"), String(process.pid));
    try {
      rmdirSync(this.group);
    } catch (cause) {
      // what was killed a moment ago is in it still; an empty group harms nobody
      if ((cause as NodeJS.ErrnoException).code !== "EBUSY") throw cause;
    }
  }
}

/** Of all processors of this machine since it was started. */
function busySeconds(): number {
  const ms = cpus().map(({ times }) => times.user + times.nice + times.sys + times.irq);
  return ms.reduce((sum, one) => sum + one, 0) / 1000;
}
