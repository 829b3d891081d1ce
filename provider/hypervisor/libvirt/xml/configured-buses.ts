import { expectedHotplug, makesHotplugBus, type ConfiguredMachine, type GuestBus } from "../../../pci";
import { attribute, child, children, type XmlElement } from "./xml";

/** What a user may give QEMU beside all that libvirt knows of. */
const QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0";

/** ACPI hotplug behind ports and bridges, of the chipsets of q35 and i440fx. */
const BELOW_BRIDGES = /^(?:ICH9-LPC|PIIX4_PM)\.acpi-pci-hotplug-with-bridge-support=(\w+)$/;

/** The same in QEMU's long form. */
const LONG_FORM = /^driver=([^,]+),property=([^,]+),value=([^,]+)$/;

/** Has the bridge to ISA, and with it IDE, on every i440fx, whether or not the description names it. */
const I440FX_CHIPSET_SLOT = 1;

/** An express port has one slot. */
const TAKEN = { possible: false, reason: "it is taken by a device of the guest's configuration" } as const;

/** What is known of a guest's buses beside the controllers that make them. */
export interface DescribedBuses {
  /** QEMU's ids of the PCI buses, by the number that addresses have. */
  readonly buses: ReadonlyMap<number, string>;
  /** Slots given to something else than our functions, by the bus's QEMU id. */
  readonly slotsByBus: ReadonlyMap<string, readonly number[]>;
}

/**
 * The buses that a guest which is shut off will have to be plugged into, as a look at the running guest would
 * find them. libvirt has given each device of a configuration its address, and each address its controller,
 * when it was defined (qemuDomainAssignAddresses).
 */
export function configuredBuses(domain: XmlElement, { buses, slotsByBus }: DescribedBuses): GuestBus[] {
  const machine = machineOf(domain);
  return children(child(domain, "devices"), "controller").flatMap((one): GuestBus[] => {
    const model = attribute(one, "model") ?? "";
    const index = Number(attribute(one, "index") ?? "0");
    const bus = buses.get(index);
    if (attribute(one, "type") !== "pci" || bus === undefined || !makesHotplugBus(model)) return [];
    const switched = attribute(child(one, "target"), "hotplug");
    const hotplug = expectedHotplug(machine, {
      model,
      index,
      ...(switched !== undefined && { hotplug: switched !== "off" }),
    });
    const isChipsets = hotplug.possible && hotplug.kind === "pci-acpi" && index === 0;
    const reservedSlots = [...(slotsByBus.get(bus) ?? []), ...(isChipsets ? [I440FX_CHIPSET_SLOT] : [])];
    const isTaken = hotplug.possible && hotplug.slots.last === 0 && reservedSlots.length > 0;
    return [{ bus, index, hotplug: isTaken ? TAKEN : hotplug, occupants: [], reservedSlots }];
  });
}

function machineOf(domain: XmlElement): ConfiguredMachine {
  const acpiBelowBridges = findAcpiBelowBridges(domain);
  return {
    machine: attribute(child(domain, "os", "type"), "machine") ?? "",
    hasAcpi: children(child(domain, "features"), "acpi").length > 0,
    ...(acpiBelowBridges !== undefined && { acpiBelowBridges }),
  };
}

/** What `<qemu:commandline>` says of it; the last word counts, as in QEMU. */
function findAcpiBelowBridges(domain: XmlElement): boolean | undefined {
  const values = children(domain, "commandline", QEMU_NAMESPACE)
    .flatMap((one) => children(one, "arg", QEMU_NAMESPACE))
    .map((one) => attribute(one, "value") ?? "")
    .map((value) => value.replace(LONG_FORM, "$1.$2=$3"))
    .flatMap((value) => BELOW_BRIDGES.exec(value)?.[1] ?? []);
  const last = values.at(-1);
  return last === undefined ? undefined : ["on", "yes", "true", "y"].includes(last);
}
