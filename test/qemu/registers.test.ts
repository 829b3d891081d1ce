import { QmpGuest } from "../../provider/hypervisor/qemu";
import type { GuestState } from "../../provider/apply";
import { eventually } from "../support/eventually";
import { PlainQemu } from "../support/plain-qemu";

const { signal } = new AbortController();
const IDS = ["f0", "f1"];

/** A device with BARs for which the guest has no driver. */
const DRIVERLESS = "pci-testdev";

async function plug(qemu: PlainQemu, guestFunction: number, driver = "virtio-rng-pci"): Promise<void> {
  await qemu.qmp("device_add", {
    ...{ driver, id: `f${guestFunction}`, bus: "pci.4", addr: `0x0.${guestFunction}` },
    ...(guestFunction === 0 && { multifunction: true }),
  });
}

const empties = async (qemu: PlainQemu): Promise<void> => {
  // a native slot that is being switched on takes no request
  await eventually(
    () =>
      qemu.qmp("device_del", { id: "f0" }).then(
        () => true,
        () => false,
      ),
    true,
  );
  await eventually(async () => (await new QmpGuest(qemu.monitor).deviceIds(signal)).has("f0"), false);
};

describe.each(["acpi", "native"] as const)("what registers tell of functions in %s slots", (slots) => {
  it("is what the guest has done with them, from its firmware to its driver", async () => {
    await using qemu = await PlainQemu.start({ slots, paused: true });
    const guest = new QmpGuest(qemu.monitor);
    const states = (): Promise<readonly GuestState[]> => guest.guestStates(IDS, signal);

    // no firmware has placed the configuration space
    expect(await qemu.qmp("qom-get", { path: "/machine/q35", property: "MCFG" })).toBeGreaterThan(2 ** 53);
    expect(await states()).toEqual(["unknown", "unknown"]);
    await qemu.qmp("cont");
    await qemu.booted();

    // queued: the guest finds nothing there before function 0
    await plug(qemu, 1);
    expect(await states()).toEqual(["unknown", "absent"]);
    // a paused guest has done nothing with them: a native slot is not even switched on
    const untouched = slots === "acpi" ? "present" : "absent";
    await qemu.qmp("stop");
    await plug(qemu, 0);
    expect(await states()).toEqual([untouched, untouched]);
    await qemu.qmp("cont");
    await eventually(states, ["driven", "driven"]);
    expect((await guest.readEnumeration(IDS, signal)).guestConfigured).toBe(true);
    await empties(qemu);

    // no driver takes them: they have addresses all the same, which query-pci does not show
    await plug(qemu, 1, DRIVERLESS);
    await plug(qemu, 0, DRIVERLESS);
    await eventually(states, ["enumerated", "enumerated"]);
    expect((await guest.readEnumeration(IDS, signal)).guestConfigured).toBe(false);
  });
});

describe("where there are no registers to be read", () => {
  it("query-pci tells of functions once a driver has them, and nothing until then", async () => {
    await using qemu = await PlainQemu.start({ slots: "acpi", machine: "pc" });
    await qemu.booted();
    const guest = new QmpGuest(qemu.monitor);
    const add = (id: string, driver: string, addr: string): Promise<unknown> =>
      qemu.qmp("device_add", { driver, id, bus: "pci.1", addr });
    await add("f0", "virtio-rng-pci", "0x5");
    await eventually(() => guest.guestStates(["f0"], signal), ["enumerated"]);
    await add("f1", DRIVERLESS, "0x6");
    await eventually(async () => (await qemu.console("ls /sys/bus/pci/devices")).includes(":06.0"), true);
    expect(await guest.guestStates(["f1"], signal)).toEqual(["unknown"]);
  });
});
