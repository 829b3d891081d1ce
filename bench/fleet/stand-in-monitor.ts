import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { isRecord, QmpError, type QmpArguments } from "../../provider/qmp";
import { EmulatedVfio } from "../../test/support/plain-qemu";
import { QmpSocket } from "../../test/support/plain-qemu/qmp-socket";

/** What is behind a {@link StandInMonitor}. */
export interface StandInParts {
  /** Path of QEMU's own socket. */
  readonly qemuSocket: string;
  /** Whether the host has given this function to vfio-pci. */
  readonly isHeld: (hostAddress: string) => boolean;
}

/**
 * A QMP socket in front of QEMU's own, on which vfio-pci can be plugged without an IOMMU: an emulated device
 * stands in for it (see EmulatedVfio). All else is QEMU's: what it answers, its events, and that it serves
 * one client at a time.
 */
export class StandInMonitor {
  readonly #server: Server;

  private constructor(parts: StandInParts) {
    const hosts = new Map<string, string>();
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      client.on("error", () => client.destroy());
      serve(client, parts, hosts).catch(() => client.destroy());
    });
  }

  static async listen(path: string, parts: StandInParts): Promise<StandInMonitor> {
    const monitor = new StandInMonitor(parts);
    monitor.#server.listen(path);
    await once(monitor.#server, "listening");
    return monitor;
  }

  close(): void {
    this.#server.close();
  }
}

async function serve(client: Socket, parts: StandInParts, hosts: Map<string, string>): Promise<void> {
  // its greeting comes when QEMU has no other client
  const qemu = await QmpSocket.connect(parts.qemuSocket);
  const say = (message: object): void => {
    if (!client.destroyed) client.write(`${JSON.stringify(message)}\n`);
  };
  client.once("close", () => qemu.close());
  if (client.destroyed) return qemu.close();
  const monitor = new EmulatedVfio(qemu, parts.isHeld, hosts);
  const version = await qemu.execute("query-version");
  await qemu.listen({
    onEvent: ({ event, data }) =>
      say({ timestamp: { seconds: Math.floor(Date.now() / 1000), microseconds: 0 }, event, data }),
    onEnd: () => client.destroy(),
  });
  say({ QMP: { version, capabilities: [] } });
  const answers: Promise<void>[] = [];
  const lines = createInterface({ input: client });
  lines.on("line", (line) => answers.push(answer(line, monitor).then(say)));
  await once(lines, "close");
  await Promise.all(answers);
  client.end();
  qemu.close();
}

async function answer(line: string, monitor: EmulatedVfio): Promise<object> {
  const request: unknown = JSON.parse(line);
  if (!isRecord(request)) throw new Error(`not a command: ${line}`);
  const { execute, arguments: args, id } = request;
  const own = id === undefined ? {} : { id };
  if (execute === "qmp_capabilities") return { return: {}, ...own };
  try {
    const result = await monitor.execute(String(execute), (isRecord(args) ? args : {}) as QmpArguments);
    return { return: result ?? {}, ...own };
  } catch (cause) {
    if (!(cause instanceof QmpError)) throw cause;
    return { error: { class: cause.errorClass, desc: cause.description }, ...own };
  }
}
