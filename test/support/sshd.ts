import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SshPool, type SshTarget } from "../../provider/ssh";

/** A directory of its own for one test file, removed at the end. */
export class Workspace {
  readonly path = mkdtempSync(join(tmpdir(), "multifunction-pci-ssh-"));

  /** Makes a key pair with ssh-keygen and returns the path of the private half. */
  generateKey(name: string, ...options: readonly string[]): string {
    const path = join(this.path, name);
    const defaults = ["-q", "-t", "ed25519", "-N", "", "-C", name];
    execFileSync("ssh-keygen", [...defaults, ...options, "-f", path]);
    return path;
  }

  write(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** The public key line of a key pair, without its comment. */
export function publicLine(privateKeyPath: string): string {
  return readFileSync(`${privateKeyPath}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
}

/** The fingerprint as ssh-keygen prints it. */
export function fingerprint(privateKeyPath: string): string {
  return (
    execFileSync("ssh-keygen", ["-lf", `${privateKeyPath}.pub`], { encoding: "utf8" }).split(" ")[1] ?? ""
  );
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface SshdOptions {
  readonly hostKeys: readonly string[];
  readonly authorizedKeys: readonly string[];
  readonly port?: number;
  /** Where it listens; 127.0.0.1 if nothing else is said. */
  readonly address?: string;
  /** A network namespace that it and its sessions run in. */
  readonly namespace?: string;
  /** A folder that it and its sessions have for /sys. */
  readonly sysfs?: string;
  /** Files that it and its sessions have in place of the machine's: path of the machine's, path of theirs. */
  readonly inPlaceOf?: readonly (readonly [machines: string, theirs: string])[];
  /** A process whose mounts it and its sessions have. */
  readonly mountsOf?: number;
  /** Lines that come first in the configuration, where the first value wins. */
  readonly config?: readonly string[];
}

/** A real OpenSSH server on the loopback, with keys and configuration of its own. */
export class Sshd {
  static #count = 0;

  static async start(workspace: Workspace, options: SshdOptions): Promise<Sshd> {
    const port = options.port ?? (await freePort());
    const address = options.address ?? "127.0.0.1";
    const name = `sshd${++Sshd.#count}`;
    const authorized = options.authorizedKeys.map((path) => readFileSync(`${path}.pub`, "utf8")).join("");
    const config = [
      ...(options.config ?? []),
      `ListenAddress ${address.includes(":") ? `[${address}]` : address}:${port}`,
      ...options.hostKeys.map((path) => `HostKey ${path}`),
      `AuthorizedKeysFile ${workspace.write(`${name}.authorized_keys`, authorized)}`,
      "PidFile none",
      "UsePAM no",
      "StrictModes no",
      "PermitRootLogin yes",
      "LogLevel VERBOSE",
      // of this option the last counts
      ...(options.config?.some((line) => line.startsWith("MaxStartups")) ? [] : ["MaxStartups 200"]),
    ];
    // The directory that Debian's unit file makes for the unprivileged half of sshd.
    if (!existsSync("/run/sshd")) mkdirSync("/run/sshd", { mode: 0o755 });
    const file = workspace.write(`${name}.config`, `${config.join("\n")}\n`);
    const command = ["/usr/sbin/sshd", "-D", "-e", "-f", file];
    const inside = options.namespace === undefined ? [] : ["ip", "netns", "exec", options.namespace];
    const mounts = [
      ...(options.sysfs === undefined ? [] : [["/sys", options.sysfs] as const]),
      ...(options.inPlaceOf ?? []),
    ];
    const script = [...mounts.map(() => 'mount --bind "$2" "$1" && shift 2'), 'exec "$@"'].join(" && ");
    const over =
      mounts.length === 0 ? [] : ["unshare", "--mount", "sh", "-c", script, "sh", ...mounts.flat()];
    const beside =
      options.mountsOf === undefined ? [] : ["nsenter", `--mount=/proc/${options.mountsOf}/ns/mnt`];
    const [program = "", ...args] = [...inside, ...beside, ...over, ...command];
    const sshd = new Sshd(address, port, spawn(program, args));
    await sshd.waitForLog(/Server listening/);
    return sshd;
  }

  #log = "";

  private constructor(
    readonly address: string,
    readonly port: number,
    private readonly child: ChildProcess,
  ) {
    child.stderr?.on("data", (text) => (this.#log += String(text)));
  }

  /** Everything it has logged so far. */
  get log(): string {
    return this.#log;
  }

  /** How many logins it has accepted. */
  get acceptedLogins(): number {
    return this.#log.match(/Accepted \w+ for /g)?.length ?? 0;
  }

  async waitForLog(pattern: RegExp): Promise<void> {
    await waitUntil(`sshd logs ${pattern}; it logged: ${this.#log}`, () => pattern.test(this.#log));
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGTERM");
    await ended;
  }

  /** Root on this server, key login, everything strict. */
  target(fields: Partial<SshTarget>): SshTarget {
    return {
      host: this.address,
      port: this.port,
      user: "root",
      dialErrorLimit: 1,
      perDialTimeoutSeconds: 10,
      strictHostKeyChecking: "yes",
      ...fields,
    };
  }
}

/** Looks every 20 ms until the condition holds; fails after the limit. */
export async function waitUntil(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  limitMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What most tests need: a server with an ed25519 host key, and a client key it lets in. */
export class Bench {
  readonly workspace = new Workspace();
  readonly hostKey = this.workspace.generateKey("host_ed25519");
  readonly clientKey = this.workspace.generateKey("client");
  readonly #pools: SshPool[] = [];
  readonly #servers: Sshd[] = [];

  async startSshd(options: Partial<SshdOptions> = {}): Promise<Sshd> {
    const sshd = await Sshd.start(this.workspace, {
      hostKeys: [this.hostKey],
      authorizedKeys: [this.clientKey],
      ...options,
    });
    this.#servers.push(sshd);
    return sshd;
  }

  /** Credentials and host key that are right for {@link startSshd}. */
  get login(): Pick<SshTarget, "privateKey" | "hostKey"> {
    return { privateKey: readFileSync(this.clientKey, "utf8"), hostKey: publicLine(this.hostKey) };
  }

  pool(): SshPool {
    const pool = new SshPool();
    this.#pools.push(pool);
    return pool;
  }

  async tearDown(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
    await Promise.all(this.#servers.map((sshd) => sshd.stop()));
    this.workspace.remove();
  }
}
