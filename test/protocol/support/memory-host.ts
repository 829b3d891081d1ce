import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "esbuild";
import { validInputs } from "../../support/dynamic-provider/inputs";

const repository = path.resolve(__dirname, "../../..");
const patienceMs = 20_000;

/** Inputs of two attachments to the guest of a {@link MemoryHost}. */
export const firstInputs = { ...validInputs, functions: [0, 1, 2, 3] };
export const secondInputs = { ...firstInputs, device: "0000:02:00", ownerToken: "acme/shop/prod/second" };

/**
 * The provider as it is, but over a host in memory (memory-hypervisors.ts), installed in a folder of its own:
 * where no SSH server and no libvirt can be had, an operation is stopped in the middle of any step.
 *
 * @example
 * await using host = await MemoryHost.install();
 * await using provider = await DynamicProvider.start({ folder: host.folder });
 * host.stopAt("plug f1");
 * const creation = provider.create(firstInputs);
 * await host.called("plug f1");
 */
export class MemoryHost {
  private constructor(
    /** The working directory for the provider. */
    readonly folder: string,
  ) {}

  static async install(): Promise<MemoryHost> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-memory-host-"));
    const modules = path.join(folder, "node_modules");
    fs.mkdirSync(modules);
    fs.symlinkSync(path.join(repository, "node_modules/ssh2"), path.join(modules, "ssh2"));
    await build({
      entryPoints: [path.join(repository, "provider/dynamic/index.ts")],
      outfile: path.join(modules, "pulumi-multifunction-pci/provider.js"),
      bundle: true,
      platform: "node",
      format: "cjs",
      loader: { ".sh": "text" },
      external: ["ssh2"],
      plugins: [
        {
          name: "memory-hypervisors",
          setup: ({ onResolve }) =>
            onResolve({ filter: /\/hypervisor-pool$/ }, () => ({
              path: path.join(__dirname, "memory-hypervisors.ts"),
            })),
        },
      ],
    });
    return new MemoryHost(folder);
  }

  /** Every call to the host so far. */
  get calls(): string[] {
    const file = path.join(this.folder, "calls");
    return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }

  /** The call does not come back before {@link goOn}. */
  stopAt(call: string): void {
    fs.writeFileSync(path.join(this.folder, "stop-at"), call);
  }

  goOn(): void {
    fs.rmSync(path.join(this.folder, "stop-at"));
  }

  /** Resolves when the call has been made so many times. */
  async called(call: string, times = 1): Promise<void> {
    const endsAt = Date.now() + patienceMs;
    while (this.calls.filter((one) => one === call).length < times) {
      if (Date.now() > endsAt) throw new Error(`no ${call} among:\n${this.calls.join("\n")}`);
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
