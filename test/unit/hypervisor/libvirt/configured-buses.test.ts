import { parseDomainXml } from "../../../../provider/hypervisor/libvirt/xml/domain-xml";
import { isSlotFree, type GuestBus } from "../../../../provider/pci";
import { aliasOf, tagOf } from "../../../../provider/plan";
import { at } from "../../../support/desired";
import { readRecording } from "../../../support/recordings/guest-recording";

const QEMU = "xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'";
const port = (index: number, target = ""): string =>
  `<controller type='pci' index='${index}' model='pcie-root-port'>${target}</controller>`;
const acpi = "<features><acpi/></features>";

interface Described {
  readonly arch?: string;
  readonly machine: string;
  readonly devices: string;
  readonly features?: string;
  readonly commandLine?: readonly string[];
}

function busesOf({ arch = "x86_64", machine, devices, features = acpi, commandLine = [] }: Described) {
  const args = commandLine.map((one) => `<qemu:arg value='${one}'/>`).join("");
  const type = `<os><type arch='${arch}' machine='${machine}'>hvm</type></os>`;
  const line = `<qemu:commandline>${args}</qemu:commandline>`;
  return parseDomainXml(
    `<domain ${QEMU}><name>g</name>${type}${features}<devices>${devices}</devices>${line}</domain>`,
  ).busesAtStart;
}
const root = "<controller type='pci' index='0' model='pcie-root'/>";
const kindOf = (described: Omit<Described, "devices">): string | undefined => {
  const [bus] = busesOf({ ...described, devices: root + port(3) });
  return bus?.hotplug.possible ? bus.hotplug.kind : undefined;
};
const reasonOf = (bus: GuestBus | undefined): string =>
  bus === undefined || bus.hotplug.possible ? "" : bus.hotplug.reason;
const off = "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off";

describe("how the ports of a guest that is shut off will take hotplug", () => {
  it.each([
    ["pc-q35-10.0", "pcie-acpi"],
    ["pc-q35-6.1", "pcie-acpi"],
    ["q35", "pcie-acpi"],
    ["pc-q35-6.0", "pcie-native"],
    ["pc-q35-5.2", "pcie-native"],
    ["pc-q35-2.12", "pcie-native"],
    ["pc-q35-rhel9.4.0", "pcie-acpi"],
    ["pc-q35-rhel8.6.0", "pcie-acpi"],
    ["pc-q35-rhel8.5.0", "pcie-native"],
    ["pc-q35-rhel7.6.0", "pcie-native"],
    ["pc-q35-noble-v2", "pcie-acpi"],
    ["pc-q35-jammy-maxcpus", "pcie-acpi"],
    ["pc-q35-focal-hpb", "pcie-native"],
    ["pc-q35-bionic", "pcie-native"],
    ["virt", "pcie-native"],
    ["virt-9.2", "pcie-native"],
    ["virt-rhel9.2.0", "pcie-native"],
    ["isapc", undefined],
    ["microvm", undefined],
    ["pc-i440fx-9.0", undefined],
    ["", undefined],
  ])("of %s is %s", (machine, kind) => {
    expect(kindOf({ machine })).toBe(kind);
  });

  it("is native where that was said by hand, and the chipset's also without ACPI", () => {
    const machine = "pc-q35-10.0";
    expect(kindOf({ machine, features: "<features><apic/></features>" })).toBe("pcie-acpi");
    expect(kindOf({ machine, commandLine: ["-global", off] })).toBe("pcie-native");
    const long = "driver=ICH9-LPC,property=acpi-pci-hotplug-with-bridge-support,value=off";
    expect(kindOf({ machine, commandLine: ["-global", long] })).toBe("pcie-native");
    const on = off.replace("=off", "=on");
    expect(kindOf({ machine, commandLine: ["-global", off, "-global", on] })).toBe("pcie-acpi");
    expect(kindOf({ machine: "pc-q35-5.2", commandLine: ["-global", on] })).toBe("pcie-acpi");
    expect(kindOf({ machine, commandLine: ["-global", "ICH9-LPC.disable_s3=1"] })).toBe("pcie-acpi");
  });

  it("is no way at all where the port is switched off, which is said", () => {
    const [closed, open] = busesOf({
      machine: "pc-q35-10.0",
      devices:
        root + port(1, "<target chassis='1' port='0x10' hotplug='off'/>") + port(2, "<target hotplug='on'/>"),
    });
    expect(reasonOf(closed)).toContain("hotplug='off'");
    expect(open?.hotplug).toEqual({ possible: true, kind: "pcie-acpi", slots: { first: 0, last: 0 } });
  });
});

describe("the buses of a guest that is shut off", () => {
  it("are the ports of the recorded configuration, the one with a device taken", () => {
    const { busesAtStart } = parseDomainXml(readRecording("idle").persistentXml);
    expect(busesAtStart.map((one) => one.bus)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((n) => `pci.${n}`));
    expect(busesAtStart.filter((one) => isSlotFree(one, 0)).map((one) => one.index)).toEqual([
      2, 3, 4, 5, 6, 7, 8,
    ]);
    const [taken, ...others] = busesAtStart;
    expect(reasonOf(taken)).toBe("it is taken by a device of the guest's configuration");
    expect(others.map((one) => one.hotplug.possible && one.hotplug.kind)).toEqual(
      others.map(() => "pcie-acpi"),
    );
  });

  it("bear the names that QEMU will know, and do not count our own functions", () => {
    const address = "<address type='pci' bus='0x04' slot='0x00' function='0x0'/>";
    const alias = aliasOf(tagOf("acme/prod/nic"), at("0000:01:00.0"));
    const hostdev = (name: string): string =>
      `<hostdev type='pci'><source><address domain='0' bus='1' slot='0' function='0'/></source><alias name='${name}'/>${address}</hostdev>`;
    const devices = root + port(4, "<alias name='ua-fast'/>");
    const named = (one: string) => busesOf({ machine: "pc-q35-10.0", devices: devices + one })[0];
    expect(named(hostdev(alias))).toMatchObject({ bus: "ua-fast", index: 4, reservedSlots: [] });
    expect(named(hostdev("ua-someone"))).toMatchObject({ bus: "ua-fast", reservedSlots: [0] });
  });

  it("of i440fx are its root, without the chipset's slot, and bridges", () => {
    const bridge =
      "<controller type='pci' index='1' model='pci-bridge'><address type='pci' slot='0x05'/></controller>";
    const devices = `<controller type='pci' index='0' model='pci-root'/>${bridge}`;
    const machine = "pc-i440fx-9.0";
    const slots = { first: 1, last: 31 };
    expect(busesOf({ machine, devices })).toEqual([
      {
        ...{ bus: "pci.0", index: 0, occupants: [], reservedSlots: [5, 1] },
        hotplug: { possible: true, kind: "pci-acpi", slots },
      },
      {
        ...{ bus: "pci.1", index: 1, occupants: [], reservedSlots: [] },
        hotplug: { possible: true, kind: "pci-acpi", slots },
      },
    ]);
    const noBridges = ["-global", "PIIX4_PM.acpi-pci-hotplug-with-bridge-support=off"];
    const [rootBus, closed] = busesOf({ machine, devices, commandLine: noBridges });
    expect([rootBus?.hotplug.possible, reasonOf(closed)]).toEqual([
      true,
      expect.stringContaining("while the guest runs"),
    ]);
    for (const one of busesOf({ machine, devices, features: "" })) expect(one.hotplug.possible).toBe(false);
    for (const older of ["pc", "pc-1.3", "rhel6.6.0", "pc-i440fx-jammy"])
      expect(busesOf({ machine: older, devices })[0]?.hotplug.possible).toBe(true);
  });

  it("of pseries are its host bridges, by the names that QEMU gives their buses", () => {
    const devices =
      "<controller type='pci' index='0' model='pci-root'/><controller type='pci' index='1' model='pci-root'/>";
    const hotplug = { possible: true, kind: "pseries", slots: { first: 1, last: 31 } };
    expect(busesOf({ arch: "ppc64", machine: "pseries-9.0", devices, features: "" })).toMatchObject([
      { bus: "pci.0", index: 0, hotplug },
      { bus: "pci.1.0", index: 1, hotplug },
    ]);
    const toPci = `${root}<controller type='pci' index='1' model='pcie-to-pci-bridge'/>`;
    expect(reasonOf(busesOf({ machine: "pc-q35-10.0", devices: toPci })[0])).toContain(
      "while the guest runs",
    );
  });

  it("are none where the description has no controller of that sort", () => {
    expect(
      busesOf({
        machine: "pc-q35-10.0",
        devices: `${root}<controller type='usb' index='0' model='qemu-xhci'/><controller type='pci' index='2' model='pcie-expander-bus'/>`,
      }),
    ).toEqual([]);
    expect(parseDomainXml("<domain/>").busesAtStart).toEqual([]);
  });
});
