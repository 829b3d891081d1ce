import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SshTargetResolver } from "../../provider/connections/ssh-target-resolver";
import type { ConnectionInputs } from "../../provider/resource";
import { OpensshConfig, type SshTarget } from "../../provider/ssh";
import type { Workspace } from "./sshd";

/**
 * An ssh_config of a test's own, asked by the real `ssh -G` (`ssh -F` in place of the user's and the
 * system's).
 */
export class SshConfigFile {
  readonly path: string;

  constructor(workspace: Workspace, ...lines: readonly string[]) {
    this.path = workspace.write(`ssh_config.${Math.random().toString(36).slice(2)}`, `${lines.join("\n")}\n`);
  }

  /** What is dialled for these arguments. Some hundred milliseconds are left to a machine that is busy. */
  async targetOf(
    connection: ConnectionInputs,
    say: (line: string) => void = () => undefined,
  ): Promise<SshTarget> {
    const openssh = new OpensshConfig({ file: this.path, limitMs: 30_000 });
    const strict = { dialErrorLimit: 1, ...connection };
    return new SshTargetResolver({ environment: process.env, ambient: {}, openssh, say }).resolve(strict);
  }
}

/** An `ssh` before the real one on PATH: it writes down its arguments, and then does as the script says. */
export class SshOnPath {
  readonly #log: string;
  readonly #path = process.env["PATH"];

  /** @param script of sh; `real` runs the real ssh with the same arguments */
  constructor(workspace: Workspace, script: string) {
    const folder = join(workspace.path, `bin.${Math.random().toString(36).slice(2)}`);
    this.#log = join(folder, "log");
    mkdirSync(folder);
    const real = `real() { exec /usr/bin/ssh "$@"; }`;
    writeFileSync(
      join(folder, "ssh"),
      `#!/bin/sh\nfor last; do :; done\necho "$last" >>"${this.#log}"\n${real}\n${script}\n`,
    );
    chmodSync(join(folder, "ssh"), 0o755);
    process.env["PATH"] = `${folder}${delimiter}${this.#path ?? ""}`;
  }

  /** The hosts that it was asked for. */
  get askedFor(): readonly string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8").trimEnd().split("\n") : [];
  }

  restore(): void {
    process.env["PATH"] = this.#path;
  }
}
