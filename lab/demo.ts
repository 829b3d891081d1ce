import { spawn, type StdioOptions } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync, mkdirSync, copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import type { GuestName } from "./guests";
import type { Lab } from "./lab";
import { startLab } from "./start-lab";
import { describeUse } from "./usage";

/** How the demo is run. */
interface DemoOptions {
  /** Leave the lab running at the end, and say how to use it. */
  readonly keep: boolean;
  /** File to write a transcript to. */
  readonly recordFile: string | undefined;
}

const root = resolve(__dirname, "..");
const guest: GuestName = "guest1";
const device = "0000:01:00";

/**
 * The quickstart, for real: a Debian hypervisor in a virtual machine, and the Pulumi CLI with a local backend.
 */
class Demo {
  readonly #lab: Lab;
  readonly #transcript: string[] = [];
  readonly #work = mkdtempSync(join(tmpdir(), "multifunction-pci-demo-"));
  readonly #startedMs = Date.now();

  constructor(lab: Lab) {
    this.#lab = lab;
    mkdirSync(join(this.#work, "backend"));
    copyFileSync(join(root, "Pulumi.yaml"), join(this.#work, "Pulumi.yaml"));
  }

  async run(): Promise<void> {
    await this.#show("The host's four-function NIC before", this.#hostDrivers());
    await this.#show(`PCI functions that ${guest} sees before`, this.#guestFunctions());

    this.#title("pulumi up: four functions, as one device");
    await this.#pulumi(["stack", "init", "dev"], { quiet: true });
    await this.#configure({ functions: "[0,1,2,3]" });
    await this.#pulumi(["up", "--yes", "--skip-preview"]);
    await this.#show(`PCI functions that ${guest} sees now`, this.#guestFunctions());
    await this.#show("The host's NIC now", this.#hostDrivers());

    this.#title('another set: functions [0, 2], leftovers "hold"');
    await this.#configure({ functions: "[0,2]", leftovers: "hold" });
    await this.#pulumi(["preview"]);
    await this.#pulumi(["up", "--yes", "--skip-preview"]);
    await this.#show(`PCI functions that ${guest} sees now`, this.#guestFunctions());

    this.#title("pulumi destroy: everything goes back to the host");
    await this.#pulumi(["destroy", "--yes", "--skip-preview"]);
    await this.#show(`PCI functions that ${guest} sees at the end`, this.#guestFunctions());
    await this.#show("The host's NIC at the end", this.#hostDrivers());
    const drivers = Object.values(await this.#drivers());
    if (drivers.some((driver) => driver !== "e1000e"))
      throw new Error(`not every function is back on e1000e: ${drivers.join(", ")}`);
    this.#say(`\nDone in ${Math.round((Date.now() - this.#startedMs) / 1000)} s.`);
  }

  record(file: string): void {
    const text = this.#transcript.join("\n").replaceAll(this.#work, "/tmp/demo").replaceAll(root, "…");
    writeFileSync(
      file,
      "# The demo, as it ran\n\n" +
        `Written by \`npm run demo -- --record docs/demo.md\`.\n\n\`\`\`text\n${text.trim()}\n\`\`\`\n`,
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
      guest,
      'cd /sys/bus/pci/devices; for d in *; do echo "$d $(cat $d/vendor):$(cat $d/device)"; done',
    );
    return text.split("\n").filter((line) => /^0000:(?!00)/.test(line));
  }

  async #configure(values: Readonly<Record<string, string>>): Promise<void> {
    const { host, port, hostKey, privateKey } = this.#lab.ssh;
    const plain = { host, port: String(port), hostKey, domain: guest, device, ...values };
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

async function main({ keep, recordFile }: DemoOptions): Promise<void> {
  const lab = await startLab({
    log: (line) => process.stdout.write(`${line}\n`),
    lifetime: keep ? "until-ended" : "process",
  });
  let kept = false;
  const demo = new Demo(lab);
  try {
    await demo.run();
    if (recordFile !== undefined) demo.record(recordFile);
    if (keep) {
      process.stdout.write(`\n${describeUse(lab)}\n`);
      kept = true;
    }
  } finally {
    demo.close();
    await (kept ? lab.disconnect() : lab.close());
  }
}

const recordAt = process.argv.indexOf("--record");
main({
  keep: process.argv.includes("--keep"),
  recordFile: recordAt < 0 ? undefined : (process.argv[recordAt + 1] ?? "docs/demo.md"),
}).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
