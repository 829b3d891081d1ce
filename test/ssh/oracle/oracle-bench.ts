import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { SshPool } from "../../../provider/ssh";
import { SshConfigFile } from "../../support/ssh-config";
import { Bench, fingerprint, freePort, publicLine, type Sshd, waitUntil } from "../../support/sshd";
import type { Case, Outcome, Places, ServerName } from "./case";

/** Beside root, so that a user is seen in a login; each with the number of root. */
const ACCOUNTS = ["root", "carol", "dave"];

/** Real sshds that a file's cases share, and the keys and files that they name. */
export class OracleBench {
  readonly #bench = new Bench();
  readonly #servers = new Map<ServerName, Sshd>();
  readonly #agents: ChildProcess[] = [];
  readonly #agentPaths = new Map<string, Promise<string>>();
  readonly #keys: Readonly<Record<string, string>>;
  #pool: SshPool | undefined;

  constructor() {
    const { workspace } = this.#bench;
    const rsa = ["-t", "rsa", "-b", "2048"];
    this.#keys = {
      client: this.#bench.clientKey,
      second: workspace.generateKey("second"),
      rsa: workspace.generateKey("client_rsa", ...rsa),
      ecdsa: workspace.generateKey("client_ecdsa", "-t", "ecdsa"),
      stranger: workspace.generateKey("stranger"),
      "user-ca": workspace.generateKey("user_ca"),
      certified: workspace.generateKey("certified"),
      "host-ca": workspace.generateKey("host_ca"),
      "host-ed25519": this.#bench.hostKey,
      "host-rsa": workspace.generateKey("host_rsa", ...rsa),
      "host-ecdsa": workspace.generateKey("host_ecdsa", "-t", "ecdsa"),
      "jump-ed25519": workspace.generateKey("jump_ed25519"),
      "certified-host": workspace.generateKey("certified_host"),
    };
  }

  async start(): Promise<void> {
    delete process.env["SSH_AUTH_SOCK"];
    process.env["ORACLE_WORD"] = "word";
    this.#pool = this.#bench.pool();
    const host = ["host-ed25519", "host-rsa", "host-ecdsa"];
    const port = await freePort();
    await this.#startSshd("main", host, port);
    await this.#startSshd("main6", host, port, "::1");
    await this.#startSshd("jump", ["jump-ed25519"]);
    this.#certify("certified-host", "host-ca", "-h", "-n", "127.0.0.1");
    await this.#startSshd("certified", ["certified-host"], undefined, "127.0.0.1", [
      `HostCertificate ${this.#key("certified-host")}-cert.pub`,
    ]);
  }

  async tearDown(): Promise<void> {
    for (const agent of this.#agents) agent.kill();
    await this.#bench.tearDown();
  }

  get places(): Places {
    const { workspace } = this.#bench;
    return {
      folder: workspace.path,
      key: (name) => this.#key(name),
      publicKey: (name) => publicLine(this.#key(name)),
      port: (name) => this.#server(name).port,
      write: (name, text) => this.#write(name, text),
      script: (name, text) => {
        const path = this.#write(name, `#!/bin/sh\n${text}\n`);
        chmodSync(path, 0o755);
        return path;
      },
      copyKey: (name, as) => {
        for (const half of ["", ".pub"])
          copyFileSync(this.#key(name) + half, join(workspace.path, as) + half);
        return join(workspace.path, as);
      },
      certificate: (key, as, ...options) => {
        const copy = join(workspace.path, as);
        for (const half of ["", ".pub"]) copyFileSync(this.#key(key) + half, copy + half);
        const ca = this.#key("user-ca");
        execFileSync("ssh-keygen", ["-q", "-s", ca, "-I", as, ...options, `${copy}.pub`]);
        return copy;
      },
      agent: async (as, ...keys) => {
        const started = this.#agentPaths.get(as) ?? this.#startAgent(as, keys);
        this.#agentPaths.set(as, started);
        return started;
      },
      keygen: (...args) =>
        execFileSync("ssh-keygen", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    };
  }

  /** What the real ssh makes of a case. */
  async askSsh(one: Case, file: SshConfigFile): Promise<Outcome> {
    const { user, port } = one.arguments ?? {};
    const options = [
      ...(user === undefined ? [] : ["-l", user]),
      ...(port === undefined ? [] : ["-p", String(port(this.places))]),
    ];
    const { status, stdout, stderr } = await run("ssh", [
      ...["-F", file.path, "-o", "LogLevel=DEBUG1", ...options],
      ...["--", one.host ?? "hv", COMMAND],
    ]);
    const shown =
      [...stderr.matchAll(/Server host (?:key|certificate): \S+ (SHA256:[^\s,]+)/g)].at(-1)?.[1] ?? "";
    if (status !== 0) return { is: "refused", why: stderr };
    return this.#outcomeOf(stdout, shown);
  }

  /** What this provider makes of it. */
  async askProvider(one: Case, file: SshConfigFile): Promise<Outcome> {
    const { user, port } = one.arguments ?? {};
    try {
      const target = await file.targetOf({
        host: one.host ?? "hv",
        ...(user !== undefined && { user }),
        ...(port !== undefined && { port: port(this.places) }),
      });
      const connection = await this.#requirePool().acquire(target);
      const process = await connection.exec(COMMAND);
      let stdout = "";
      for await (const chunk of process.stdio) stdout += String(chunk);
      return await this.#outcomeOf(stdout, connection.hostKeyFingerprint);
    } catch (error) {
      return { is: "refused", why: String(error) };
    }
  }

  configOf(one: Case): SshConfigFile {
    // nobody answers a question here, and what ssh learns must not reach the next case
    const quiet = ["Match all", "BatchMode yes", "UpdateHostKeys no"];
    return new SshConfigFile(this.#bench.workspace, ...quiet, ...one.config(this.places));
  }

  async #outcomeOf(connection: string, hostKey: string): Promise<Outcome> {
    const [from = "", fromPort = "", to = "", port = ""] = connection.trim().split(" ");
    const [name, server] =
      [...this.#servers].find(([, one]) => String(one.port) === port && one.address === to) ?? [];
    if (name === undefined || server === undefined) throw new Error(`no server of ours: ${connection}`);
    const pattern = new RegExp(
      `Accepted publickey for (\\S+) from ${from} port ${fromPort} ssh2: \\S+ (?:ID \\S+ .*|(SHA256:\\S+))`,
    );
    await server.waitForLog(pattern);
    const [line = "", user = "", key] = pattern.exec(server.log) ?? [];
    const certified = /ssh2: \S+-CERT (SHA256:\S+)/.exec(line)?.[1];
    return {
      is: "in",
      server: name,
      user,
      from,
      hostKey: this.#nameOf(hostKey),
      userKey: certified === undefined ? this.#nameOf(key ?? "") : `${this.#nameOf(certified)} certificate`,
    };
  }

  #nameOf(shown: string): string {
    const known = Object.entries(this.#keys).find(([, path]) => fingerprint(path) === shown);
    return known?.[0] ?? `no key of ours: ${shown}`;
  }

  async #startSshd(
    name: ServerName,
    hostKeys: readonly string[],
    port?: number,
    address = "127.0.0.1",
    config: readonly string[] = [],
  ): Promise<void> {
    const { workspace } = this.#bench;
    const passwd = ACCOUNTS.map((account) => `${account}:x:0:0::/root:/bin/sh\n`).join("");
    const sshdAccount = readFileSync("/etc/passwd", "utf8").match(/^sshd:.*$/m)?.[0] ?? "";
    const sshd = await this.#bench.startSshd({
      hostKeys: hostKeys.map((key) => this.#key(key)),
      authorizedKeys: ["client", "second", "rsa", "ecdsa"].map((key) => this.#key(key)),
      ...(port !== undefined && { port }),
      address,
      inPlaceOf: [["/etc/passwd", workspace.write("passwd", `${passwd}${sshdAccount}\n`)]],
      config: [...config, `TrustedUserCAKeys ${this.#key("user-ca")}.pub`, "AllowTcpForwarding yes"],
    });
    this.#servers.set(name, sshd);
  }

  /** Never twice the same: another case may be reading it. */
  #write(name: string, text: string): string {
    const path = join(this.#bench.workspace.path, name);
    if (existsSync(path) && readFileSync(path, "utf8") === text) return path;
    return this.#bench.workspace.write(name, text);
  }

  #certify(key: string, ca: string, ...options: readonly string[]): void {
    const signing = ["-q", "-s", this.#key(ca), "-I", key, ...options];
    execFileSync("ssh-keygen", [...signing, `${this.#key(key)}.pub`]);
  }

  async #startAgent(as: string, keys: readonly string[]): Promise<string> {
    const path = join(this.#bench.workspace.path, as);
    this.#agents.push(spawn("ssh-agent", ["-D", "-a", path], { stdio: "ignore" }));
    await waitUntil("the agent listens", () => existsSync(path));
    const env = { ...process.env, SSH_AUTH_SOCK: path };
    for (const key of keys) execFileSync("ssh-add", [key], { env, stdio: "ignore" });
    return path;
  }

  #key(name: string): string {
    const path = this.#keys[name];
    if (path === undefined) throw new Error(`no key ${name}`);
    return path;
  }

  #server(name: ServerName): Sshd {
    const server = this.#servers.get(name);
    if (server === undefined) throw new Error(`no server ${name}`);
    return server;
  }

  #requirePool(): SshPool {
    if (this.#pool === undefined) throw new Error("not started");
    return this.#pool;
  }
}

/** Says at which end of which connection it runs. */
const COMMAND = 'echo "$SSH_CONNECTION"';

interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(program: string, args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env: process.env, timeout: 30_000 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code ?? 255), stdout, stderr }),
    );
    child.stdin?.end();
  });
}
