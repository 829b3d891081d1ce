import type { FunctionMapping, GuestSlot, PciAddress, PciSlotAddress } from "../pci";
import type { Incarnation } from "./ledger-entry";

/** What the arguments ask for, parsed. */
export interface DesiredAttachment {
  readonly ownerToken: string;
  readonly selection: FunctionSelection;
  /** What happens to functions of the touched groups that are not assigned and have a host driver. */
  readonly leftovers: "refuse" | "hold";
  readonly guestSlot?: { readonly bus: string; readonly slot?: number };
  readonly adopt: boolean;
  /** Whether functions are taken that the host uses; never one that carries this SSH connection. */
  readonly allowInUse: boolean;
  /** Whether the guest may lose what it has though this SSH connection goes through it. Default: no. */
  readonly allowDisconnect?: boolean;
  /** Whether the guest's configuration is to have it too, so that it is there after each cold boot. */
  readonly persistent: boolean;
  /**
   * For what this operation makes or takes over. Default: the ledger entry then has none, as those of 0.1.
   */
  readonly fresh?: Incarnation;
  /**
   * Whether a set is put back where it stood a moment ago: whatever the next boot gives that slot to, it goes
   * there.
   */
  readonly goesBack?: boolean;
}

/** Which functions: of one device, by number or all it has; or by a map. */
export type FunctionSelection =
  | { readonly by: "device"; readonly device: PciSlotAddress; readonly functions?: readonly number[] }
  | { readonly by: "map"; readonly map: readonly FunctionMapping[] };

/**
 * What the state of the resource remembers of an attachment. Used where the ledger on the host is gone, and
 * to tell the state's attachment from another of the same owner token. Whoever has no state is about to
 * create.
 */
export interface PriorAttachment {
  /** UUID of the guest that it was made in: a host that has this guest no more tells none. */
  readonly guestUuid?: string;
  readonly slot?: GuestSlot;
  readonly functions: readonly PriorFunction[];
  /** See LedgerEntry; undefined in a state of 0.1. */
  readonly incarnation?: string;
}

/** One function of {@link PriorAttachment}. */
export interface PriorFunction {
  readonly hostAddress: PciAddress;
  /** Undefined for a function that is held and shown to nobody. */
  readonly guestFunction?: number;
  readonly hostDriver?: string;
}
