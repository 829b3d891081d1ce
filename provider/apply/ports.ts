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

/** What tells which locks an operation needs. */
export interface Identity {
  /** Undefined where the host has no such guest. */
  readonly guestUuid?: string;
  /** As of {@link Observation.guest}. */
  readonly otherUuids?: readonly string[];
  readonly iommuGroups: readonly number[];
}

/** What the lifecycle asks of a host: look, hold a function for a guest, give it back. */
export interface Host {
  /**
   * Whether the first hold of a plan opens something that the others find open (libvirt makes a group's node with it),
   * or all are one command. Default: `alone`.
   */
  readonly firstHold?: "alone" | "with-others";
  /** A short look: which guest, which IOMMU groups. */
  readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity>;
  /** Looks at everything a plan needs; `addresses` are looked at beside what the guest and the ledger name. */
  observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation>;
  /**
   * From now on everything is about this guest, whose lock is held: where its name or socket leads to another, it is missing.
   */
  keepTo?(guestUuid: string): void;
  /**
   * Takes a function from its driver and makes it usable for the guest, which does not see it.
   *
   * @param vfioDriver a driver of VFIO's that it is on already, and stays on
   */
  hold(hostAddress: PciAddress, alias: string, signal: AbortSignal, vfioDriver?: string): Promise<void>;
  /**
   * Takes one function and plugs it alone into a slot, by the alias that is its QEMU id; the host owns that slot then, and
   * hands the function back by itself when QEMU has let go of it. Waits for the answer however long that takes, as
   * {@link Guest.plug} does; the signal ends the repeating alone.
   *
   * @param vfioDriver as with `hold`
   */
  attach(target: PlugTarget, slot: GuestSlot, signal: AbortSignal, vfioDriver?: string): Promise<void>;
  /**
   * Plugs one held function alone into a slot, by the alias that is its QEMU id, so that QEMU opens its IOMMU group. Waits
   * for the answer as `attach` does.
   */
  plugSteppingStone(target: PlugTarget, slot: GuestSlot, signal: AbortSignal): Promise<void>;
  /** After QEMU has let go of an introduced function: waits until the host has noticed, and sees that it is held still. */
  unplugSteppingStone(target: PlugTarget, signal: AbortSignal): Promise<void>;
  /**
   * Gives a held function back; one that is not held any more is no error.
   *
   * @param vfioDriver a driver of VFIO's that it was on before, and stays on
   */
  release(hostAddress: PciAddress, alias: string, signal: AbortSignal, vfioDriver?: string): Promise<void>;
  /** Aliases of all that is held for the running guest; none where libvirt has it and it does not run. */
  heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Adds all of these to the guest's configuration, whether or not it runs, as one change. */
  configure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void>;
  /** Takes all of these out of the guest's configuration as one change; one that is not there is no error. */
  unconfigure(functions: readonly ConfiguredFunction[], signal: AbortSignal): Promise<void>;
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
   * Given where functions are to be taken from the host and plugged: then what the host itself needs is
   * looked at too, and of the guest's free buses whether they take hotplug, from the highest down to the
   * first that does.
   */
  readonly forPlug?: {
    /** Buses to ask in any case, beside those where the ledger has ours. */
    readonly buses: readonly string[];
    /** Ask all of them, for a list of what is free. */
    readonly everyBus?: boolean;
  };
}

/** What the lifecycle asks of a running guest: plug, ask for an unplug, look, hear. */
export interface Guest {
  /**
   * Sends one device_add and waits for its answer however long that takes: memory of a large guest is
   * pinned meanwhile, and nothing may be undone while the call is in flight.
   */
  plug(target: PlugTarget, slot: GuestSlot, options: { readonly multifunction: boolean }): Promise<void>;
  /** Sends one device_del. `busy`: nothing was requested, ask again; `gone`: there is no such device. */
  requestUnplug(qemuId: string, signal: AbortSignal): Promise<UnplugAnswer>;
  /** How the guest itself sees the slot; informational, from its PCI configuration. */
  view(qemuIds: readonly string[], signal: AbortSignal): Promise<GuestEnumeration>;
  /**
   * What the guest has done with each of these functions, in their order, by their registers. A look has its price for the
   * guest: at most four a second, of one function where one is enough. Says `unknown` where nothing tells, and fails only
   * where QEMU does not answer at all.
   */
  guestStates(qemuIds: readonly string[], signal: AbortSignal): Promise<readonly GuestState[]>;
  /** Whether its firmware has numbered this bus since the last reset; true of a bus that has no number by its nature. */
  isEnumerated(bus: string, signal: AbortSignal): Promise<boolean>;
  /** Whether it runs now. */
  runState(signal: AbortSignal): Promise<GuestRunState>;
  /** Ids of all devices QEMU has that were given one, by QOM. */
  deviceIds(signal: AbortSignal): Promise<ReadonlySet<string>>;
  /** Hears from now on, until the returned function is called; that may fail, see {@link endQuietly}. */
  listen(listener: (event: GuestEvent) => void, signal: AbortSignal): Promise<() => Promise<void>>;
}

/**
 * What the guest has done with a function: `absent`, its registers are all ones, as of one that is not shown yet; `present`,
 * no BAR has an address; `enumerated`, one has; `driven`, a driver uses its memory as a bus master; `unknown`, nothing
 * tells. All ones can be a card that is being reset as well, so that `absent` is no failure.
 */
export type GuestState = "absent" | "present" | "enumerated" | "driven" | "unknown";

/** What the guest has made of the plugged functions. */
export interface GuestEnumeration {
  /** `DDDD:BB:DD` as the guest numbered it; undefined while it has not numbered the bus. */
  readonly guestAddress?: string;
  /** Whether it has mapped the functions' BARs. */
  readonly guestConfigured: boolean;
  /** By QEMU id; what is not there is `unknown`. */
  readonly states?: ReadonlyMap<string, GuestState>;
}

export type UnplugAnswer = "requested" | "pending" | "busy" | "gone";

export type GuestEvent =
  | { readonly kind: "deleted"; readonly qemuId: string }
  /** The guest has refused to let go of a function that it was asked for. */
  | { readonly kind: "unplug-refused"; readonly qemuId: string }
  | { readonly kind: "reset" }
  | { readonly kind: "paused" }
  | { readonly kind: "resumed" }
  /** The way to the guest is gone: nothing more will be heard. */
  | { readonly kind: "lost" }
  /** QEMU has ended: nothing is plugged any more. */
  | { readonly kind: "stopped" };

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

export interface HeldLocks {
  release(): Promise<void>;
  /** Resolves when the locks have been lost with their connection. */
  readonly lost: Promise<Error>;
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
