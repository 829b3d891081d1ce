import type { GuestSlot, PciAddress, RomOptions } from "../pci";

/** One function as the ledger on the host remembers it. */
export interface LedgerFunction extends RomOptions {
  readonly hostAddress: PciAddress;
  /** Undefined for a function that is held and shown to nobody. */
  readonly guestFunction?: number;
  /** Driver it had before it was first held; undefined if it had none. */
  readonly hostDriver?: string;
  /** Its driver_override at that time, an administrator's own; undefined if it had none, or under libvirt. */
  readonly driverOverride?: string;
}

/** What is written on the host before the first change, so that a crash leaves an owner behind. */
export interface LedgerEntry {
  readonly owner: string;
  /** Mark in the QEMU ids and aliases; after an adoption still the one of the first owner. */
  readonly tag: string;
  readonly slot: GuestSlot;
  readonly functions: readonly LedgerFunction[];
  /**
   * Which create made what stands here, of all that have had this token: 16 random bytes, as 32 digits of hex
   * in lower case. Undefined in what 0.1 wrote.
   */
  readonly incarnation?: string;
  /** When that create recorded it: UTC, to the second, e.g. `2026-11-29T12:00:00Z`. */
  readonly since?: string;
}

/** What tells one create from every other of the same owner token; its {@link LedgerEntry} has it. */
export interface Incarnation {
  /** 16 random bytes, as 32 digits of hex in lower case. */
  readonly incarnation: string;
  /** UTC, to the second. */
  readonly since: string;
}

/**
 * Where a ledger entry stands: in the running guest's metadata, in those of its configuration; of a guest
 * without libvirt, on its host. `domain`: in both metadata, as far as the guest has them. What an older
 * libvirt's guest holds stays held when the guest ends.
 */
export type LedgerLocation = "live" | "configuration" | "domain" | "host";

/** A guest of this host, as errors name it. */
export interface GuestIdentity {
  readonly name: string;
  readonly uuid: string;
}
