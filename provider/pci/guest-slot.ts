/** How the guest learns of a function that comes or goes. */
export const slotKinds = ["pcie-native", "pcie-acpi", "pci-acpi", "pseries"] as const;

/** One of {@link slotKinds}. */
export type SlotKind = (typeof slotKinds)[number];

/** Whether functions come and go through the guest's ACPI. */
export function isAcpiSlot(kind: SlotKind): boolean {
  return kind === "pcie-acpi" || kind === "pci-acpi";
}

/** One slot of one bus of the guest. */
export interface GuestSlot {
  /** QEMU's id of the bus, e.g. `pci.5`. */
  readonly bus: string;
  /** Slot (device) number on that bus; 0 behind a root port. */
  readonly slot: number;
  readonly kind: SlotKind;
}

/** What stands in a guest slot: QEMU's id or QOM path of each device. */
export interface SlotOccupant {
  readonly slot: number;
  readonly guestFunction: number;
  readonly id: string;
}

/** A bus of the guest that was looked at by QOM. Of a guest that is shut off, its configuration tells. */
export interface GuestBus {
  readonly bus: string;
  /** Place among the guest's controllers; libvirt's own hotplug takes the lowest free one. */
  readonly index: number;
  readonly hotplug: BusHotplug;
  /** Where nothing is to be plugged, host functions only; of a bus that was not asked, none. */
  readonly occupants: readonly SlotOccupant[];
  /** Slots that libvirt's description of the running guest gives to something, plugged or not. */
  readonly reservedSlots: readonly number[];
  /**
   * Slots that the guest's configuration gives to something at its next cold boot: nothing is in the way of
   * what stands there now, and nothing is to be plugged there anew. Default: none.
   */
  readonly reservedAtBoot?: readonly number[];
}

/** Whether a bus takes hotplug: the slots and the mechanism, or why not. */
export type BusHotplug =
  | { readonly possible: true; readonly kind: SlotKind; readonly slots: SlotRange }
  | { readonly possible: false; readonly reason: string };

/** Slot numbers that can be hot-plugged on a bus, both included. */
export interface SlotRange {
  readonly first: number;
  readonly last: number;
}

/** Facts of QOM that decide how, and whether, a bus takes hotplug. */
export interface BusFacts {
  /** QOM type of the port or bridge, e.g. `pcie-root-port`; undefined for a root bus. */
  readonly portType?: string;
  /** QOM path of the port or bridge. */
  readonly portPath?: string;
  /** Value of the bus's `hotplug-handler`: a QOM path, or "" for none. */
  readonly handlerPath: string;
  /** Whether the bus has `acpi-pcihp-bsel`. */
  readonly hasAcpiSelector: boolean;
  /** The port's `hotplug` property; undefined where it has none. */
  readonly portHotplug?: boolean;
  /** QEMU's target: `x86_64`, `aarch64`, `ppc64`. */
  readonly architecture: string;
}

const expressPorts = new Set(["pcie-root-port", "ioh3420", "xio3130-downstream"]);

/** Whether a QOM type is that of a PCI Express port, behind which there is slot 0 and no other. */
export function isExpressPort(portType: string | undefined): boolean {
  return portType !== undefined && expressPorts.has(portType);
}

/** Behind a port there is one slot. */
export const onlySlotZero: SlotRange = { first: 0, last: 0 };
/** Slot 0 is the host bridge's, or the bridge's own. */
export const conventionalSlots: SlotRange = { first: 1, last: 31 };

/**
 * Decides how a bus takes hotplug. The handler decides, not the port's type: with ACPI hotplug a root
 * port's handler is the chipset, natively it is the port itself (QEMU hw/pci/pcie_port.c,
 * hw/acpi/pcihp.c). SHPC is refused: it powers a slot off after each function.
 */
export function classifyBus(facts: BusFacts): BusHotplug {
  const withoutHotplug = (reason: string): BusHotplug => ({ possible: false, reason });
  const isExpress = isExpressPort(facts.portType);
  if (facts.portHotplug === false) return withoutHotplug("its port has hotplug='off'; use a port without");
  if (facts.handlerPath === "")
    return withoutHotplug("it does not support hotplug; use a root port or a bridge that does");
  const isOwnHandler = facts.handlerPath === facts.portPath;
  if (facts.architecture === "ppc64" && !isOwnHandler)
    return { possible: true, kind: "pseries", slots: conventionalSlots };
  if (isOwnHandler && facts.architecture === "ppc64")
    return withoutHotplug(
      "hotplug behind a bridge is not known to show several functions together on POWER; use pci.0",
    );
  if (isOwnHandler)
    return isExpress
      ? { possible: true, kind: "pcie-native", slots: onlySlotZero }
      : withoutHotplug(
          "its SHPC hotplug controller cannot show several functions together; use another port or root bus",
        );
  if (!facts.hasAcpiSelector)
    return withoutHotplug("it has no ACPI hotplug; use a root port, or a bridge that has it");
  return isExpress
    ? { possible: true, kind: "pcie-acpi", slots: onlySlotZero }
    : { possible: true, kind: "pci-acpi", slots: conventionalSlots };
}

/**
 * Whether nothing stands in the slot and libvirt gives it to nothing, neither now nor at the next cold boot.
 */
export function isSlotFree(bus: GuestBus, slot: number): boolean {
  return !bus.occupants.some((occupant) => occupant.slot === slot) && !isReserved(bus, slot);
}

function isReserved({ reservedSlots, reservedAtBoot = [] }: GuestBus, slot: number): boolean {
  return reservedSlots.includes(slot) || reservedAtBoot.includes(slot);
}

/** How many slots of a bus an attachment could have. */
export function countFreeSlots(bus: GuestBus): number {
  if (!bus.hotplug.possible) return 0;
  const { first, last } = bus.hotplug.slots;
  const slots = Array.from({ length: last - first + 1 }, (_, n) => first + n);
  return slots.filter((slot) => isSlotFree(bus, slot)).length;
}

/**
 * The slot for a new attachment: the highest free one, because libvirt, which does not know of ours,
 * takes the lowest that it believes free and fails where we sit. Express slots come
 * before conventional ones.
 */
export function findFreeSlot(buses: readonly GuestBus[]): GuestSlot | undefined {
  const express = (bus: GuestBus): number => (bus.hotplug.possible && bus.hotplug.slots.last === 0 ? 0 : 1);
  const ordered = [...buses].sort((a, b) => express(a) - express(b) || b.index - a.index);
  for (const bus of ordered) {
    if (!bus.hotplug.possible) continue;
    const { first, last } = bus.hotplug.slots;
    for (let slot = last; slot >= first; slot--)
      if (isSlotFree(bus, slot)) return { bus: bus.bus, slot, kind: bus.hotplug.kind };
  }
  return undefined;
}
