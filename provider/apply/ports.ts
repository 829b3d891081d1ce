import type {
  ConfiguredFunction,
  GuestRunState,
  LedgerEntry,
  LedgerLocation,
  Observation,
  PlugTarget,
} from "../plan";
import type { GuestSlot, PciAddress } from "../pci";
import type { HostFunction } from "../host/facts";
import type { PausableClock } from "../async/queue-deadlines";
import type { HeldLocks } from "../host/helper";

export type { HeldLocks } from "../host/helper";

/** What tells which locks an operation needs. */
export interface Identity {
  /** Undefined where the host has no such guest. */
  readonly guestUuid?: string;
  /** As of {@link Observation.guest}. */
  readonly otherUuids?: readonly string[];
  readonly iommuGroups: readonly number[];
}

/** A function to hold for a guest, or to give back. */
export interface HoldRequest {
  readonly hostAddress: PciAddress;
  /** Names the held function on the host. */
  readonly alias: string;
  /**
   * A driver of VFIO's that the function is on before the hold. It stays on that driver, during the hold and
   * after.
   */
  readonly vfioDriver?: string;
}

/** A function that the host plugs alone into a slot. The id in QEMU is the alias on the host. */
export interface LonePlug {
  readonly target: PlugTarget;
  readonly slot: GuestSlot;
}

/** A {@link LonePlug} of a function that the host takes from its driver in the same call. */
export interface SinglePlug extends LonePlug {
  /** As with {@link HoldRequest}. */
  readonly vfioDriver?: string;
}

/** A host that takes a function and plugs it in one call. */
export interface Singles {
  /**
   * Takes one function and plugs it alone into a slot. The host owns that slot then, and returns the function
   * by itself when QEMU has released it. Waits for the answer however long that takes, as {@link Guest.plug}
   * does; the signal ends the repeating alone.
   */
  attachSingle(request: SinglePlug, signal: AbortSignal): Promise<void>;
}

/** A host that needs QEMU to open an IOMMU group by a function that leaves the guest again. */
export interface SteppingStones {
  /**
   * Plugs one held function alone into a slot, so that QEMU opens its IOMMU group. Waits as `attachSingle`
   * does.
   */
  plugSteppingStone(request: LonePlug, signal: AbortSignal): Promise<void>;
  /**
   * After QEMU has released the function: waits until the host has noticed, and checks that it is still held.
   */
  unplugSteppingStone(target: PlugTarget, signal: AbortSignal): Promise<void>;
}

/** A host that keeps a configuration of the guest, from which the guest starts. */
export interface GuestConfiguration {
  /** Adds all of these to the configuration as one change, whether or not the guest runs. */
  configure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void>;
  /**
   * Takes all of these out of the configuration as one change; a function that is not there is not an error.
   */
  unconfigure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void>;
}

/**
 * What an operation asks of a host: observe, hold a function for a guest, give it back. The optional parts
 * are what only some hosts can do. An {@link Observation} says what is possible, so that a plan never needs a
 * part that is missing.
 */
export interface Host {
  /**
   * `alone`: the first hold of a plan opens something that the others need (libvirt makes a group's node with
   * it). `with-others`: all holds of a plan are one command.
   */
  readonly firstHold: "alone" | "with-others";
  readonly singles?: Singles;
  readonly steppingStones?: SteppingStones;
  readonly configuration?: GuestConfiguration;
  /** A short look: which guest, which IOMMU groups. */
  readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity>;
  /**
   * Looks at everything a plan needs; `addresses` are looked at beside what the guest and the ledger name.
   */
  observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation>;
  /**
   * From now on everything is about this guest, whose lock is held: where its name or socket leads to
   * another, it is missing.
   */
  keepTo?(guestUuid: string): void;
  /** Takes a function from its driver and makes it usable for the guest, which does not see it. */
  hold(request: HoldRequest, signal: AbortSignal): Promise<void>;
  /** Gives a held function back; a function that is not held any more is not an error. */
  release(request: HoldRequest, signal: AbortSignal): Promise<void>;
  /**
   * Aliases of all functions that are held for the running guest. Empty if a libvirt guest is not running.
   */
  heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** The functions at these addresses, as they are now; absent ones are left out. */
  readFunctions(addresses: readonly PciAddress[], signal: AbortSignal): Promise<readonly HostFunction[]>;
  /** Binds a function that lost its driver to the host's own again. */
  rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void>;
}

/** What to look at. */
export interface ObservationQuery {
  /** Functions, or whole slots (`DDDD:BB:DD`), that the attachment names. */
  readonly addresses: readonly string[];
  /**
   * Whether something may be unplugged though nothing is plugged: then it is looked at whether this
   * connection goes through the guest. Default: no.
   */
  readonly forUnplug?: boolean;
  /**
   * Given where functions are to be taken from the host and plugged: then what the host itself needs is
   * looked at too, and of the guest's free buses whether they take hotplug, from the highest down to the
   * first that does.
   */
  readonly forPlug?: {
    /** Buses to ask in any case, beside those where the ledger has ours. */
    readonly buses: readonly string[];
    /** Ask all of them, for a list of what is free. */
    readonly everyBus?: boolean;
    /**
     * Whether the guest's next start is to have them: where it is shut off, the configurations of the other
     * guests are looked at as well. Default: no.
     */
    readonly atNextStart?: boolean;
    /**
     * Whether the configurations of guests that are shut off are looked at too, where this one runs: they
     * would not start any more, which a preview tells. Default: no.
     */
    readonly offGuests?: boolean;
  };
}

/** What an operation asks of a running guest: plug, ask for an unplug, look, hear. */
export interface Guest {
  /**
   * Sends one device_add and waits for its answer however long that takes: memory of a large guest is
   * pinned meanwhile, and nothing may be undone while the call is in flight.
   */
  plug(target: PlugTarget, slot: GuestSlot, options: { readonly multifunction: boolean }): Promise<void>;
  /** Sends one device_del. `busy`: nothing was requested, ask again; `gone`: there is no such device. */
  requestUnplug(qemuId: string, signal: AbortSignal): Promise<UnplugAnswer>;
  /** How the guest itself sees the slot; informational, from its PCI configuration. */
  readEnumeration(qemuIds: readonly string[], signal: AbortSignal): Promise<GuestEnumeration>;
  /**
   * What the guest has done with each of these functions, in their order, by their registers. A look has its
   * price for the guest: at most four a second, of one function where one is enough. Says `unknown` where
   * nothing tells, and fails only where QEMU does not answer at all.
   */
  guestStates(qemuIds: readonly string[], signal: AbortSignal): Promise<readonly GuestState[]>;
  /**
   * Whether its firmware has numbered this bus since the last reset; true of a bus that has no number by its
   * nature.
   */
  isEnumerated(bus: string, signal: AbortSignal): Promise<boolean>;
  /** Whether it runs now. */
  runState(signal: AbortSignal): Promise<GuestRunState>;
  /** Ids of all devices QEMU has that were given one, by QOM. */
  deviceIds(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Hears from now on, until the returned function is called; that may fail, see {@link endQuietly}. */
  listen(listener: GuestListener, signal: AbortSignal): Promise<() => Promise<void>>;
}

/** Who listens to a guest. */
export interface GuestListener {
  onEvent(event: GuestEvent): void;
  /** Nothing more will be heard. */
  onEnd(end: GuestEnd): void;
}

/**
 * `guest-stopped`: QEMU has ended, and nothing is plugged any more. `connection-lost`: the way to the guest
 * is gone.
 */
export type GuestEnd = "guest-stopped" | "connection-lost";

/**
 * What the guest has done with a function: `absent`, its registers are all ones, as of one that is not shown
 * yet; `present`, no BAR has an address; `enumerated`, one has; `driven`, a driver uses its memory as a bus
 * master; `unknown`, nothing tells. All ones can be a card that is being reset as well, so that `absent` is
 * no failure.
 */
export type GuestState = "absent" | "present" | "enumerated" | "driven" | "unknown";

/** What the guest has made of the plugged functions: the slot's address, and each function's state. */
export interface GuestEnumeration {
  /** `DDDD:BB:DD` as the guest numbered it; undefined while it has not numbered the bus. */
  readonly guestAddress?: string;
  /** Whether it has mapped the functions' BARs. */
  readonly guestConfigured: boolean;
  /** By QEMU id; what is not there is `unknown`. */
  readonly states?: ReadonlyMap<string, GuestState>;
}

/** See {@link Guest.requestUnplug}; `pending`: an earlier request is. */
export type UnplugAnswer = "requested" | "pending" | "busy" | "gone";

/** News of a running guest. */
export type GuestEvent =
  | { readonly kind: "deleted"; readonly qemuId: string }
  /** The guest has refused to let go of a function that it was asked for. */
  | { readonly kind: "unplug-refused"; readonly qemuId: string }
  | { readonly kind: "reset" }
  | { readonly kind: "paused" }
  | { readonly kind: "resumed" };

/** The owner's record on the host; see {@link LedgerEntry}. */
export interface Ledger {
  /** Writes the entry, in each of these places, over those with the same owner or tag. */
  record(entry: LedgerEntry, locations: readonly LedgerLocation[], signal: AbortSignal): Promise<void>;
  erase(entry: LedgerEntry, locations: readonly LedgerLocation[], signal: AbortSignal): Promise<void>;
}

/** Mutual exclusion over processes and machines. */
export interface Lock {
  /**
   * Takes the named locks in the order given; the result lets go of them.
   *
   * @param clock stands still while another operation of this process has a lock that is waited for
   */
  acquire(names: readonly string[], signal: AbortSignal, clock: PausableClock): Promise<HeldLocks>;
}

/** One guest on one host, reachable now. */
export interface Hypervisor {
  /** For messages: `root@hv1:22`. */
  readonly label: string;
  /** Name or UUID of the guest, as it was asked for. */
  readonly guestName: string;
  readonly host: Host;
  readonly guest: Guest;
  readonly ledger: Ledger;
  readonly lock: Lock;
}

/** Told of each step before it begins, in words. */
export type Progress = (line: string) => void;
