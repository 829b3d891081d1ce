import type { QmpArguments } from "../../../provider/qmp";
import { GuestConsole } from "./guest-console";
import { QmpSocket } from "./qmp-socket";

/** Generous: a machine may be busy. */
const BOOT_MS = 300_000;
const COMMAND_MS = 60_000;

/** Ways to a guest that are the tests' own. */
export interface GuestEnds {
  readonly monitor: QmpSocket;
  readonly serial: GuestConsole;
}

/** Connects to the sockets of a monitor and of a guest's serial port. */
export async function connectGuest(paths: { monitor: string; serial: string }): Promise<GuestEnds> {
  const serial = await GuestConsole.connect(paths.serial);
  const monitor = await QmpSocket.connect(paths.monitor);
  await monitor.listen({
    onEvent: ({ event }) => {
      if (event === "RESET") serial.forget();
    },
    onEnd: () => undefined,
  });
  return { monitor, serial };
}

/** A guest as the tests look at it and handle it: by a monitor and a serial console of their own. */
export class GuestSide {
  /** QEMU's monitor. */
  readonly monitor: QmpSocket;
  readonly #serial: GuestConsole;

  constructor({ monitor, serial }: GuestEnds) {
    this.monitor = monitor;
    this.#serial = serial;
  }

  /** Whether QEMU is gone; a guest that is paused is not. */
  get hasEnded(): boolean {
    return this.monitor.isClosed;
  }

  /** Whether the guest has booted, since its last reset. */
  get hasBooted(): boolean {
    return this.#serial.isReady;
  }

  /** Runs one command of QMP; throws a QmpError where QEMU refuses it. */
  qmp(command: string, args?: QmpArguments): Promise<unknown> {
    return this.monitor.execute(command, args);
  }

  /** Resolves when the guest has booted, since its last reset. */
  booted(limitMs = BOOT_MS): Promise<void> {
    return this.#serial.booted(limitMs);
  }

  /** Runs one line in the booted guest and returns what it prints; throws where it fails. */
  console(command: string, limitMs = COMMAND_MS): Promise<string> {
    return this.#serial.run(command, limitMs);
  }

  /** Resets the guest; resolves when it is back in its firmware. */
  async reset(): Promise<void> {
    const wasReset = this.monitor.next("RESET");
    await this.qmp("system_reset");
    await wasReset;
  }

  /** Lets go of monitor and console. */
  protected close(): void {
    this.monitor.close();
    this.#serial.close();
  }
}
