import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

/** The repository's own folder. */
export const repository = path.resolve(__dirname, "../../..");

/** How long one `pulumi` command may take before it counts as hung. */
const commandTimeoutMs = 180_000;

/** One line that a command printed, and when. */
export interface PrintedLine {
  readonly text: string;
  /** Milliseconds since the command was started. */
  readonly atMs: number;
}

/** What a finished command left. */
export interface CommandResult {
  /** Exit code; null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Lines of both streams, in the order in which they came. */
  readonly lines: readonly PrintedLine[];
}

/** A command under way. */
export interface RunningCommand {
  readonly pid: number;
  /** Lines printed so far. */
  readonly lines: readonly PrintedLine[];
  /** Settles when the command has ended and its output is read; never rejects for an exit code. */
  readonly finished: Promise<CommandResult>;
  /** Sends a signal to the `pulumi` process alone, as the OOM killer or a user's `kill` would. */
  kill(signal: NodeJS.Signals): void;
  /**
   * Resolves with the first line that matches, also one already printed; rejects if the command ends without.
   */
  line(pattern: RegExp): Promise<PrintedLine>;
}

/** What a test project runs: an ordinary program folder, or the text of one. */
export interface ProjectOptions {
  /** Folder with a Pulumi.yaml. Nothing is written to it. Either this or `source`. */
  readonly folder?: string;
  /** Text of an index.ts, put into a folder of its own that uses the repository's packages. */
  readonly source?: string;
  /** Name of the project made from `source`. Default: `program`. */
  readonly name?: string;
  /** Default: `test`. */
  readonly stack?: string;
  /** Extra environment of every command. */
  readonly env?: Readonly<Record<string, string>>;
  /** A project whose backend and home this shares, as two stacks of one user do. Default: its own. */
  readonly beside?: PulumiProject;
}

/**
 * One stack with its own local backend, home and passphrase in a temporary folder, run by the real CLI.
 *
 * The CLI is the one on PATH, or the one that tools/pulumi-cli/ensure.mjs built.
 *
 * @example
 * await using project = await PulumiProject.create({ folder: "examples/quickstart" });
 * await project.setConfig({ host: "127.0.0.1" });
 * await project.setSecret({ sshKey });
 * expect((await project.up()).code).toBe(0);
 */
export class PulumiProject {
  private readonly started: RunningCommand[] = [];

  private constructor(
    /** Folder with the Pulumi.yaml that commands run in. */
    readonly folder: string,
    private readonly temporary: string,
    private stack: string,
    private readonly env: Readonly<Record<string, string>>,
    /** Where backend and home are. */
    private readonly shared: string,
  ) {}

  /** Makes the folders and the stack. */
  static async create(options: ProjectOptions): Promise<PulumiProject> {
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-pulumi-"));
    const shared = options.beside?.shared ?? temporary;
    fs.mkdirSync(path.join(shared, "backend"), { recursive: true });
    const folder = options.folder
      ? path.resolve(repository, options.folder)
      : path.join(temporary, "program");
    if (options.source !== undefined) writeProgram(folder, options.source, options.name);
    // Commands that need no program run in a copy of the project file, so that the folder itself stays
    // untouched: `stack init` writes the stack's settings beside it.
    const settings = path.join(temporary, "settings");
    fs.mkdirSync(settings);
    fs.copyFileSync(path.join(folder, "Pulumi.yaml"), path.join(settings, "Pulumi.yaml"));
    const project = new PulumiProject(folder, temporary, options.stack ?? "test", options.env ?? {}, shared);
    const init = await project.run(["stack", "init", project.stack]);
    if (init.code !== 0) throw new Error(`pulumi stack init failed:\n${init.stdout}${init.stderr}`);
    return project;
  }

  /** Everything that the backend wrote: checkpoints, their backups, history. */
  get backendFolder(): string {
    return path.join(this.shared, "backend");
  }

  /** Replaces the program of a project made from `source`. */
  rewrite(source: string): void {
    if (!this.folder.startsWith(this.temporary))
      throw new Error(`${this.folder} is not this test's to change`);
    fs.writeFileSync(path.join(this.folder, "index.ts"), source);
  }

  /** Sets plain configuration values of the project's own namespace. */
  async setConfig(values: Readonly<Record<string, string>>): Promise<void> {
    await this.configureAll(values, "--plaintext");
  }

  /** Sets secret configuration values of the project's own namespace. */
  async setSecret(values: Readonly<Record<string, string>>): Promise<void> {
    await this.configureAll(values, "--secret");
  }

  /** Takes configuration values away again. */
  async removeConfig(...keys: readonly string[]): Promise<void> {
    expectSuccess(await this.run(["config", "rm-all", ...keys]));
  }

  up(...args: readonly string[]): Promise<CommandResult> {
    return this.start(["up", "--yes", "--skip-preview", ...this.configFile(), ...args]).finished;
  }

  preview(...args: readonly string[]): Promise<CommandResult> {
    return this.start(["preview", ...this.configFile(), ...args]).finished;
  }

  refresh(...args: readonly string[]): Promise<CommandResult> {
    return this.start(["refresh", "--yes", "--skip-preview", ...this.configFile(), ...args]).finished;
  }

  destroy(...args: readonly string[]): Promise<CommandResult> {
    return this.start(["destroy", "--yes", "--skip-preview", ...this.configFile(), ...args]).finished;
  }

  /** `pulumi stack rename`: the stack, and its settings with it. */
  async renameStack(stack: string): Promise<void> {
    expectSuccess(await this.run(["stack", "rename", stack]));
    this.stack = stack;
  }

  /** `pulumi state …`, without a question. */
  async changeState(...args: readonly string[]): Promise<void> {
    expectSuccess(await this.run(["state", ...args, "--yes"]));
  }

  /** Removes the lock that a killed command left on the stack. */
  cancel(): Promise<CommandResult> {
    return this.run(["cancel", "--yes"]);
  }

  /** The stack's outputs, secrets included. */
  async outputs(): Promise<Record<string, unknown>> {
    const result = expectSuccess(await this.run(["stack", "output", "--json", "--show-secrets"]));
    return JSON.parse(result.stdout) as Record<string, unknown>;
  }

  /** The state as stored: secrets are encrypted. */
  async stackExport(): Promise<Deployment> {
    const result = expectSuccess(await this.run(["stack", "export"]));
    return (JSON.parse(result.stdout) as { deployment: Deployment }).deployment;
  }

  /** Replaces the state, as a user does to go on from another machine's. */
  async stackImport(deployment: unknown): Promise<void> {
    const file = path.join(this.temporary, "import.json");
    fs.writeFileSync(file, JSON.stringify({ version: 3, deployment }));
    expectSuccess(await this.run(["stack", "import", "--force", "--file", file]));
  }

  /**
   * Starts any command in the program's folder and returns at once. The stack is chosen by the environment.
   */
  start(args: readonly string[], env?: Readonly<Record<string, string>>): RunningCommand {
    return this.startIn(this.folder, args, env);
  }

  /** `up` under way, to be killed. */
  startUp(...args: readonly string[]): RunningCommand {
    return this.start(["up", "--yes", "--skip-preview", ...this.configFile(), ...args]);
  }

  /** `up` or `destroy` under way, with more in its environment. */
  startWith(env: Readonly<Record<string, string>>, command: "up" | "destroy"): RunningCommand {
    return this.start([command, "--yes", "--skip-preview", ...this.configFile()], env);
  }

  /** Keeps the stack's state under this name, for {@link restoreState}. */
  saveState(name: string): void {
    fs.cpSync(this.backendFolder, path.join(this.temporary, "saved", name), { recursive: true });
  }

  /** Puts the stack's state back to a saved one. */
  restoreState(name: string): void {
    fs.rmSync(this.backendFolder, { recursive: true });
    fs.cpSync(path.join(this.temporary, "saved", name), this.backendFolder, { recursive: true });
  }

  /** The environment of every command: backend, home and passphrase of this project alone. */
  environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: [cliFolder(), process.env["PATH"]].join(path.delimiter),
      PULUMI_BACKEND_URL: `file://${this.backendFolder}`,
      PULUMI_HOME: path.join(this.shared, "home"),
      PULUMI_CONFIG_PASSPHRASE: "only for tests",
      PULUMI_STACK: this.stack,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK: "true",
      // a command a time would check the types of @pulumi/pulumi; the checks do that for the programs once
      PULUMI_NODEJS_TRANSPILE_ONLY: "true",
      ...this.env,
    };
  }

  /**
   * Fails if one of the values stands anywhere under the backend folder in plain text: as it is, escaped as
   * JSON, in base64, or any long line of it (a key's text has many).
   */
  expectNoPlainText(...secrets: readonly string[]): void {
    const files = fs.readdirSync(this.backendFolder, { recursive: true, withFileTypes: true });
    const texts = files.filter((file) => file.isFile()).map((file) => path.join(file.parentPath, file.name));
    if (texts.length === 0) throw new Error(`nothing was written under ${this.backendFolder}`);
    for (const file of texts) {
      const text = fs.readFileSync(file, "latin1");
      for (const [index, secret] of secrets.entries()) {
        const found = spellings(secret).find((spelling) => text.includes(spelling));
        if (found) {
          const where = path.relative(this.backendFolder, file);
          throw new Error(
            `secret number ${index} stands in ${where} in plain text, at ${text.indexOf(found)}`,
          );
        }
      }
    }
  }

  /** Process ids of dynamic providers that this project's commands started and that still live. */
  providerProcesses(): number[] {
    const mark = `PULUMI_HOME=${path.join(this.shared, "home")}`;
    return fs
      .readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .filter((entry) => {
        const commandLine = readOrEmpty(`/proc/${entry}/cmdline`).split("\0");
        return (
          commandLine.some((argument) => argument.includes("@pulumi/pulumi/cmd/dynamic-provider")) &&
          readOrEmpty(`/proc/${entry}/environ`).split("\0").includes(mark)
        );
      })
      .map(Number);
  }

  /** Ends what is left of this project's processes and removes its folders. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const command of this.started) command.kill("SIGKILL");
    await Promise.all(this.started.map((command) => command.finished));
    for (const pid of this.providerProcesses()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // it ended in the meantime
      }
    }
    fs.rmSync(this.temporary, { recursive: true, force: true });
  }

  private async configureAll(values: Readonly<Record<string, string>>, kind: "--plaintext" | "--secret") {
    const pairs = Object.entries(values).flatMap(([key, value]) => [kind, `${key}=${value}`]);
    expectSuccess(await this.run(["config", "set-all", ...pairs]));
  }

  private configFile(): string[] {
    return ["--config-file", path.join(this.temporary, "settings", `Pulumi.${this.stack}.yaml`)];
  }

  private run(args: readonly string[]): Promise<CommandResult> {
    return this.startIn(path.join(this.temporary, "settings"), args).finished;
  }

  private startIn(
    cwd: string,
    args: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): RunningCommand {
    const command = startCommand("pulumi", [...args, "--non-interactive", "--color", "never"], {
      cwd,
      env: { ...this.environment(), ...env },
    });
    this.started.push(command);
    return command;
  }
}

/** The part of an exported state that tests look at. */
export interface Deployment {
  /** How secrets are encrypted. */
  readonly secrets_providers?: unknown;
  readonly resources?: readonly StateResource[];
  readonly pending_operations?: readonly { readonly type: string; readonly resource: StateResource }[];
}

/** One resource of an exported state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly initErrors?: readonly string[];
  /** URN of the resource with which it goes. */
  readonly deletedWith?: string;
}

/** Starts a program and collects what it prints, line by line with the time. */
export function startCommand(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): RunningCommand {
  const startedAt = Date.now();
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const lines: PrintedLine[] = [];
  const waiters = new Set<() => void>();
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    let rest = "";
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
      const parts = (rest + chunk).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts.map((text) => ({ text, atMs: Date.now() - startedAt })));
      for (const wake of waiters) wake();
    });
  }
  const finished = ended(child, `${program} ${args.join(" ")}`).then((code) => ({ code, ...texts, lines }));
  return {
    pid: child.pid ?? 0,
    lines,
    finished,
    kill: (signal) => {
      child.kill(signal);
    },
    line: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = lines.find(({ text }) => pattern.test(text));
          if (!line) return;
          waiters.delete(look);
          resolve(line);
        };
        waiters.add(look);
        look();
        finished.then(
          ({ stdout, stderr }) =>
            reject(new Error(`no line matched ${String(pattern)} in:\n${stdout}${stderr}`)),
          reject,
        );
      }),
  };
}

/** Packs the package as `npm publish` would, and returns the tarball's path in the given folder. */
export function packTarball(destination: string): string {
  const packed = spawnSync("npm", ["pack", "--json", "--pack-destination", destination], {
    cwd: repository,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new Error(`npm pack failed:\n${packed.stdout}${packed.stderr}`);
  // prepack's own output comes before the list.
  const list = JSON.parse(packed.stdout.slice(packed.stdout.indexOf("[\n"))) as { filename: string }[];
  const [tarball] = list;
  if (!tarball) throw new Error(`npm pack named no file:\n${packed.stdout}`);
  return path.join(destination, tarball.filename);
}

/** A command that failed is a failed test, with all that it printed. */
export function expectSuccess(result: CommandResult): CommandResult {
  if (result.code !== 0) {
    throw new Error(`the command ended with ${String(result.code)}:\n${result.stdout}${result.stderr}`);
  }
  return result;
}

let knownCliFolder: string | undefined;

/** The folder with the CLI; found or built once per process. */
function cliFolder(): string {
  if (knownCliFolder !== undefined) return knownCliFolder;
  const ensure = path.join(repository, "tools/pulumi-cli/ensure.mjs");
  const found = spawnSync(process.execPath, [ensure], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (found.status !== 0) throw new Error("there is no Pulumi CLI, and it could not be built; see above");
  knownCliFolder = found.stdout.trim();
  return knownCliFolder;
}

function writeProgram(folder: string, source: string, name = "program"): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, "Pulumi.yaml"), `name: ${name}\nruntime: nodejs\n`);
  fs.writeFileSync(path.join(folder, "package.json"), JSON.stringify({ name, main: "index.ts" }));
  fs.copyFileSync(
    path.join(repository, "examples/quickstart/tsconfig.json"),
    path.join(folder, "tsconfig.json"),
  );
  fs.writeFileSync(path.join(folder, "index.ts"), source);
  fs.symlinkSync(path.join(repository, "node_modules"), path.join(folder, "node_modules"));
}

function ended(child: ChildProcess, what: string): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`no end after ${commandTimeoutMs / 1000} s: ${what}`));
    }, commandTimeoutMs);
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve(code);
    });
  });
}

function spellings(secret: string): string[] {
  const longLines = secret.split("\n").filter((line) => line.length >= 24 && !line.startsWith("-----"));
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    ...longLines,
  ];
}

function readOrEmpty(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
