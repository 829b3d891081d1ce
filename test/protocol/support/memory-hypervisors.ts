import fs from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Hypervisor, Lock } from "../../../provider/apply";
import { KeyedMutex } from "../../../provider/async/keyed-mutex";
import { hostDevice, World } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

/**
 * Stands in for provider/connections/hypervisor-pool.ts in the bundle of MemoryHost: one host in memory,
 * whose calls are written to a file and stopped by another, both in the provider's working directory.
 */
export class HypervisorPool {
  readonly #world = new World({
    functions: [...hostDevice("0000:01:00"), ...hostDevice("0000:02:00", [0, 1, 2, 3], { iommuGroup: 8 })],
  });
  readonly #mutex = new KeyedMutex();
  /** What the provider sets of its configuration; a host in memory asks for no credential. */
  readonly targets = { ambient: {} };

  openForPreview(): Promise<Hypervisor> {
    return this.open();
  }

  async open(): Promise<Hypervisor> {
    const hypervisor = new WorldHypervisor(this.#world);
    hypervisor.onCall = async (call) => {
      note(call);
      while (isStopped(call)) await sleep(20);
    };
    const { label, guestName, host, guest, ledger } = hypervisor;
    return { label, guestName, host, guest, ledger, lock: this.#lock() };
  }

  async close(): Promise<void> {}

  /** The guest's lock, which is the first of each operation, stands for all. */
  #lock(): Lock {
    return {
      acquire: async ([name = ""], signal) => {
        note(`wait for ${name}`);
        const letGo = await this.#mutex.lock(name, signal);
        note(`lock ${name}`);
        const release = async (): Promise<void> => {
          note(`unlock ${name}`);
          letGo();
        };
        return { lost: new Promise<never>(() => undefined), release };
      },
    };
  }
}

function note(call: string): void {
  fs.appendFileSync(path.resolve("calls"), `${call}\n`);
}

/** In one look: the test takes the file away at any moment. */
function isStopped(call: string): boolean {
  try {
    return fs.readFileSync(path.resolve("stop-at"), "utf8") === call;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw cause;
  }
}
