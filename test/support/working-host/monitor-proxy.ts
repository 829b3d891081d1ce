import { once } from "node:events";
import { closeSync, openSync, readlinkSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { isRecord, parseQmpReply, QmpError, type QmpArguments, type QmpMonitor } from "../../../provider/qmp";
import { EmulatedVfio } from "../plain-qemu/emulated-vfio";

/** Begins the ids of what this process asks QEMU by itself, in a client's turn. */
const OWN_ID = "played-";
/**
 * So long QEMU keeps a group open after its last function has left the object tree (docs/internals/qemu.md).
 */
const CLOSING_MS = 150;
const DEVICES = "/sys/bus/pci/devices";

/**
 * The groups of VFIO's that the emulated functions keep open, as QEMU does: one file each, of all functions
 * of a group.
 */
class OpenGroups {
  readonly #functions = new Map<string, string>();
  readonly #files = new Map<string, number>();

  take(id: string, address: string): void {
    const group = basename(readlinkSync(`${DEVICES}/${address}/iommu_group`));
    this.#functions.set(id, group);
    if (!this.#files.has(group)) this.#files.set(group, openSync(`/dev/vfio/${group}`, "r"));
  }

  leave(id: string): void {
    if (this.#functions.delete(id)) setTimeout(() => this.#closeUnused(), CLOSING_MS);
  }

  #closeUnused(): void {
    const used = new Set(this.#functions.values());
    for (const [group, file] of this.#files) {
      if (used.has(group)) continue;
      closeSync(file);
      this.#files.delete(group);
    }
  }
}

/**
 * One client's connection to QEMU: its lines and QEMU's go through as they are, but for what
 * {@link EmulatedVfio} plays, and for the answers to what that asks.
 */
class Turn {
  readonly #client: Socket;
  readonly #qemu: Socket;
  readonly #answers = new Map<string, (line: string) => void>();
  readonly #vfio: EmulatedVfio;
  readonly #groups: OpenGroups;
  #asked = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(client: Socket, qemu: Socket, hosts: Map<string, string>, groups: OpenGroups) {
    this.#client = client;
    this.#qemu = qemu;
    this.#groups = groups;
    const monitor: QmpMonitor = {
      execute: async (command, args) => parseQmpReply(await this.#ask(command, args)),
      listen: () => Promise.reject(new Error("it listens to nothing")),
    };
    this.#vfio = new EmulatedVfio(monitor, isHeld, hosts);
    createInterface({ input: client }).on("line", (line) => this.#fromClient(line));
    createInterface({ input: qemu }).on("line", (line) => this.#fromQemu(line));
  }

  /** Resolves when what was asked for so far is done, also where the client has gone meanwhile. */
  get finished(): Promise<void> {
    return this.#last;
  }

  /** A command at a time, as QEMU carries them out. */
  #fromClient(line: string): void {
    this.#last = this.#last.then(() => this.#runPlan(line));
  }

  async #runPlan(line: string): Promise<void> {
    const { execute, arguments: args, id } = findCommand(line);
    if (!EmulatedVfio.plays(execute, args)) return void this.#qemu.write(`${line}\n`);
    const part = await this.#play(execute, args);
    this.#client.write(`${JSON.stringify({ ...part, ...(id !== undefined && { id }) })}\r\n`);
  }

  async #play(command: string, args: QmpArguments): Promise<object> {
    try {
      const result = await this.#vfio.execute(command, args);
      if (command === "device_add") this.#groups.take(String(args["id"]), String(args["host"]));
      return { return: result };
    } catch (cause) {
      if (cause instanceof QmpError) return { error: { class: cause.errorClass, desc: cause.description } };
      throw cause;
    }
  }

  #fromQemu(line: string): void {
    const id = /"id": "(played-\d+)"/.exec(line)?.[1];
    const own = id === undefined ? undefined : this.#answers.get(id);
    if (id !== undefined) this.#answers.delete(id);
    if (own === undefined) this.#client.write(`${line}\r\n`);
    else own(line);
  }

  #ask(command: string, args: QmpArguments | undefined): Promise<string> {
    const id = `${OWN_ID}${++this.#asked}`;
    return new Promise((resolve) => {
      this.#answers.set(id, resolve);
      this.#qemu.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`);
    });
  }
}

/** What a line asks for; of one that cannot be read, QEMU itself says so. */
function findCommand(line: string): {
  readonly execute: string;
  readonly arguments: QmpArguments;
  readonly id?: unknown;
} {
  try {
    const message: unknown = JSON.parse(line);
    if (!isRecord(message)) return { execute: "", arguments: {} };
    const { execute, arguments: args, id } = message;
    return { execute: String(execute), arguments: isRecord(args) ? (args as QmpArguments) : {}, id };
  } catch {
    return { execute: "", arguments: {} };
  }
}

function isHeld(address: string): boolean {
  try {
    return basename(readlinkSync(`${DEVICES}/${address}/driver`)) === "vfio-pci";
  } catch {
    return false;
  }
}

/**
 * Listens at `path` as a QEMU does whose monitor is at `upstream`: one client at a time, the next is
 * connected and hears nothing until then. Resolves when it listens.
 */
async function serve(path: string, upstream: string): Promise<void> {
  const hosts = new Map<string, string>();
  const groups = new OpenGroups();
  let turn: Promise<unknown> = Promise.resolve();
  const server = createServer({ pauseOnConnect: true }, (client) => {
    const gone = new Promise<void>((resolve) => client.once("close", () => resolve()));
    client.on("error", () => undefined);
    turn = turn.then(async () => {
      if (client.destroyed) return;
      const qemu = connect(upstream);
      qemu.on("error", () => undefined);
      qemu.on("close", () => client.destroy());
      const own = new Turn(client, qemu, hosts, groups);
      client.resume();
      await gone;
      await own.finished;
      qemu.destroy();
    });
  });
  // what is deleted while no client is there has to be heard of as well
  process.on("message", (id: string) => groups.leave(id));
  rmSync(path, { force: true });
  server.listen(path);
  await once(server, "listening");
}

const [path = "", upstream = ""] = process.argv.slice(2);
process.title = "qemu-system-x86";
void serve(path, upstream).then(() => process.send?.("listening"));
