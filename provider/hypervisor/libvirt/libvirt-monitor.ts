import type { LibvirtDomain } from "../../libvirt-rpc";
import { isRecord, parseQmpReply, type QmpArguments, type QmpListener, type QmpMonitor } from "../../qmp";
import { asciiJson } from "../ascii-json";
import { retryBusyJob } from "./busy-job";
import type { LibvirtSession } from "./libvirt-session";

/** QMP through libvirt's monitor call; libvirt adds the ids and passes the events on. */
export class LibvirtMonitor implements QmpMonitor {
  readonly #session: LibvirtSession;
  readonly #domain: () => LibvirtDomain;

  constructor(session: LibvirtSession, domain: () => LibvirtDomain) {
    this.#session = session;
    this.#domain = domain;
  }

  async execute(command: string, args?: QmpArguments, signal?: AbortSignal): Promise<unknown> {
    const client = await this.#session.client(signal);
    // libvirt 11.3 refuses whatever is not: "failed to parse JSON: invalid utf-8 string"
    const text = asciiJson({ execute: command, ...(args && { arguments: args }) });
    const reply = await retryBusyJob(() => client.monitorCommand(this.#domain(), text, signal), signal);
    return parseQmpReply(reply);
  }

  /** A guest that stops or crashes has ended; the connection to libvirtd is the way to it. */
  async listen(listener: QmpListener, signal?: AbortSignal): Promise<() => Promise<void>> {
    const client = await this.#session.client(signal);
    let listening = true;
    void client.closed.then(() => {
      if (listening) listener.onEnd("connection-lost");
    });
    const begun = await Promise.allSettled([
      client.onMonitorEvent(
        this.#domain(),
        ({ event, details }) => listener.onEvent({ event, data: isRecord(details) ? details : {} }),
        signal,
      ),
      client.onLifecycleEvent(
        this.#domain(),
        ({ event }) => {
          if (event === "stopped" || event === "crashed") listener.onEnd("guest-stopped");
        },
        signal,
      ),
    ]);
    const stop = async (): Promise<void> => {
      listening = false;
      const stops = begun.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      await Promise.all(stops.map((one) => one()));
    };
    const refused = begun.find((one) => one.status === "rejected");
    if (refused === undefined) return stop;
    // that may fail as well, and is not the cause
    await stop().catch(() => undefined);
    throw refused.reason;
  }
}
