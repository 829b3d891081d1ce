import { attach, detach } from "../../provider/apply";
import { readActualState } from "../support/read-actual-state";
import { eventually } from "../support/eventually";
import { PlainHypervisor, PlainQemu } from "../support/plain-qemu";
import { attachRequest, detachRequest } from "../support/requests";
import { OWNER } from "../support/scenarios";

const query = { addresses: ["0000:01:00"] };

test.each([
  { slots: "acpi", kind: "pcie-acpi" },
  { slots: "native", kind: "pcie-native" },
] as const)(
  "a guest with $slots slots sees four together, releases them, and takes them again",
  async ({ slots, kind }) => {
    await using qemu = await PlainQemu.start({ slots });
    const hypervisor = new PlainHypervisor(qemu);
    await qemu.booted();
    expect(await qemu.pciFunctions()).toEqual([]);

    const { slot, attached } = await attach(hypervisor, attachRequest());
    expect(slot).toEqual({ bus: "pci.4", slot: 0, kind });
    expect(attached).toHaveLength(4);
    const four = [0, 1, 2, 3].map((n) => `0000:04:00.${n}`);
    await eventually(() => qemu.pciFunctions(), four);
    await qemu.reset();
    expect(qemu.hasBooted).toBe(false);
    await qemu.booted();
    expect(await qemu.pciFunctions()).toEqual(four);

    await detach(hypervisor, detachRequest());
    await eventually(() => qemu.pciFunctions(), []);
    expect(hypervisor.world.partOf(OWNER)).toEqual({ plugged: [], held: [], ledger: [] });
    expect(await readActualState(hypervisor, query, OWNER, AbortSignal.timeout(60_000))).toBeUndefined();
    expect(qemu.monitor.listenerCount).toBe(1);
  },
);

test("a guest without a kernel stays in its firmware and lets go of nothing", async () => {
  await using qemu = await PlainQemu.start({ slots: "acpi", kernel: false, memoryMiB: 64 });
  const hypervisor = new PlainHypervisor(qemu);
  await attach(hypervisor, attachRequest());
  await expect(detach(hypervisor, detachRequest({ limitSeconds: 3 }))).rejects.toMatchObject({
    code: "DETACH_FAILED",
  });
  expect(hypervisor.world.partOf(OWNER).held).toHaveLength(4);
});

test("a guest that was started paused has never run", async () => {
  await using qemu = await PlainQemu.start({ slots: "native", paused: true });
  const hypervisor = new PlainHypervisor(qemu);
  await expect(attach(hypervisor, attachRequest())).rejects.toMatchObject({ code: "GUEST_NEVER_RAN" });
  await qemu.qmp("cont");
  await qemu.booted();
  await attach(hypervisor, attachRequest());
});

test("what ends QEMU ends the waiting, and takes everything back", async () => {
  const qemu = await PlainQemu.start({ slots: "acpi" });
  const hypervisor = new PlainHypervisor(qemu);
  await attach(hypervisor, attachRequest());
  await qemu.qmp("stop");
  await Promise.all([detach(hypervisor, detachRequest()), qemu.stop()]);
  expect(hypervisor.world.holdings).toEqual([]);
  expect([...hypervisor.world.functions.values()].map((one) => one.driver)).not.toContain("vfio-pci");
});
