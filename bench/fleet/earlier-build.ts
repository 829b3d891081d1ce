import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { runProgram } from "../ssh-client";

const root = resolve(__dirname, "../..");

/** The package as a commit of this repository has it, built, where the shim of another folder finds it. */
export class EarlierBuild {
  private constructor(
    /** Working directory for a provider of that commit. */
    readonly folder: string,
    readonly commit: string,
  ) {}

  static async make(revision: string): Promise<EarlierBuild> {
    const commit = (await runProgram("git", ["-C", root, "rev-parse", "--short", revision])).trim();
    const folder = mkdtempSync(join(tmpdir(), "multifunction-pci-earlier-"));
    const modules = join(folder, "node_modules");
    const source = join(modules, "pulumi-multifunction-pci");
    try {
      mkdirSync(modules);
      await runProgram("git", ["-C", root, "worktree", "add", "--detach", source, commit]);
      // below the package, for its build, and beside it, for what Pulumi's process and the package ask for
      symlinkSync(join(root, "node_modules"), join(source, "node_modules"));
      for (const name of ["@pulumi", "ssh2"])
        symlinkSync(join(root, "node_modules", name), join(modules, name));
      // by its name, because the file behind it has moved once
      await runProgram("npm", ["--prefix", source, "run", "build"]);
      return new EarlierBuild(folder, commit);
    } catch (cause) {
      await EarlierBuild.#remove(folder);
      throw cause;
    }
  }

  close(): Promise<void> {
    return EarlierBuild.#remove(this.folder);
  }

  static async #remove(folder: string): Promise<void> {
    rmSync(folder, { recursive: true, force: true });
    await runProgram("git", ["-C", root, "worktree", "prune"]);
  }
}
