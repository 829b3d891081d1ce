import { conventionalSlots, onlySlotZero, type BusHotplug, type SlotKind } from "./guest-slot";

/** What a guest's configuration says of its machine. */
export interface ConfiguredMachine {
  /** QEMU's type of the machine, e.g. `pc-q35-10.0`. */
  readonly machine: string;
  /** Whether it has ACPI at all. */
  readonly hasAcpi: boolean;
  /** What was said by hand of ACPI hotplug behind ports and bridges. Default: nothing. */
  readonly acpiBelowBridges?: boolean;
}

/** What a guest's configuration says of a bus. */
export interface ConfiguredBusFacts {
  /** libvirt's model of the controller that makes it, e.g. `pcie-root-port`. */
  readonly model: string;
  /** Number of that controller; 0 is the machine's own. */
  readonly index: number;
  /** Whether the controller is to take hotplug; undefined where nothing was said. */
  readonly hotplug?: boolean;
}

type MachineFamily = "q35" | "i440fx" | "virt" | "pseries" | "other";

const families: readonly (readonly [RegExp, MachineFamily])[] = [
  [/^(pc-)?q35(-|$)/, "q35"],
  // rhel6.6.0 is one of these as well
  [/^(pc|pc-i440fx-.+|pc-\d.*|rhel\d.*)$/, "i440fx"],
  [/^virt(-|$)/, "virt"],
  [/^pseries(-|$)/, "pseries"],
];

const portModels = new Set(["pcie-root-port", "pcie-switch-downstream-port"]);
const conventionalModels = new Set(["pci-root", "pci-bridge", "pcie-to-pci-bridge"]);

/** Releases of Ubuntu whose machines are those of QEMU before 6.1. */
const OLD_UBUNTU =
  /^(trusty|utopic|vivid|wily|xenial|yakkety|zesty|artful|bionic|cosmic|disco|eoan|focal|groovy|hirsute|impish)\b/;

/** Whether a controller of this model makes a bus on which something can be plugged while the guest runs. */
export function makesHotplugBus(model: string): boolean {
  return portModels.has(model) || conventionalModels.has(model);
}

/**
 * How a bus of a guest that is shut off will take hotplug, by what its configuration says. The running guest
 * alone knows for certain: what it turns out to be replaces this.
 *
 * Sources: QEMU `hw/i386/pc.c` (pc_compat_6_0 switches ACPI hotplug off on q35), `hw/i386/pc_q35.c`,
 * `hw/acpi/pcihp.c`, `hw/arm/virt.c`.
 */
export function expectedHotplug(machine: ConfiguredMachine, bus: ConfiguredBusFacts): BusHotplug {
  if (bus.hotplug === false) return closed("its port has hotplug='off'; use a port without");
  const family = families.find(([pattern]) => pattern.test(machine.machine))?.[1] ?? "other";
  const kind = portModels.has(bus.model) ? portKind(family, machine) : conventionalKind(family, machine, bus);
  if (kind === undefined)
    return closed("how it takes hotplug is known while the guest runs: start it, or use another port or bus");
  return { possible: true, kind, slots: portModels.has(bus.model) ? onlySlotZero : conventionalSlots };
}

function closed(reason: string): BusHotplug {
  return { possible: false, reason };
}

function portKind(family: MachineFamily, machine: ConfiguredMachine): SlotKind | undefined {
  if (family === "virt") return "pcie-native";
  if (family !== "q35") return undefined;
  return hasAcpiPorts(machine) ? "pcie-acpi" : "pcie-native";
}

/** The chipset of q35 is the handler also where the machine has no ACPI: the guest then hears nothing. */
function hasAcpiPorts({ machine, acpiBelowBridges }: ConfiguredMachine): boolean {
  return acpiBelowBridges ?? isOfQemu61(machine);
}

/**
 * Whether the machine is one of QEMU 6.1 or newer. Those of RHEL have a release of that in their names, those
 * of Ubuntu its code name; one that tells nothing is new.
 */
function isOfQemu61(machine: string): boolean {
  const version = machine.replace(/^(pc-)?q35-?/, "");
  const [, vendor, major, minor] = /^(rhel)?(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return !OLD_UBUNTU.test(version);
  const [firstMajor, firstMinor] = vendor === undefined ? [6, 1] : [8, 6];
  return Number(major) > firstMajor || (Number(major) === firstMajor && Number(minor) >= firstMinor);
}

/**
 * Each host bridge of POWER is a handler of its own. Other root buses beside the machine's own, and bridges
 * elsewhere, have handlers that only QOM tells. An i440fx without ACPI has no handler at all.
 */
function conventionalKind(
  family: MachineFamily,
  { hasAcpi, acpiBelowBridges = true }: ConfiguredMachine,
  { model, index }: ConfiguredBusFacts,
): SlotKind | undefined {
  if (family === "pseries") return model === "pci-root" ? "pseries" : undefined;
  if (family !== "i440fx" || !hasAcpi) return undefined;
  if (model === "pci-root") return index === 0 ? "pci-acpi" : undefined;
  return model === "pci-bridge" && acpiBelowBridges ? "pci-acpi" : undefined;
}
