import { spawn, type StdioOptions } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, mkdirSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { GUESTS, PLAIN_GUEST, type ConsoleName } from "../../lab/guests";
import type { Lab } from "../../lab/lab";
import { PLAIN_SOCKET, startPlainGuest } from "../../lab/plain-guest";
import { withProgress } from "../../lab/progress";
import { startLab } from "../../lab/start-lab";
import { describeUse } from "../../lab/usage";

/** How the demo is run. */
interface DemoOptions {
  /** A guest of a QEMU that was started by hand, instead of a libvirt domain. */
  readonly isPlain: boolean;
  /** Leave the lab running at the end, and say how to use it. */
  readonly keep: boolean;
  /** File to write a transcript to. */
  readonly recordFile: string | undefined;
}

const root = resolve(__dirname, "../..");
const device = "0000:01:00";
/** A guest shows a device when its kernel has looked at it, which may be after QEMU has it. */
const GUEST_LOOK_MS = 60_000;
/** A command on the guest's console takes a second without KVM. */
const POLL_MS = 500;

/**
 * The quickstart, for real: a Debian hypervisor in a virtual machine, and the Pulumi CLI with a local
 * backend.
 */
class Demo {
  readonly #lab: Lab;
  readonly #isPlain: boolean;
  readonly #guest: ConsoleName;
  /** How many functions the guest has behind its root ports of its own. */
  #own = 0;
  readonly #transcript: string[] = [];
  readonly #work = mkdtempSync(join(tmpdir(), "multifunction-pci-demo-"));
  readonly #startedMs = Date.now();

  constructor(lab: Lab, isPlain: boolean) {
    this.#lab = lab;
    this.#isPlain = isPlain;
    this.#guest = isPlain ? PLAIN_GUEST : GUESTS[0];
    mkdirSync(join(this.#work, "backend"));
    copyFileSync(join(root, "Pulumi.yaml"), join(this.#work, "Pulumi.yaml"));
  }

  async run(): Promise<void> {
    const guest = this.#guest;
    await this.#show("The host's four-function NIC before", this.#hostDrivers());
    if (this.#isPlain) await this.#show("The guest's QEMU, started by hand", this.#commandLine());
    const own = await this.#guestFunctions();
    this.#own = own.length;
    await this.#show(`PCI functions that ${guest} sees before`, Promise.resolve(own));

    this.#title("pulumi up: four functions, as one device");
    await this.#pulumi(["stack", "init", "dev"], { quiet: true });
    await this.#configure({ functions: "[0,1,2,3]" });
    await this.#pulumi(["up", "--yes", "--skip-preview"]);
    await this.#show(`PCI functions that ${guest} sees now`, this.#seen(4));
    await this.#show("The host's NIC now", this.#hostDrivers());

    this.#title('another set: functions [0, 2], leftovers "hold"');
    await this.#configure({ functions: "[0,2]", leftovers: "hold" });
    await this.#pulumi(["preview"]);
    await this.#pulumi(["up", "--yes", "--skip-preview"]);
    await this.#show(`PCI functions that ${guest} sees now`, this.#seen(2));

    this.#title("pulumi destroy: everything goes back to the host");
    await this.#pulumi(["destroy", "--yes", "--skip-preview"]);
    await this.#show(`PCI functions that ${guest} sees at the end`, this.#seen(0));
    await this.#show("The host's NIC at the end", this.#hostDrivers());
    const drivers = Object.values(await this.#drivers());
    if (drivers.some((driver) => driver !== "e1000e"))
      throw new Error(`not every function is back on e1000e: ${drivers.join(", ")}`);
    this.#say(`\nDone in ${Math.round((Date.now() - this.#startedMs) / 1000)} s.`);
  }

  record(file: string): void {
    const text = this.#transcript.join("\n").replaceAll(this.#work, "/tmp/demo").replaceAll(root, "…");
    const title = this.#isPlain ? "The demo without libvirt, as it ran" : "The demo, as it ran";
    const options = `${this.#isPlain ? "--without-libvirt " : ""}--record ${file}`;
    writeFileSync(
      file,
      `# ${title}\n\n` + `Written by \`npm run demo -- ${options}\`.\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`,
    );
  }

  close(): void {
    rmSync(this.#work, { recursive: true, force: true });
  }

  #say(line: string): void {
    this.#transcript.push(line);
    process.stdout.write(`${line}\n`);
  }

  #title(text: string): void {
    this.#say(`\n=== ${text} ===\n`);
  }

  async #show(what: string, lines: Promise<string[]>): Promise<void> {
    this.#say(`${what}:`);
    for (const line of await lines) this.#say(`    ${line}`);
  }

  async #commandLine(): Promise<string[]> {
    const { stdout } = await this.#lab.exec(
      `ps -ww -C qemu-system-x86_64 -o args= | grep -- '-name ${this.#guest} '`,
    );
    // an option a line
    return stdout.trim().replaceAll(" -", "\n-").split("\n");
  }

  async #drivers(): Promise<Record<string, string | null>> {
    const all = await this.#lab.hostDrivers();
    return Object.fromEntries(Object.entries(all).filter(([address]) => address.startsWith(device)));
  }

  async #hostDrivers(): Promise<string[]> {
    return Object.entries(await this.#drivers()).map(([address, driver]) => `${address} ${driver ?? "-"}`);
  }

  /** What the guest's kernel lists, of what stands behind its root ports. */
  async #guestFunctions(): Promise<string[]> {
    const text = await this.#lab.guestConsole(
      this.#guest,
      'cd /sys/bus/pci/devices; for d in *; do echo "$d $(cat $d/vendor):$(cat $d/device)"; done',
    );
    return text.split("\n").filter((line) => /^0000:(?!00)/.test(line));
  }

  /** The same, once there are this many more than at first. */
  async #seen(count: number): Promise<string[]> {
    const endsAt = Date.now() + GUEST_LOOK_MS;
    for (;;) {
      const functions = await this.#guestFunctions();
      if (functions.length === this.#own + count) return functions;
      if (Date.now() > endsAt)
        throw new Error(`${this.#guest} sees ${functions.join(", ") || "no function"}`);
      await sleep(POLL_MS);
    }
  }

  async #configure(values: Readonly<Record<string, string>>): Promise<void> {
    const { host, port, hostKey, privateKey } = this.#lab.ssh;
    const where = this.#isPlain ? { qmpSocket: PLAIN_SOCKET } : { domain: this.#guest };
    const plain = { host, port: String(port), hostKey, ...where, device, ...values };
    const pairs = Object.entries(plain).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
    for (const [key, value] of Object.entries(values)) this.#say(`$ pulumi config set ${key} '${value}'`);
    await this.#pulumi(["config", "set-all", "--secret", `sshKey=${privateKey}`, ...pairs], { quiet: true });
  }

  async #pulumi(args: readonly string[], options: { readonly quiet?: boolean } = {}): Promise<void> {
    const needsProgram = ["up", "preview", "destroy"].includes(args[0] ?? "");
    const stdio: StdioOptions = ["ignore", "pipe", "pipe"];
    if (options.quiet !== true) this.#say(`$ pulumi ${args.join(" ")}`);
    const child = spawn(
      "pulumi",
      [
        ...args,
        "--non-interactive",
        "--color=never",
        ...(needsProgram ? ["--config-file", join(this.#work, "Pulumi.dev.yaml")] : []),
      ],
      { cwd: needsProgram ? root : this.#work, stdio, env: this.#environment() },
    );
    let rest = "";
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        printed.push(...lines);
        if (options.quiet !== true) for (const line of lines) this.#say(`  ${line}`);
      });
    }
    const code = await new Promise<number | null>((done, failed) => {
      child.once("error", failed);
      child.once("close", done);
    });
    if (code !== 0)
      throw new Error(
        `pulumi ${args[0] ?? ""} ended with ${code}${options.quiet ? `:\n${printed.join("\n")}` : ""}`,
      );
  }

  #environment(): NodeJS.ProcessEnv {
    const pulumiFolder = process.env["PULUMI_FOLDER"];
    return {
      ...process.env,
      PATH: [pulumiFolder, process.env["PATH"]].filter(Boolean).join(delimiter),
      PULUMI_BACKEND_URL: `file://${join(this.#work, "backend")}`,
      PULUMI_HOME: join(this.#work, "home"),
      PULUMI_CONFIG_PASSPHRASE: "demo",
      PULUMI_STACK: "dev",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
  }
}

async function main({ isPlain, keep, recordFile }: DemoOptions): Promise<void> {
  const log = (line: string): void => void process.stdout.write(`${line}\n`);
  const lab = await startLab({ log, lifetime: keep ? "until-ended" : "process" });
  let kept = false;
  try {
    if (isPlain) await withProgress(log, "Booting a guest without libvirt", () => startPlainGuest(lab));
    const demo = new Demo(lab, isPlain);
    try {
      await demo.run();
      if (recordFile !== undefined) demo.record(recordFile);
    } finally {
      demo.close();
    }
    if (keep) {
      log(`\n${describeUse(lab)}`);
      kept = true;
    }
  } finally {
    await (kept ? lab.disconnect() : lab.close());
  }
}

const USAGE = `Usage: npm run demo -- [--without-libvirt] [--keep] [--record FILE]
  --without-libvirt   a guest of a QEMU started by hand, by its monitor's socket
  --keep              leave the lab up, and say how to use it
  --record FILE       write a transcript`;

function parseDemo(args: readonly string[]): DemoOptions {
  const options = {
    "without-libvirt": { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    record: { type: "string" },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  return { isPlain: values["without-libvirt"], keep: values.keep, recordFile: values.record };
}

function fail(error: unknown, help = ""): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${help}`);
  process.exitCode = 1;
}

let options: DemoOptions | undefined;
try {
  options = parseDemo(process.argv.slice(2));
} catch (error) {
  fail(error, `${USAGE}\n`);
}
if (options) main(options).catch((error: unknown) => fail(error));
