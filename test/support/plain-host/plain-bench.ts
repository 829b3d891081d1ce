import { readFileSync } from "node:fs";
import { HypervisorPool } from "../../../provider/connections/hypervisor-pool";
import { RunningOperations } from "../../../provider/operations/running-operations";
import { SshTargetResolver } from "../../../provider/connections/ssh-target-resolver";
import { MultifunctionPciProvider } from "../../../provider/dynamic/provider";
import { plainHypervisor, plainMonitor } from "../../../provider/hypervisor/plain-qemu";
import { Bench, publicLine, type Sshd } from "../sshd";
import { EmulatedVfio } from "../plain-qemu/emulated-vfio";
import { FakeSysfs, type FakeFunction } from "./fake-sysfs";

/** What a provider's method has made, which Pulumi's types leave open. */
export async function outputsOf(
  result: Promise<{ readonly outs?: unknown }>,
): Promise<Record<string, unknown>> {
  return (await result).outs as Record<string, unknown>;
}

/**
 * A host without libvirt: a real sshd, the product's own way from there to QEMU's socket and to the host
 * program, folders with a kernel of ours in place of the host's, and emulated devices in place of vfio-pci.
 */
export class PlainBench {
  readonly sysfs: FakeSysfs;
  /** Before each function that QEMU is asked to plug: waited for. */
  onPlug: (address: string) => void | Promise<void> = () => undefined;
  readonly #bench: Bench;
  readonly #hosts = new Map<string, string>();
  readonly #providers: MultifunctionPciProvider[] = [];
  readonly #sshd: Sshd;

  private constructor(sshd: Sshd, bench: Bench, functions?: readonly FakeFunction[]) {
    this.#sshd = sshd;
    this.#bench = bench;
    this.sysfs = new FakeSysfs(functions);
  }

  static async start(
    options: { readonly config?: readonly string[]; readonly functions?: readonly FakeFunction[] } = {},
  ): Promise<PlainBench> {
    const bench = new Bench();
    const sshd = await bench.startSshd(options.config ? { config: options.config } : {});
    return new PlainBench(sshd, bench, options.functions);
  }

  /** The host's public key, as a file. */
  get hostKey(): string {
    return this.#bench.hostKey;
  }

  /** A provider of its own, as another process has it. */
  provider(): MultifunctionPciProvider {
    const { folders } = this.sysfs;
    const targets = new SshTargetResolver({ environment: process.env, say: console.log });
    const connections = new HypervisorPool(targets, {
      monitor: plainMonitor,
      hypervisor: (options) => plainHypervisor({ ...options, monitor: this.#emulated(options.monitor) }),
      folders,
    });
    const provider = new MultifunctionPciProvider(new RunningOperations(), connections);
    this.#providers.push(provider);
    return provider;
  }

  /** Arguments for the guest behind this socket. */
  inputs(socket: string, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const target = this.#sshd.target({});
    return {
      connection: {
        host: target.host,
        port: target.port,
        privateKey: readFileSync(this.#bench.clientKey, "utf8"),
        hostKey: publicLine(this.#bench.hostKey),
      },
      guest: { qmpSocket: socket },
      device: "0000:01:00",
      ownerToken: "organization/net/dev/nic",
      ...more,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#providers.map((one) => one.close()));
    await this.#bench.tearDown();
    this.sysfs.close();
  }

  #emulated(monitor: ConstructorParameters<typeof EmulatedVfio>[0]): EmulatedVfio {
    return new EmulatedVfio(
      monitor,
      async (address) => {
        await this.onPlug(address);
        return this.sysfs.driverOf(address) === "vfio-pci";
      },
      this.#hosts,
    );
  }
}
