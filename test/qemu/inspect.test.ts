import { readFileSync } from "node:fs";
import { inspectHost } from "../../provider/dynamic/inspect-host";
import { plainHypervisor, plainMonitor } from "../../provider/hypervisor/plain-qemu";
import { Bench, publicLine } from "../support/sshd";
import { FakeSysfs } from "../support/plain-host";
import { PlainQemu } from "../support/plain-qemu";

test("a guest's machine and slots are told without libvirt, the free ones too", async () => {
  const bench = new Bench();
  const sysfs = new FakeSysfs();
  const { folders } = sysfs;
  const qemu = await PlainQemu.start({ slots: "native", uuid: "33333333-3333-4333-8333-333333333333" });
  try {
    const sshd = await bench.startSshd();
    const connection = {
      host: "127.0.0.1",
      port: sshd.port,
      privateKey: readFileSync(bench.clientKey, "utf8"),
      hostKey: publicLine(bench.hostKey),
    };
    const plain = { monitor: plainMonitor, hypervisor: plainHypervisor, folders };
    const look = (): ReturnType<typeof inspectHost> =>
      inspectHost({ connection, guest: { qmpSocket: qemu.freeSocket } }, { plain });
    const { guest, prologue } = await look();
    expect(guest).toMatchObject({
      name: qemu.freeSocket,
      uuid: "33333333-3333-4333-8333-333333333333",
      runState: "running",
      attachments: [],
      refusal: null,
    });
    expect(guest?.machine).toMatch(/^pc-q35-/);
    const free = guest?.buses.filter((one) => one.freeSlots.length > 0) ?? [];
    expect(free.length).toBeGreaterThan(0);
    expect(free.every((one) => one.kind === "pcie-native" && one.freeSlots.join() === "0")).toBe(true);
    expect(prologue.join("\n")).toContain(`qmpSocket: "${qemu.freeSocket}"`);

    await qemu.stop();
    expect((await look()).guest).toMatchObject({
      runState: "off",
      machine: null,
      refusal: { code: "GUEST_NOT_RUNNING" },
    });
  } finally {
    await qemu.stop();
    await bench.tearDown();
    sysfs.close();
  }
});
