import type { GuestBus, GuestSlot, HostFunction, HostUse, PciAddress } from "../pci";

/**
 * Whether the guest can take part in a plug or an unplug. `prelaunch`: started paused and never run, in
 * which state an ACPI unplug request blocks the slot (qemu.md section 4). `off`: defined, not running.
 * `missing`: the host has no such guest.
 */
export type GuestRunState = "running" | "paused" | "prelaunch" | "off" | "missing";

/** One function as the ledger on the host remembers it. */
export interface LedgerFunction {
  readonly address: PciAddress;
  /** Undefined for a function that is held and shown to nobody. */
  readonly guestFunction?: number;
  /** Driver it had before it was first held; undefined if it had none. */
  readonly hostDriver?: string;
}

/** What is written on the host before the first change, so that a crash leaves an owner behind. */
export interface LedgerEntry {
  readonly owner: string;
  /** Mark in the QEMU ids and aliases; after an adoption still the one of the first owner. */
  readonly tag: string;
  readonly slot: GuestSlot;
  readonly functions: readonly LedgerFunction[];
}

/** A guest of this host, as errors name it. */
export interface GuestIdentity {
  readonly name: string;
  readonly uuid: string;
}

/** A live hostdev of some running guest of this host. */
export interface Holding {
  readonly guest: GuestIdentity;
  readonly address: PciAddress;
  readonly alias: string;
  /** Held without being shown to the guest by libvirt (`<address type='unassigned'/>`). */
  readonly isUnassigned: boolean;
}

/** A function of ours that QEMU has, seen by QOM. */
export interface PluggedFunction {
  readonly qemuId: string;
  readonly hostAddress: PciAddress;
  readonly bus: string;
  readonly slot: number;
  readonly guestFunction: number;
}

/** Everything a plan needs to know, looked at in one go. */
export interface Observation {
  readonly hostUuid: string;
  readonly guest: GuestIdentity & { readonly runState: GuestRunState; readonly qemuVersion: string };
  readonly buses: readonly GuestBus[];
  /** Functions of the named slots and of the ledger, with all members of their IOMMU groups. */
  readonly functions: ReadonlyMap<PciAddress, HostFunction>;
  readonly holdings: readonly Holding[];
  readonly plugged: readonly PluggedFunction[];
  readonly ledger: readonly { readonly guest: GuestIdentity; readonly entry: LedgerEntry }[];
  readonly hostUses: readonly HostUse[];
}

/** What of an observation is one owner's. */
export interface OwnedPart {
  readonly tag: string;
  readonly entry?: LedgerEntry;
  readonly plugged: readonly PluggedFunction[];
  readonly held: readonly PciAddress[];
}
