import { inspectHost } from "../../provider/dynamic/inspect-host";
import { parseDomainXml } from "../../provider/hypervisor/libvirt/xml/domain-xml";
import { isSlotFree, type GuestBus } from "../../provider/pci";
import { attachmentLab } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();

/** What the preview of a create for guest1 prints. */
async function previewOfCreate(): Promise<string> {
  lab.printed = [];
  await lab.check(lab.inputs({ persistent: true }));
  return lab.printed.join("\n");
}

test("a saved state is told: the next start goes on from there", async () => {
  await lab.virsh("managedsave guest1");
  expect(await previewOfCreate()).toMatch(/state saved: its next start goes on from there/);
  await lab.virsh("managedsave-remove guest1");
  expect(await previewOfCreate()).toMatch(
    /shut off: written to its configuration; it has the functions from its next start on/,
  );
});

const slotNumbers = Array.from({ length: 32 }, (_, n) => n);

function isFree(buses: readonly GuestBus[], name: string, slot: number): boolean {
  const bus = buses.find((one) => one.bus === name);
  if (!bus?.hotplug.possible) return false;
  const { first, last } = bus.hotplug.slots;
  return slot >= first && slot <= last && isSlotFree(bus, slot);
}

/** Machines of the lab's QEMU, and what their guests' descriptions say beside that. */
const machines = [
  { machine: "q35" },
  { machine: "pc-q35-6.0" },
  { machine: "q35", features: "" },
  { machine: "q35", global: "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off" },
  { machine: "pc" },
  { machine: "pc", features: "" },
  { machine: "pc", global: "PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off" },
];

function domainOf({ machine, features = "<acpi/>", global }: (typeof machines)[number]): string {
  const isExpress = machine.includes("q35");
  const controllers = isExpress
    ? `<controller type='pci' index='0' model='pcie-root'/>` +
      [1, 2, 3].map((n) => `<controller type='pci' index='${n}' model='pcie-root-port'/>`).join("") +
      `<controller type='pci' index='4' model='pcie-root-port'><target hotplug='off'/></controller>`
    : `<controller type='pci' index='0' model='pci-root'/><controller type='pci' index='1' model='pci-bridge'/>`;
  const args = ["-global", global].map((value) => `<qemu:arg value='${value}'/>`).join("");
  return (
    `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>cold</name>` +
    `<memory unit='MiB'>64</memory><os><type arch='x86_64' machine='${machine}'>hvm</type></os>` +
    `<features>${features}</features><devices><emulator>/usr/bin/qemu-system-x86_64</emulator>${controllers}` +
    `<memballoon model='none'/></devices>` +
    `${global === undefined ? "" : `<qemu:commandline>${args}</qemu:commandline>`}</domain>`
  );
}

test("slots are what a configuration lets one expect, once QEMU has started", async () => {
  const { connection } = lab.inputs();
  const seen: unknown[] = [];
  for (const described of machines) {
    await lab.lab.exec("cat > /run/cold.xml", { input: domainOf(described) });
    await lab.virsh("define /run/cold.xml");
    const { busesAtStart } = parseDomainXml(await lab.virsh("dumpxml --inactive cold"));
    const expected = busesAtStart.map(({ bus, hotplug }) => ({
      bus,
      kind: hotplug.possible ? hotplug.kind : null,
      freeSlots: slotNumbers.filter((slot) => isFree(busesAtStart, bus, slot)),
    }));
    await lab.virsh("start --paused cold");
    const { guest } = await inspectHost({ connection, guest: { domain: "cold" } });
    expect(guest?.runState).toBe("prelaunch");
    const there = guest?.buses.map(({ bus, kind, freeSlots }) => ({ bus, kind, freeSlots }));
    expect([described, there]).toEqual([described, expected]);
    await lab.virsh("destroy cold");
    await lab.virsh("undefine cold");
    seen.push(expected.map((one) => one.kind));
  }
  // libvirt's USB controller has the first port
  const q35 = (kind: string): (string | null)[] => [null, kind, kind, null];
  expect(seen).toEqual([
    ...[q35("pcie-acpi"), q35("pcie-native"), q35("pcie-acpi"), q35("pcie-native")],
    ...[
      ["pci-acpi", "pci-acpi"],
      [null, null],
      ["pci-acpi", null],
    ],
  ]);
});
