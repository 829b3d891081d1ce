import type { BeneathDevice, HostDevices } from "../host/facts";
import type { HostUse } from "../host/uses";
import type { FunctionMapping, GuestSlot, PciAddress } from "../pci";
import type { LedgerEntry, LedgerLocation } from "./ledger-entry";
import type { ConfiguredFunction } from "./observation";
import type { Warning } from "./warning";

/**
 * One step of a plan: data that `apply` runs, tests enumerate and the preview prints.
 * Undoing is planning again, from what is really there back to what was wanted before
 * (docs/internals/decisions/0002-undo-by-planning.md).
 */
export type Step =
  | { readonly kind: "record"; readonly entry: LedgerEntry; readonly locations: readonly LedgerLocation[] }
  | (TakenFunction & {
      readonly kind: "hold";
      readonly purpose: "assign" | "leftover";
    })
  | (TakenFunction & {
      /**
       * One function that is all of the attachment: libvirt takes it and plugs it in one, by its alias, and
       * hands it back by itself when QEMU has let go (docs/internals/decisions/0033-one-function.md).
       */
      readonly kind: "attach-single";
      readonly slot: GuestSlot;
      readonly target: PlugTarget;
      /** As with `plug`. */
      readonly pinsBytes?: number;
    })
  | {
      readonly kind: "unplug";
      readonly slot: GuestSlot;
      /** Every function of ours in the slot, function 0 first; all of them go. */
      readonly functions: readonly PlugTarget[];
      /** Ids to send a device_del for. */
      readonly requests: readonly string[];
      /** Whether function 0 is there: without it the guest has never seen the others. */
      readonly seenByGuest: boolean;
      /** Whether the guest was paused at the look, and has to be resumed before it can let go. */
      readonly awaitsResume?: boolean;
    }
  | {
      readonly kind: "plug";
      readonly slot: GuestSlot;
      readonly target: PlugTarget;
      /** Set on function 0 where there are others. */
      readonly multifunction: boolean;
      /** Memory of the guest that QEMU pins in this call, because nothing of VFIO's is in the guest then. */
      readonly pinsBytes?: number;
    }
  | {
      /**
       * An older libvirt plugs one held function alone into a spare slot, by its alias, so that QEMU opens
       * its IOMMU group; the guest sees it there until it is withdrawn.
       */
      readonly kind: "plug-stepping-stone";
      readonly slot: GuestSlot;
      readonly target: PlugTarget;
      /** As with `plug`. */
      readonly pinsBytes?: number;
    }
  | {
      /**
       * The introduced function leaves its spare slot, stays held, and QEMU keeps its group open for those
       * plugged meanwhile.
       */
      readonly kind: "unplug-stepping-stone";
      readonly slot: GuestSlot;
      readonly target: PlugTarget;
    }
  | {
      readonly kind: "confirm";
      readonly slot: GuestSlot;
      readonly functions: readonly PlugTarget[];
      /** Whether what was plugged may be removed unasked, until the guest has taken it. */
      readonly isWatched: boolean;
      /** How long it has to be watched in any case: where the guest's taking it is no end of that. */
      readonly watchMs: number;
    }
  | {
      readonly kind: "release";
      readonly hostAddress: PciAddress;
      readonly alias: string;
      readonly hostDriver?: string;
    }
  | {
      /** Libvirt hands cold-plugged functions back by itself, one after the other, once QEMU has let go. */
      readonly kind: "await-reattach";
      readonly functions: readonly { readonly hostAddress: PciAddress; readonly alias: string }[];
    }
  | {
      readonly kind: "restore";
      /**
       * `release`: a release has done it, or nothing has. Otherwise the functions come back by themselves,
       * after some seconds: where the guest has ended, or where libvirt hands cold-plugged ones back.
       */
      readonly givenBackBy: "release" | "guest-end" | "libvirt";
      readonly drivers: readonly { readonly hostAddress: PciAddress; readonly hostDriver: string }[];
    }
  | {
      /** The guest's configuration gets these, all in one step: some alone would keep it from booting. */
      readonly kind: "configure";
      readonly functions: readonly ConfiguredFunction[];
    }
  | {
      /** The guest's configuration loses these, all in one step. */
      readonly kind: "unconfigure";
      readonly functions: readonly ConfiguredFunction[];
    }
  | { readonly kind: "erase"; readonly entry: LedgerEntry; readonly locations: readonly LedgerLocation[] };

/** A function that is taken from the host. */
export interface TakenFunction {
  readonly hostAddress: PciAddress;
  readonly alias: string;
  readonly hostDriver?: string;
  /** A driver of VFIO's that the function was on already: it stays on that one, now and after the release. */
  readonly vfioDriver?: string;
  /** Interfaces and disks that the host has no more then. */
  readonly hostDevices?: HostDevices;
  /** What else it has no more then. Default: nothing is known. */
  readonly beneath?: readonly BeneathDevice[];
  /** What the host uses it for and loses; only if that is allowed. */
  readonly overriddenUses?: readonly HostUse[];
}

/** A function and the QEMU id it has, or gets. */
export interface PlugTarget extends FunctionMapping {
  readonly qemuId: string;
}

/** What a plan ends in. */
export interface PlanTarget {
  readonly slot: GuestSlot;
  readonly attached: readonly PlugTarget[];
  /** The ledger entry that stands then: with the functions that are held only, and all host drivers. */
  readonly entry: LedgerEntry;
}

/** The next start of a guest that is shut off. */
export interface NextStart {
  readonly guest: string;
  /** See Observation. */
  readonly hasSavedState: boolean;
  /** What the host uses functions for that it loses then; only if that is allowed. */
  readonly overriddenUses: readonly HostUse[];
}

/** Ordered steps from an observation to what is desired. */
export interface Plan {
  readonly steps: readonly Step[];
  /**
   * After how many steps the guest has what is wanted, confirmed; of a guest that is shut off, its
   * configuration. What comes after that tidies up: whatever becomes of it, the guest keeps what it has.
   * Undefined in a plan to give everything back.
   */
  readonly standsAfter?: number;
  /** Undefined where nothing of the attachment is to remain. */
  readonly target?: PlanTarget;
  /** Functions that the guest keeps until it is shut off, though it is given up. Default: none. */
  readonly staysUntilShutOff?: readonly PciAddress[];
  /** Set where the guest is shut off: its configuration alone is changed. */
  readonly forNextStart?: NextStart;
  /** Set by a create that takes over what stands under its own token, whoever made it. */
  readonly takesOver?: {
    /** When that was made; undefined where nobody wrote it down. */
    readonly since?: string;
  };
  /** What may be regretted of it. Default: nothing. */
  readonly warnings?: readonly Warning[];
}
