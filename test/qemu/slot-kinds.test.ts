import { QmpGuest, surveyGuest } from "../../provider/hypervisor/qemu";
import { findFreeSlot, type GuestBus, type GuestSlot } from "../../provider/pci";
import type { PlugTarget } from "../../provider/plan";
import { BareQemu, EmulatedVfio } from "../support/plain-qemu";
import { at } from "../support/desired";

const { signal } = new AbortController();
const everyBus = ["pci.0", "pci.1", "pci.2", "pci.3", "phb1.0", "br1"];
const look = async (qemu: BareQemu): Promise<readonly GuestBus[]> =>
  (await surveyGuest(qemu.monitor, { reservedSlots: () => [], plugBuses: everyBus }, signal)).buses;
const kindsOf = (buses: readonly GuestBus[]): Record<string, string> =>
  Object.fromEntries(
    buses.map(({ bus, hotplug }) => [bus, hotplug.possible ? hotplug.kind : hotplug.reason]),
  );

const target = (guestFunction: number, tag = "0123456789ab"): PlugTarget => ({
  hostAddress: at(`0000:01:00.${guestFunction}`),
  guestFunction,
  qemuId: `mfpci-${tag}-f${guestFunction}`,
});

test("x86: root ports, bridges, SHPC and hotplug=off on q35 and pc", async () => {
  const ports = [
    ...[
      "-device",
      "pcie-root-port,id=pci.1,chassis=1",
      "-device",
      "pcie-root-port,id=pci.2,chassis=2,hotplug=off",
    ],
    ...["-device", "pcie-pci-bridge,id=pci.3,bus=pcie.0"],
  ];
  await using acpi = await BareQemu.start("qemu-system-x86_64", ["-M", "q35", ...ports]);
  expect(kindsOf(await look(acpi))).toEqual({
    "pci.1": "pcie-acpi",
    "pci.2": expect.stringContaining("hotplug") as string,
    "pci.3": "pci-acpi",
  });
  const off = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"];
  await using native = await BareQemu.start("qemu-system-x86_64", ["-M", "q35", ...off, ...ports]);
  expect(kindsOf(await look(native))).toEqual({
    "pci.1": "pcie-native",
    "pci.2": expect.stringContaining("hotplug='off'; use a port without") as string,
    "pci.3": expect.stringContaining(
      "SHPC hotplug controller cannot show several functions together; use another",
    ) as string,
  });
  await using pc = await BareQemu.start("qemu-system-x86_64", [
    ...["-M", "pc", "-device", "pci-bridge,id=pci.1,bus=pci.0,addr=0x8,chassis_nr=1"],
  ]);
  expect(kindsOf(await look(pc))).toEqual({ "pci.0": "pci-acpi", "pci.1": "pci-acpi" });
});

test("aarch64: a root port of virt is native", async () => {
  await using qemu = await BareQemu.start("qemu-system-aarch64", [
    ...["-M", "virt", "-cpu", "cortex-a57", "-m", "64", "-device", "pcie-root-port,id=pci.1,chassis=1"],
  ]);
  expect(kindsOf(await look(qemu))).toEqual({ "pci.1": "pcie-native" });
  const guest = new QmpGuest(new EmulatedVfio(qemu.monitor, () => true));
  const slot: GuestSlot = { bus: "pci.1", slot: 0, kind: "pcie-native" };
  for (const n of [1, 2, 0]) await guest.plug(target(n), slot, { multifunction: n === 0 });
  expect((await look(qemu))[0]?.occupants).toHaveLength(3);
});

describe("ppc64 pseries", () => {
  const machine = [
    ...["-M", "pseries", "-m", "256", "-device", "spapr-pci-host-bridge,index=1,id=phb1"],
    ...["-device", "pci-bridge,id=br1,bus=pci.0,chassis_nr=1,addr=3"],
  ];

  test("its root buses take hotplug, from the top, the first and a second one", async () => {
    await using qemu = await BareQemu.start("qemu-system-ppc64", machine);
    const buses = await look(qemu);
    expect(kindsOf(buses)).toEqual({
      "pci.0": "pseries",
      "phb1.0": "pseries",
      br1: expect.stringContaining("use pci.0") as string,
    });
    expect(findFreeSlot(buses)).toEqual({ bus: "phb1.0", slot: 31, kind: "pseries" });
    expect(buses.find((one) => one.bus === "pci.0")?.occupants).toMatchObject([{ slot: 3, id: "br1" }]);
  });

  test.each(["pci.0", "phb1.0"])("on %s what stands there is looked at before each plug", async (bus) => {
    await using qemu = await BareQemu.start("qemu-system-ppc64", machine);
    const guest = new QmpGuest(new EmulatedVfio(qemu.monitor, () => true));
    const slot: GuestSlot = { bus, slot: 16, kind: "pseries" };
    const plug = (n: number, tag?: string) => guest.plug(target(n, tag), slot, { multifunction: n === 0 });
    await plug(1);
    await expect(plug(1)).rejects.toThrow(/f1 stands there as function 1.*\[PLUG_FAILED\]/);
    await expect(plug(2, "ba9876543210")).rejects.toMatchObject({ code: "PLUG_FAILED" });
    await plug(2);
    await plug(0);
    for (const n of [0, 1, 3]) await expect(plug(n)).rejects.toMatchObject({ code: "PLUG_FAILED" });
    expect(await qemu.ends(100)).toBe(false);
    // what the look keeps away
    const again = { driver: "virtio-rng-pci", id: "again", bus, addr: "0x10.1" };
    await expect(qemu.monitor.execute("device_add", again)).rejects.toThrow(/QEMU has ended/);
    expect(await qemu.ends(10_000)).toBe(true);
  });
});
