import { execFileSync, spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  HOST_PROGRAM_PATH,
  installedHostProgram,
} from "../../../provider/hypervisor/plain-qemu/program/host-program";
import { FakeSysfs } from "../../support/plain-host";
import { Bench, waitUntil, type Sshd } from "../../support/sshd";
import { RawProgram } from "./raw-program";

/** The account of the tests: who logs in, and becomes root by sudo alone. */
export const ACCOUNT = "operator";
export const ACCOUNT_UID = 4711;

/** How the host's sudo is set up: lines of sudoers before the rule. */
export type SudoDefaults = readonly string[];

/**
 * A host with a real sshd, a real sudo and an account of its own, in mounts of its own; the installed program
 * with folders of the test's, in a folder that is root's alone, as those of a host are.
 */
export class SudoHost {
  /** Below /run, so that every folder on the way is root's alone. */
  readonly folder = mkdtempSync("/run/multifunction-pci-test-");
  readonly sysfs = new FakeSysfs();
  readonly home = join(this.folder, "home");
  readonly permissions = join(this.folder, "host.conf");
  readonly #bench = new Bench();
  readonly #children: ChildProcessWithoutNullStreams[] = [];
  #sshd: Sshd | undefined;

  private constructor() {
    chmodSync(this.folder, 0o755);
  }

  static async start(defaults: SudoDefaults): Promise<SudoHost> {
    const host = new SudoHost();
    await host.#start(defaults);
    return host;
  }

  async #start(defaults: SudoDefaults): Promise<void> {
    const { workspace } = this.#bench;
    chmodSync(workspace.path, 0o755);
    mkdirSync(this.home);
    chownSync(this.home, ACCOUNT_UID, ACCOUNT_UID);
    const etc = join(this.folder, "etc");
    mkdirSync(etc);
    const extended = (file: string, line: string, mode = 0o644): string => {
      const path = join(etc, file.replaceAll("/", "-"));
      writeFileSync(path, `${readFileSync(file, "utf8").trimEnd()}\n${line}\n`, { mode });
      return path;
    };
    const sudoers = join(etc, "sudoers");
    writeFileSync(
      sudoers,
      [...defaults, `${ACCOUNT} ALL=(root) NOPASSWD: ${HOST_PROGRAM_PATH} ""`, ""].join("\n"),
      {
        mode: 0o440,
      },
    );
    const sbin = join(this.folder, "sbin");
    mkdirSync(sbin);
    const folders = { ...this.sysfs.folders, permissions: this.permissions };
    writeFileSync(join(sbin, "multifunction-pci-host"), installedHostProgram(folders), { mode: 0o755 });
    this.#sshd = await this.#bench.startSshd({
      inPlaceOf: [
        [
          "/etc/passwd",
          extended("/etc/passwd", `${ACCOUNT}:x:${ACCOUNT_UID}:${ACCOUNT_UID}::${this.home}:/bin/bash`),
        ],
        ["/etc/group", extended("/etc/group", `${ACCOUNT}:x:${ACCOUNT_UID}:`)],
        ["/etc/shadow", extended("/etc/shadow", `${ACCOUNT}:*:20000:0:99999:7:::`, 0o640)],
        ["/etc/sudoers", sudoers],
        ["/usr/local/sbin", sbin],
      ],
      config: ["PermitUserEnvironment yes", "AcceptEnv *"],
    });
    // read by the account itself
    execFileSync("sh", ["-c", `chmod 644 ${workspace.path}/*.authorized_keys`]);
  }

  get port(): number {
    return this.#sshd!.port;
  }

  get bench(): Bench {
    return this.#bench;
  }

  get sshd(): Sshd {
    return this.#sshd!;
  }

  /** Writes the list of what the account may do; as root's alone, if nothing else is said. */
  allow(lines: readonly string[], { mode = 0o644, uid = 0 }: { mode?: number; uid?: number } = {}): void {
    rmSync(this.permissions, { force: true });
    writeFileSync(this.permissions, lines.map((line) => `${line}\n`).join(""));
    chmodSync(this.permissions, mode);
    chownSync(this.permissions, uid, uid);
  }

  /** A process of the account's, until the end. */
  startAsAccount(script: string): ChildProcessWithoutNullStreams {
    const child = spawn("setpriv", [
      ...["--pdeathsig", "KILL", `--reuid=${ACCOUNT_UID}`, `--regid=${ACCOUNT_UID}`, "--clear-groups"],
      ...["bash", "-c", script],
    ]);
    this.#children.push(child);
    return child;
  }

  /** A QEMU of root's with its monitor at a path. */
  async startQemu(
    path: string,
    uuid: string,
    machine: readonly string[] = ["-M", "none", "-S"],
  ): Promise<ChildProcessWithoutNullStreams> {
    rmSync(path, { force: true });
    const args = [...machine, "-nodefaults", "-display", "none", "-uuid", uuid];
    const child = spawn("setpriv", [
      ...["--pdeathsig", "KILL", "qemu-system-x86_64", ...args],
      ...["-qmp", `unix:${path},server=on,wait=off`],
    ]);
    this.#children.push(child);
    await waitUntil(`QEMU listens at ${path}`, () => existsSync(path));
    return child;
  }

  /** The installed program, by sudo, over ssh, as whoever has the account may run it by hand. */
  program(environment: Readonly<Record<string, string>> = {}): RawProgram {
    const set = Object.entries(environment).map(([name, value]) => `'${name}=${value}'`);
    const command = `exec env ${set.join(" ")} /usr/bin/sudo -n ${HOST_PROGRAM_PATH}`;
    const child = spawn("ssh", [
      ...["-T", "-F", "none", "-i", this.#bench.clientKey, "-p", String(this.port)],
      ...["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"],
      ...[`${ACCOUNT}@127.0.0.1`, command],
    ]);
    this.#children.push(child);
    return new RawProgram(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await this.#bench.tearDown();
    this.sysfs.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
