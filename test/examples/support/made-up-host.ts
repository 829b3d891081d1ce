import { readFileSync } from "node:fs";
import { Bench, publicLine } from "../../support/sshd";
import { FakeSysfs, type FakeFunction } from "../../support/plain-host";
import { PlainQemu } from "../../support/plain-qemu";

/**
 * A host with devices that this machine does not have: a real sshd whose sessions find a made-up /sys, and a
 * real QEMU without libvirt. Enough for a preview, which only looks.
 */
export class MadeUpHost {
  private constructor(
    private readonly bench: Bench,
    private readonly sysfs: FakeSysfs,
    private readonly qemu: PlainQemu,
    /** Plain configuration of a program that connects to it. */
    readonly config: Readonly<Record<string, string>>,
    readonly privateKey: string,
  ) {}

  static async start(functions: readonly FakeFunction[]): Promise<MadeUpHost> {
    const bench = new Bench();
    const sysfs = new FakeSysfs(functions);
    const sshd = await bench.startSshd({ sysfs: `${sysfs.root}/sys` });
    const qemu = await PlainQemu.start({ slots: "acpi", kernel: false });
    const config = {
      host: "127.0.0.1",
      port: String(sshd.port),
      hostKey: publicLine(bench.hostKey),
      guest: JSON.stringify({ qmpSocket: qemu.freeSocket }),
    };
    return new MadeUpHost(bench, sysfs, qemu, config, readFileSync(bench.clientKey, "utf8"));
  }

  async close(): Promise<void> {
    await this.qemu.stop();
    await this.bench.tearDown();
    this.sysfs.close();
  }
}
