/**
 * What {@link getPciDevices} finds; `inspect --json` prints the same. Names of the host hold no control
 * characters.
 */
export interface PciDevices {
  /** The host that was looked at. */
  readonly host: PciHost;
  /** The guest that was asked for; null where none was. */
  readonly guest: PciGuest | null;
  /**
   * Running libvirt guests where no guest was asked for; null otherwise, and where libvirt does not answer.
   */
  readonly guests: readonly PciGuestIdentity[] | null;
  /** By address. PCI bridges are among them. */
  readonly devices: readonly PciDevice[];
  /** Lines that a program needs before those of {@link AttachAnswer.program}. */
  readonly prologue: readonly string[];
  /** What could not be found out, in sentences. */
  readonly notes: readonly string[];
  /** What uses by the host were looked for by, a word each. A function may be in use otherwise. */
  readonly usesLookedFor: readonly string[];
}

/** A running guest of libvirt's. */
export interface PciGuestIdentity {
  /** For `guest.domain` of an attachment. */
  readonly name: string;
  /** In libvirt's form, lower case. */
  readonly uuid: string;
}

/** The host that was looked at. */
export interface PciHost {
  /** `root@hv1:22` */
  readonly address: string;
  /** As libvirt or the firmware tells it. */
  readonly uuid: string | null;
  /** `SHA256:…` */
  readonly hostKeyFingerprint: string | null;
}

/** The guest that was asked for. */
export interface PciGuest {
  /** Of a guest without libvirt, its monitor's socket. */
  readonly name: string;
  /** Of a QEMU without one, made of host and socket. */
  readonly uuid: string;
  /**
   * `prelaunch`: started paused, never run. `halted`: it has a QEMU, and does not run by itself again, as
   * {@link PciGuest.refusal} says: it was switched off, has panicked, is being migrated or the like. `off`:
   * defined, not running.
   */
  readonly runState: "running" | "paused" | "prelaunch" | "halted" | "off";
  /** QEMU's type of the machine, `pc-q35-10.0`; null where it does not run. */
  readonly machine: string | null;
  /** `10.0.13`; null where it does not run. */
  readonly qemuVersion: string | null;
  /** All of its memory, in bytes: VFIO pins it. Null where it does not run, or is not told. */
  readonly memoryBytes: number | null;
  /**
   * PCI buses that a device could be plugged into, or could but for a reason. Of a libvirt guest that is shut
   * off: those of its configuration, as they are expected to be when it is started.
   */
  readonly buses: readonly PciGuestBus[];
  /** What this provider has attached to it, whichever the stack. */
  readonly attachments: readonly PciGuestAttachment[];
  /** Why nothing at all can be attached to it now: the first of {@link PciGuest.refusals}. */
  readonly refusal: AttachRefusal | null;
  /** Everything that speaks against attaching anything to it now. */
  readonly refusals: readonly AttachRefusal[];
}

/** A bus of the guest. */
export interface PciGuestBus {
  /** QEMU's id, for `guestSlot.bus`: `pci.5`. */
  readonly bus: string;
  /** The hotplug mechanism of its slots; null where it takes none now. */
  readonly kind: "pcie-native" | "pcie-acpi" | "pci-acpi" | "pseries" | null;
  /** Slot numbers without anything in them, ascending; behind a root port 0 or none. */
  readonly freeSlots: readonly number[];
  /** QEMU's ids, or paths, of what stands on it. */
  readonly takenBy: readonly string[];
  /** Why it takes no hotplug. */
  readonly reason: string | null;
}

/** One attachment of this provider in the guest. */
export interface PciGuestAttachment {
  /** Its owner token: `organization/project/stack/name`. */
  readonly owner: string;
  /** QEMU's id of the bus: `pci.5`. */
  readonly bus: string;
  /** Slot number on that bus. */
  readonly slot: number;
  /** Addresses on the host of what the guest sees. */
  readonly attached: readonly string[];
  /** Addresses on the host of what is held and shown to nobody. */
  readonly held: readonly string[];
}

/** One device of the host: all functions of one slot. */
export interface PciDevice {
  /** For `device` of an attachment: `0000:01:00`. */
  readonly address: string;
  /** Names are the host's pci.ids', of the first function; null where it has none. */
  readonly vendorName: string | null;
  /** Of the first function; null where pci.ids has none. */
  readonly productName: string | null;
  /** Of the first function: `Ethernet controller`; null where pci.ids has none. */
  readonly className: string | null;
  /** Null where the host has one node, or does not tell. */
  readonly numaNode: number | null;
  /** All functions are PCI bridges, which are never attached. */
  readonly isBridge: boolean;
  /** By number, ascending. */
  readonly functions: readonly PciFunction[];
  /** The groups that its functions are in, by number; empty where the host has no IOMMU for it. */
  readonly iommuGroups: readonly PciIommuGroup[];
  /** Whether, and how, it can be attached now. */
  readonly attach: AttachAnswer;
}

/** One function of a device. */
export interface PciFunction {
  /** `0000:01:00.0` */
  readonly address: string;
  /** 0 to 7. */
  readonly function: number;
  /** Four hexadecimal digits with `0x`. */
  readonly vendorId: string;
  /** Four hexadecimal digits with `0x`. */
  readonly productId: string;
  /** Six hexadecimal digits with `0x`. */
  readonly classCode: string;
  /** By the host's pci.ids; null where that has none. */
  readonly vendorName: string | null;
  /** By the host's pci.ids; null where that has none. */
  readonly productName: string | null;
  /** By the host's pci.ids; null where that has none. */
  readonly className: string | null;
  /** Bound now; null if none is. */
  readonly driver: string | null;
  /** Null where the host has no IOMMU for it. */
  readonly iommuGroup: number | null;
  /** Of a virtual function (SR-IOV), its physical function. */
  readonly physicalFunction: string | null;
  /** Kernel names of the network interfaces on it or behind it, used or not. */
  readonly interfaces: readonly string[];
  /** Kernel names of the disks on it or behind it, used or not, without partitions. */
  readonly disks: readonly string[];
  /** Everything of the host's that is gone with it, used or not; interfaces and disks first. */
  readonly beneath: readonly PciBeneath[];
  /** What the host uses it for, in words that follow "it". */
  readonly hostUses: readonly string[];
  /** Null where nobody has it. */
  readonly heldBy: PciHolder | null;
}

/** A device of the host that hangs below a function, and is gone with it. */
export interface PciBeneath {
  /**
   * `usb`: each device but hubs; `input`: what has keys, or points; `display`: cards, connectors and
   * framebuffers.
   */
  readonly kind:
    | "interface"
    | "disk"
    | "display"
    | "tty"
    | "mdev"
    | "vdpa"
    | "tpm"
    | "watchdog"
    | "ipmi"
    | "thunderbolt"
    | "rdma"
    | "sound"
    | "usb"
    | "input";
  /** The kernel's: `sdb`, `1-2`, `card0-HDMI-A-1`; `VGA` for what the firmware showed its picture on. */
  readonly name: string;
  /** What it calls itself, or the driver that has it; null where neither is known. */
  readonly detail: string | null;
  /**
   * `keyboard`, `mouse`, `storage`, `network`: what it is for. Of displays: `connected` to a screen, `lit` if
   * there is a picture, `boot` if the firmware showed its own there. `console`: the kernel writes there.
   */
  readonly traits: readonly (
    "keyboard" | "mouse" | "storage" | "network" | "connected" | "lit" | "boot" | "console"
  )[];
  /** The USB device that it is a part of, by that one's name; null where it is of none. */
  readonly within: string | null;
}

/** Who has a function of the host. */
export interface PciHolder {
  /** Name of the guest, its monitor's socket, or the process that has it. */
  readonly guest: string;
  /** Null where only the process is known that has it. */
  readonly guestUuid: string | null;
  /** Owner token of the attachment; null where it is not this provider's. */
  readonly owner: string | null;
  /** The guest's slot, where it is this provider's. */
  readonly bus: string | null;
  /** The guest's slot number, where it is this provider's. */
  readonly slot: number | null;
  /** Null also where it is held and shown to nobody. */
  readonly guestFunction: number | null;
}

/** An IOMMU group of a device, and what else is in it. */
export interface PciIommuGroup {
  /** Its number, as the kernel has given it at this boot. */
  readonly group: number;
  /** Functions of other devices in it: they go along, are held, or stand in the way. */
  readonly others: readonly PciGroupMember[];
}

/** A function of another device in the same IOMMU group. */
export interface PciGroupMember {
  /** `0000:01:00.0` */
  readonly address: string;
  /** Bound now; null if none is. */
  readonly driver: string | null;
  /** By its header type. On `pcieport`, or without a driver, a PCI bridge is no obstacle. */
  readonly isBridge: boolean;
}

/** Whether a device can be attached now. */
export interface AttachAnswer {
  /**
   * Of several ways the one that costs the host least, so a part may come before a whole that the host uses.
   */
  readonly possible: "whole" | "part" | "no";
  /** Function numbers that can be attached. */
  readonly functions: readonly number[];
  /** The arguments of an attachment that it takes. */
  readonly leftovers: "refuse" | "hold";
  /** Whether `allowInUse` has to be true, because the host uses what would be taken. */
  readonly allowInUse: boolean;
  /** What it does to host and guest: `leaves the host: interface eth2`. */
  readonly consequences: readonly string[];
  /** Why not at all, or why not whole: the first of {@link AttachAnswer.refusals}. */
  readonly refusal: AttachRefusal | null;
  /** Everything that speaks against it, also what the guest refuses every device with. */
  readonly refusals: readonly AttachRefusal[];
  /** The lines of program that attach it, after {@link PciDevices.prologue}; none where it cannot be. */
  readonly program: readonly string[];
}

/** What an attachment would be refused with. */
export interface AttachRefusal {
  /** A code of docs/errors.md. */
  readonly code: string;
  /** What it says: reason and cure. */
  readonly message: string;
}
