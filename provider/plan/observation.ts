import type { GuestBus, PciAddress, RomOptions } from "../pci";
import type { BeneathDevice, FunctionFacts, HostDevices, HostFunction } from "../host/facts";
import type { HostNote, HostUse, WayThroughGuest } from "../host/uses";
import type { GuestRunState } from "./guest-run-state";
import type { GuestIdentity, LedgerEntry } from "./ledger-entry";

/** A live hostdev of some running guest of this host. */
export interface Holding {
  readonly guest: GuestIdentity;
  readonly hostAddress: PciAddress;
  readonly alias: string;
  /**
   * Held without being shown to the guest by libvirt (`<address type='unassigned'/>`). One of ours that is
   * not was plugged by libvirt, at a cold boot or alone: libvirt hands it back by itself when QEMU has let
   * go, and must not be asked to.
   */
  readonly isUnassigned: boolean;
}

/** A host function that the guest's configuration gives to it at its next cold boot. */
export interface ConfiguredFunction extends RomOptions {
  readonly hostAddress: PciAddress;
  /** Empty where the configuration names none: it is not ours. */
  readonly alias: string;
  /** Undefined where it is to be held and shown to nobody. */
  readonly guestAddress?: GuestAddress;
  /**
   * A driver of VFIO's that it was on before, which libvirt is told to leave it on. Written, and never
   * compared.
   */
  readonly vfioDriver?: string;
}

/** Where in the guest a configured function is to appear. */
export interface GuestAddress {
  /** QEMU's id of the bus, e.g. `pci.5`. */
  readonly bus: string;
  readonly slot: number;
  readonly guestFunction: number;
}

/** A function that another guest's configuration gives to that guest at its next cold boot. */
export interface ConfiguredElsewhere {
  readonly guest: GuestIdentity;
  readonly hostAddress: PciAddress;
  /** Empty where the configuration names none. */
  readonly alias: string;
}

/** What libvirt keeps of a guest for its next cold boot. A transient guest has none. */
export interface Configuration {
  /** QEMU's ids of the PCI buses that the guest will have. */
  readonly buses: readonly string[];
  readonly functions: readonly ConfiguredFunction[];
  /** None with an older libvirt: there the entries of all guests are in the observation's own ledger. */
  readonly ledger: readonly LedgerEntry[];
}

/** What a host lets the QEMU of a guest do: memory that it may lock, nodes of VFIO that it may open. */
export interface QemuLimits {
  readonly pid: number;
  /** Name, or else number, of its user. */
  readonly user: string;
  /** Its unit of systemd, where it has one. */
  readonly unit?: string;
  /** Memory that it may lock; undefined where nothing limits it. */
  readonly lockedMemoryBytes?: number;
  /** Nodes that it may not open; without an owner one that is not there before its group is held. */
  readonly closedNodes: readonly {
    readonly iommuGroup: number;
    readonly path: string;
    readonly owner?: string;
  }[];
}

/** What a host's own list lets an account with sudo take (docs/security.md). */
export interface HostList {
  readonly target: string;
  /** The login. */
  readonly account: string;
  /** Path of the guest's monitor. */
  readonly socket: string;
  /** Functions that were looked at, and that it does not have. */
  readonly unlisted: ReadonlySet<PciAddress>;
}

/** A host function that QEMU has, whoever plugged it, seen by QOM. */
export interface PluggedFunction extends RomOptions {
  /** Of one that was plugged without an id, its path in QOM. */
  readonly qemuId: string;
  readonly hostAddress: PciAddress;
  readonly bus: string;
  readonly slot: number;
  readonly guestFunction: number;
}

/** A guest of the host of which not everything that it says of itself can be read. */
export interface UnreadGuest {
  readonly guest: GuestIdentity;
  readonly reason: string;
}

/** Everything that a plan needs to know, read in one go. */
export interface Observation {
  readonly hostUuid: string;
  /**
   * By what the host has shown, on the way to it, which host it is; undefined where the way does not tell.
   */
  readonly hostKeyFingerprint?: string;
  readonly guest: GuestIdentity & {
    /**
     * Further UUIDs of the same guest, by which earlier releases know it: all of them are locked. Default:
     * none.
     */
    readonly otherUuids?: readonly string[];
    /** Other paths of its socket that were asked about, and lead to it. Default: none. */
    readonly otherNames?: readonly string[];
    /**
     * What gave it the UUID: `host` where that is made of the host's UUID, so that a copy of the host has the
     * same; `record` where no guest has answered, and ledger or state names it. Default: the guest itself.
     */
    readonly knownBy?: "host" | "record";
    readonly runState: GuestRunState;
    readonly qemuVersion: string;
    /** QEMU's type of the machine, e.g. `pc-q35-10.0`; undefined where it does not run. */
    readonly machine?: string;
    /**
     * Whether it is shut off with its state saved (`virsh managedsave`): the next start goes on from there,
     * with the devices of that time, and the configuration counts for the one after it. Default: no.
     */
    readonly hasSavedState?: boolean;
    /** Of the running guest, in bytes: all of it is pinned for VFIO. */
    readonly memoryBytes?: number;
    /** Most memory that its configuration lets QEMU lock (libvirt's `hard_limit`). Default: no limit. */
    readonly hardLimitBytes?: number;
    /** Its virtual IOMMU, by QEMU's name of the device or libvirt's of the model. Default: none is known. */
    readonly virtualIommu?: string;
  };
  /** Of a guest that is shut off: those that its configuration gives to it. */
  readonly buses: readonly GuestBus[];
  /** Functions of the named slots and of the ledger, with all members of their IOMMU groups. */
  readonly functions: ReadonlyMap<PciAddress, HostFunction>;
  readonly holdings: readonly Holding[];
  readonly plugged: readonly PluggedFunction[];
  /** QEMU's ids of host functions that it has, of which it cannot be told which they are. Default: none. */
  readonly unidentified?: readonly string[];
  /**
   * Entries of running guests; without libvirt also of those that have ended, and have functions held still.
   */
  readonly ledger: readonly { readonly guest: GuestIdentity; readonly entry: LedgerEntry }[];
  /**
   * Other running guests, of which {@link holdings} and {@link ledger} have what could be read. Default:
   * none.
   */
  readonly unreadGuests?: readonly UnreadGuest[];
  /** Undefined where the host has no such guest, or one without persistent configuration. */
  readonly configuration?: Configuration;
  /**
   * Of a guest that is shut off and is to have functions at its next start: what any other guest's
   * configuration has. In a preview for one that runs: of those that are shut off. Default: it was not looked
   * at.
   */
  readonly configuredElsewhere?: readonly ConfiguredElsewhere[];
  readonly hostUses: readonly HostUse[];
  /**
   * This SSH connection, where it goes through the guest. Default: it does not, or nothing is to be
   * unplugged.
   */
  readonly wayThroughGuest?: WayThroughGuest;
  /** The host's, as its bash names it: `x86_64`, `aarch64`. Default: it is not known. */
  readonly architecture?: string;
  /** What of the host is not known, and counts as a use where it may be one. Default: none. */
  readonly hostNotes?: readonly HostNote[];
  /** Of the host's kernel, `6.12.48-amd64`, whose rule for groups differs. Default: not known. */
  readonly kernelRelease?: string;
  /** What a function is to the host, used or not. Default: nothing is known. */
  readonly hostDevices?: ReadonlyMap<PciAddress, HostDevices>;
  /** What else hangs below each function, used or not. Default: nothing is known. */
  readonly beneath?: ReadonlyMap<PciAddress, readonly BeneathDevice[]>;
  /** What there is to know of functions before they are taken. Default: nothing is known. */
  readonly functionFacts?: FunctionFacts;
  /** Where the entries of this guest stand while it runs. Default: `live`. */
  readonly ledgerLocation?: "live" | "domain" | "host";
  /** Undefined where nothing confines QEMU, or something else sees to it. */
  readonly qemuLimits?: QemuLimits;
  /** Undefined where the host has no such list, or it has every function that was looked at. */
  readonly hostList?: HostList;
  /**
   * Whether the host plugs a function by itself where it is alone in its slot, and owns that slot then:
   * libvirt does.
   */
  readonly plugsSingles?: boolean;
  /** Set where libvirt is too old to hold what it does not show: see {@link OlderLibvirt}. */
  readonly olderLibvirt?: OlderLibvirt;
}

/**
 * A libvirt that plugs a live hostdev though it is unassigned (before 8.3). What is held is bound to vfio-pci
 * on the host, libvirt gives no guest access to it, and hands nothing of it back. QEMU opens an IOMMU group
 * only where libvirt itself plugs a function of it, and keeps it open while it has any of its functions
 * (docs/internals/decisions/0021-stepping-stone.md).
 */
export interface OlderLibvirt {
  /** `7.0.0` */
  readonly version: string;
}

/** The resources in an observation that belong to one owner. */
export interface OwnedResources {
  readonly tag: string;
  /** The live entry, else the one in the guest's configuration. */
  readonly entry?: LedgerEntry;
  /** What stands in the running guest's metadata, or on its host, under this owner or tag. */
  readonly liveEntry?: LedgerEntry;
  /** What stands in the metadata of the guest's configuration under this owner or tag. */
  readonly configuredEntry?: LedgerEntry;
  readonly plugged: readonly PluggedFunction[];
  /** Every function that libvirt has for the guest, those that it plugged itself included. */
  readonly held: readonly PciAddress[];
  /** Those of `held` that libvirt plugged itself, at a cold boot or alone, and hands back by itself. */
  readonly pluggedByLibvirt: readonly PciAddress[];
  readonly configured: readonly ConfiguredFunction[];
}
