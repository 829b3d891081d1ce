import type { QmpArguments, QmpListener, QmpMonitor } from "../../../provider/qmp";

/** What happens around a device_add or a device_del, by somebody else or by chance. */
export interface Meddling {
  /** Before it is sent; what this returns is sent in its place. */
  readonly before?: (args: QmpArguments) => Promise<QmpArguments> | Promise<void>;
  /** When QEMU has answered, before the provider hears the answer. */
  readonly after?: (args: QmpArguments) => Promise<void>;
  /** When QEMU has accepted a device_del, before the provider hears that. */
  readonly requested?: () => Promise<void>;
}

/** A monitor that passes everything on, and lets a test meddle with what is plugged and unplugged. */
export class MeddledMonitor implements QmpMonitor {
  /** Of the plugs and requests from now on; a test takes it back. */
  meddling: Meddling = {};
  readonly #monitor: QmpMonitor;

  constructor(monitor: QmpMonitor) {
    this.#monitor = monitor;
  }

  async execute(command: string, args: QmpArguments = {}, signal?: AbortSignal): Promise<unknown> {
    if (command === "device_del") {
      const answer = await this.#monitor.execute(command, args, signal);
      await this.meddling.requested?.();
      return answer;
    }
    if (command !== "device_add") return this.#monitor.execute(command, args, signal);
    const { before, after } = this.meddling;
    const sent = (await before?.(args)) ?? args;
    const answer = await this.#monitor.execute(command, sent, signal);
    await after?.(args);
    return answer;
  }

  listen(listener: QmpListener, signal?: AbortSignal): Promise<() => Promise<void>> {
    return this.#monitor.listen(listener, signal);
  }
}
