import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { NetworkNamespace } from "../../test/support/network-namespace";
import { CountingRelay, type Traffic } from "../counting-relay";
import type { SshDestination } from "../ssh-client";
import type {
  GuestOfHost,
  HostCounts,
  HostMessage,
  HostQuestion,
  HostReady,
  HostRequest,
  HostSetup,
  HostState,
} from "./protocol";

const root = resolve(__dirname, "../..");
/** Generous: dozens of QEMU processes start one after the other. */
const START_MS = 300_000;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (cause: Error) => void;
}

/** A host of the bench from outside; see host-main.ts. */
export class Host {
  #lastId = 0;
  readonly #waiting = new Map<number, Waiting>();

  private constructor(
    readonly guests: readonly GuestOfHost[],
    private readonly removeNamespace: () => void,
    private readonly child: ChildProcess,
    private readonly relay: CountingRelay,
    private readonly ready: HostReady,
    private readonly clientKey: string,
  ) {
    child.on("message", (message: HostMessage) => {
      if (!("id" in message)) return;
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if ("error" in message) waiting?.reject(new Error(message.error));
      else waiting?.resolve(message.result);
    });
    child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("a host of the bench has ended"));
    });
  }

  /** @param clientKey path of the key pair that may log in */
  static async start(name: string, guests: readonly GuestOfHost[], clientKey: string): Promise<Host> {
    const namespace = new NetworkNamespace();
    // also where the bench ends without a close
    const remove = (): void => namespace.remove();
    process.once("exit", remove);
    const address = namespace.innerAddress;
    const machineId = createHash("sha256").update(name).digest("hex").slice(0, 32);
    const setup: HostSetup = { address, machineId, clientKey, guests };
    // bash is process 1 there, and takes care of those whose parents have gone
    const inside = ["bash", "-c", '"$@" & wait $!', "bash", process.execPath, "--import", "tsx"];
    const spaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"];
    const child = spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "ip", "netns", "exec", namespace.name, "unshare", ...spaces],
        ...[...inside, join(__dirname, "host-main.ts"), JSON.stringify(setup)],
      ],
      { cwd: root, stdio: ["ignore", "inherit", "inherit", "ipc"] },
    );
    try {
      const ready = await isReady(child);
      const relay = await CountingRelay.open({ host: address, port: ready.port });
      const end = (): void => {
        process.off("exit", remove);
        remove();
      };
      return new Host(guests, end, child, relay, ready, clientKey);
    } catch (cause) {
      child.kill("SIGKILL");
      process.off("exit", remove);
      remove();
      throw cause;
    }
  }

  get hostKey(): string {
    return this.ready.hostKey;
  }

  get destination(): SshDestination {
    return { host: "127.0.0.1", port: this.relay.port, privateKeyFile: this.clientKey };
  }

  get traffic(): Traffic {
    return this.relay.traffic;
  }

  count(): Promise<HostCounts> {
    return this.#ask<HostCounts>({ ask: "count" });
  }

  state(): Promise<HostState> {
    return this.#ask<HostState>({ ask: "state" });
  }

  /** Runs a script on the host itself, past SSH. */
  run(script: string): Promise<string> {
    return this.#ask<string>({ ask: "run", script });
  }

  async close(): Promise<void> {
    await this.relay.close();
    const ended = new Promise((done) => this.child.once("exit", done));
    if (this.child.exitCode === null && this.child.signalCode === null) {
      // the other processes of its namespaces end with it, and its files are in its own mounts
      this.child.disconnect();
      await ended;
    }
    this.removeNamespace();
  }

  #ask<T>(request: HostRequest): Promise<T> {
    const id = ++this.#lastId;
    return new Promise<T>((done, reject) => {
      this.#waiting.set(id, { resolve: (result) => done(result as T), reject });
      this.child.send({ id, request } satisfies HostQuestion);
    });
  }
}

function isReady(child: ChildProcess): Promise<HostReady> {
  return new Promise((done, reject) => {
    const late = setTimeout(() => reject(new Error("a host of the bench did not start")), START_MS);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`a host of the bench ended with ${code} at its start`)));
    child.once("message", (message: HostMessage) => {
      clearTimeout(late);
      if ("ready" in message) done(message.ready);
    });
  });
}
