import { surveyGuest, QmpGuest } from "../../provider/hypervisor/qemu";
import { attach } from "../../provider/apply";
import type { GuestSlot } from "../../provider/pci";
import type { PlugTarget } from "../../provider/plan";
import { BareQemu, EmulatedVfio, PlainHypervisor } from "../support/plain-qemu";
import { attachRequest } from "../support/requests";
import { at, wants } from "../support/desired";
import type { Cell, Refusal } from "../support/matrix/cells";
import { noteMeasured } from "./support/measured";

const { signal } = new AbortController();
const port = (name: string, more = ""): string[] => [
  "-device",
  `pcie-root-port,id=${name},bus=pcie.0,chassis=${name.slice(4)}${more}`,
];
const taker = (bus: string): string[] => ["-device", `virtio-rng-pci,id=net-${bus},bus=${bus}`];

/** A q35 that runs in its firmware, with these devices. */
const q35 = (version: Cell["version"], ...args: readonly string[]): Promise<BareQemu> =>
  BareQemu.start("qemu-system-x86_64", ["-M", "q35", "-m", "64", ...args], {
    runs: true,
    ...ofVersion(version),
  });

const ofVersion = (version: Cell["version"]) => (version === "own" ? {} : { version });
/** Slots as each port has them itself; where QEMU knows no others it is not asked. */
const native = (version: Cell["version"]): string[] =>
  version === "5.2" ? [] : ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"];

/** What an attach says; nothing may have been plugged or held. */
async function refusalOf(qemu: BareQemu, bus?: string): Promise<string> {
  const hypervisor = new PlainHypervisor(qemu);
  const desired = wants(undefined, bus === undefined ? {} : { guestSlot: { bus } });
  const query = { addresses: ["0000:01:00"], forPlug: { buses: bus === undefined ? [] : [bus] } };
  const refusal = await attach(hypervisor, attachRequest({ desired, query })).catch(
    (cause: unknown) => cause,
  );
  expect(hypervisor.world.holdings).toEqual([]);
  noteMeasured((await surveyGuest(qemu.monitor, { reservedSlots: () => [] }, signal)).qemuVersion);
  return refusal instanceof Error ? refusal.message : "it was not refused";
}

/** Each says why, and what to use instead; nothing is touched. */
export const refused: Readonly<Record<Refusal, (version: Cell["version"]) => Promise<void>>> = {
  "a port with hotplug=off": async (version) => {
    for (const slots of [[], native(version)]) {
      await using qemu = await q35(version, ...slots, ...port("pci.1"), ...port("pci.2", ",hotplug=off"));
      expect(await refusalOf(qemu, "pci.2")).toMatch(
        /pci\.2 of guest1 cannot be used: .*hotplug.*; use a .*port/,
      );
    }
  },

  SHPC: async (version) => {
    await using qemu = await q35(
      version,
      ...native(version),
      "-device",
      "pcie-pci-bridge,id=pci.3,bus=pcie.0",
    );
    expect(await refusalOf(qemu, "pci.3")).toMatch(
      /SHPC hotplug controller cannot show several functions together; use another port or root bus/,
    );
  },

  "a root bus of PCI Express": async (version) => {
    await using qemu = await q35(version, ...port("pci.1"));
    expect(await refusalOf(qemu, "pcie.0")).toMatch(
      /hot-plugs nothing on the root bus.*Use a root port; it has pci\.1/,
    );
  },

  "no free slot": async (version) => {
    const two = ["pci.1", "pci.2"];
    await using qemu = await q35(version, ...two.flatMap((name) => port(name)), ...two.flatMap(taker));
    const refusal = await refusalOf(qemu);
    expect(refusal).toMatch(/no free hotplug slot on its 2 port\(s\)/);
    for (const bus of two) expect(refusal).toMatch(new RegExp(`${bus.replace(".", "\\.")}[^;]*net-${bus}`));
    expect(refusal).toMatch(/pcie-root-port/);
  },

  "a taken place on pseries": async (version) => {
    const args = ["-M", "pseries", "-m", "256"];
    await using qemu = await BareQemu.start("qemu-system-ppc64", args, ofVersion(version));
    const guest = new QmpGuest(new EmulatedVfio(qemu.monitor, () => true));
    const slot: GuestSlot = { bus: "pci.0", slot: 16, kind: "pseries" };
    const target = (n: number): PlugTarget => ({
      hostAddress: at(`0000:01:00.${n}`),
      guestFunction: n,
      qemuId: `mfpci-0123456789ab-f${n}`,
    });
    const plug = (n: number) => guest.plug(target(n), slot, { multifunction: n === 0 });
    await plug(1);
    await expect(plug(1)).rejects.toThrow(/f1 stands there as function 1.*\[PLUG_FAILED\]/);
    await plug(2);
    await plug(0);
    for (const n of [0, 1, 3]) await expect(plug(n)).rejects.toMatchObject({ code: "PLUG_FAILED" });
    expect(await qemu.ends(100)).toBe(false);
    // what the look keeps away: since 6.0 QEMU ends of it
    const again = { driver: "virtio-rng-pci", id: "again", bus: "pci.0", addr: "0x10.1" };
    await expect(qemu.monitor.execute("device_add", again)).rejects.toThrow(
      version === "5.2" ? /in use by|occupied/ : /QEMU has ended/,
    );
    expect(await qemu.ends(version === "5.2" ? 500 : 10_000)).toBe(version !== "5.2");
  },
};
