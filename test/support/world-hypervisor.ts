import { ProviderError } from "../../provider/errors";
import type {
  Guest,
  GuestConfiguration,
  GuestEnumeration,
  GuestListener,
  Host,
  Hypervisor,
  Identity,
  Ledger,
  Lock,
  ObservationQuery,
  UnplugAnswer,
} from "../../provider/apply";
import type { PausableClock } from "../../provider/async/queue-deadlines";
import type { GuestSlot, PciAddress } from "../../provider/pci";
import type { HostFunction } from "../../provider/host/facts";
import type { LedgerLocation, Observation, PlugTarget } from "../../provider/plan";
import { hear, type Heard } from "./heard";
import { OWN_GUEST, type World } from "./world";

/** What befalls one call. */
export type Fault =
  /** Refused, and not carried out. */
  | "refused"
  /** Carried out, and reported as failed. */
  | "lost-reply"
  /** The provider dies: the call is not carried out, and nothing after it. */
  | "crash-before"
  /** The provider dies: the call is carried out, and nothing after it. */
  | "crash-after"
  /** The guest's QEMU ends before the call. */
  | "guest-ends";

/** Locks of one host, over all its clients. */
export class WorldLocks {
  readonly taken: string[][] = [];
  readonly #held = new Set<string>();
  #lose: ((cause: Error) => void) | undefined;

  acquire(names: readonly string[]): Promise<{ release: () => Promise<void>; lost: Promise<Error> }> {
    // as the locks over SSH do
    if (names.length === 0) throw new RangeError("not a list of lock names: ");
    for (const name of names) {
      if (this.#held.has(name)) throw new Error(`${name} is held by someone else`);
      this.#held.add(name);
    }
    this.taken.push([...names]);
    const lost = new Promise<Error>((resolve) => (this.#lose = resolve));
    return Promise.resolve({
      lost,
      release: () => {
        for (const name of names) this.#held.delete(name);
        return Promise.resolve();
      },
    });
  }

  lose(): void {
    this.#held.clear();
    this.#lose?.(new ProviderError("SSH_LOCK_LOST", { what: "the lock was lost" }));
  }

  get areFree(): boolean {
    return this.#held.size === 0;
  }
}

/**
 * The ports of apply over a {@link World}: every call is written down in {@link calls}, and any of
 * them can be made to fail, to lose its reply, or to be the last one of a process that dies.
 */
export class WorldHypervisor implements Hypervisor {
  readonly label = "root@hv1:22";
  readonly guestName = OWN_GUEST.name;
  /** All calls in their order, e.g. `hold 0000:01:00.0`. */
  readonly calls: string[] = [];
  /** Before each call: waited for, e.g. to let time pass or to change the world. */
  onCall: (call: string, index: number) => void | Promise<void> = () => undefined;
  /** While a lock is asked for, with the clock of who asks. */
  onLock: (clock: PausableClock) => void | Promise<void> = () => undefined;
  #isDead = false;
  #listeners = new Set<GuestListener>();

  constructor(
    readonly world: World,
    readonly faultAt: (call: string, index: number) => Fault | undefined = () => undefined,
    readonly locks = new WorldLocks(),
  ) {}

  readonly host: Host & { readonly configuration: GuestConfiguration } = {
    firstHold: "alone",
    readIdentity: (query, signal) => this.#call("readIdentity", signal, () => this.#readIdentity(query)),
    observe: (_query, signal) => this.#call("observe", signal, (): Observation => this.world.observe()),
    hold: ({ hostAddress, alias, vfioDriver }, signal) =>
      this.#call(`hold ${hostAddress}`, signal, () =>
        this.world.hold(hostAddress, this.#whileRunning(alias), OWN_GUEST, vfioDriver),
      ),
    singles: {
      attachSingle: ({ target, slot, vfioDriver }) =>
        this.#call(`attach ${target.hostAddress}`, undefined, () =>
          this.world.attach(target, slot, this.#whileRunning(vfioDriver)),
        ),
    },
    steppingStones: {
      plugSteppingStone: ({ target, slot }) =>
        this.#call(`plugSteppingStone ${target.hostAddress}`, undefined, () =>
          this.world.plugSteppingStone(target, this.#whileRunning(slot)),
        ),
      unplugSteppingStone: (target, signal) =>
        this.#call(`unplugSteppingStone ${target.hostAddress}`, signal, () =>
          this.world.unplugSteppingStone(target),
        ),
    },
    configuration: {
      configure: (functions, signal) =>
        this.#call("configure", signal, () => this.world.configure(functions)),
      unconfigure: (functions, signal) =>
        this.#call("unconfigure", signal, () => this.world.unconfigure(functions)),
    },
    release: ({ hostAddress, alias }, signal) =>
      this.#call(`release ${hostAddress}`, signal, () => this.world.release(hostAddress, alias)),
    heldAliases: (signal) => this.#call("heldAliases", signal, () => this.#heldAliases()),
    readFunctions: (addresses, signal) =>
      this.#call("readFunctions", signal, () => this.#readFunctions(addresses)),
    rebind: (hostAddress, signal) =>
      this.#call(`rebind ${hostAddress}`, signal, () => this.world.bind(hostAddress, "e1000e")),
  };

  readonly guest: Guest = {
    plug: (target, slot, { multifunction }) =>
      this.#call(`plug ${target.qemuId.slice(-2)}`, undefined, () => this.#plug(target, slot, multifunction)),
    requestUnplug: (qemuId, signal) =>
      this.#call(`device_del ${qemuId.slice(-2)}`, signal, () => this.#requestUnplug(qemuId)),
    readEnumeration: (_ids, signal) =>
      this.#call("readEnumeration", signal, (): GuestEnumeration => ({ guestConfigured: true })),
    guestStates: (ids, signal) =>
      this.#call("guestStates", signal, () => this.#whileRunning(ids).map((id) => this.world.stateOf(id))),
    isEnumerated: (bus, signal) => this.#call("isEnumerated", signal, () => !this.world.unnumbered.has(bus)),
    runState: (signal) => this.#call("runState", signal, () => this.#whileRunning(this.world.runState)),
    deviceIds: (signal) => this.#call("deviceIds", signal, () => this.#deviceIds()),
    listen: (listener, signal) =>
      this.#call("listen", signal, () => {
        this.#listeners.add(this.#whileRunning(listener));
        return () => {
          this.#listeners.delete(listener);
          return Promise.resolve();
        };
      }),
  };

  readonly ledger: Ledger = {
    record: (entry, locations, signal) =>
      this.#call(nameOf("record", locations), signal, () =>
        this.world.record(entry, this.#whileRunningIfLive(locations)),
      ),
    erase: (entry, locations, signal) =>
      this.#call(nameOf("erase", locations), signal, () =>
        this.world.erase(entry, this.#whileRunningIfLive(locations)),
      ),
  };

  readonly lock: Lock = {
    acquire: (names, signal, clock) =>
      this.#call(`lock ${names.join(" ")}`, signal, async () => {
        await this.onLock(clock);
        // whoever has left is granted nothing
        signal.throwIfAborted();
        return this.locks.acquire(names);
      }),
  };

  /** Heard by who listens now. */
  say(heard: Heard): void {
    for (const listener of this.#listeners) hear(listener, heard);
  }

  /** The guest carries out so many of the notifications that wait for it, and what went is heard. */
  guestCarriesOut(notifications: number): void {
    const before = this.world.plugged;
    for (let n = 0; n < notifications; n++) this.world.carryOutNotification();
    for (const { qemuId } of before.filter((one) => !this.world.plugged.includes(one)))
      this.say({ kind: "deleted", qemuId });
  }

  /** Calls that change something. */
  get changes(): string[] {
    return this.calls.filter((one) =>
      /^(record|erase|hold|attach|introduce|withdraw|release|rebind|plug|device_del|configure|unconfigure)/.test(
        one,
      ),
    );
  }

  get isHeardByNobody(): boolean {
    return this.#listeners.size === 0;
  }

  async #call<T>(call: string, signal: AbortSignal | undefined, effect: () => T | Promise<T>): Promise<T> {
    if (this.#isDead) throw new Error("the provider is dead");
    signal?.throwIfAborted();
    const index = this.calls.push(call) - 1;
    const fault = this.faultAt(call, index);
    await this.onCall(call, index);
    if (fault === "guest-ends" && this.world.isRunning) {
      this.world.stopGuest();
      this.say("guest-stopped");
    }
    if (fault?.startsWith("crash")) this.#isDead = true;
    if (fault === "refused" || fault === "crash-before") throw new Error(`injected: ${call} was refused`);
    const result = await effect();
    if (fault === "lost-reply" || fault === "crash-after") throw new Error(`injected: ${call} got no reply`);
    await Promise.resolve();
    signal?.throwIfAborted();
    return result;
  }

  #readIdentity(query: ObservationQuery): Identity {
    const groups = [...this.world.functions.values()]
      .filter((one) => query.addresses.some((name) => one.hostAddress.startsWith(name)))
      .flatMap((one) => one.iommuGroup ?? []);
    const guestUuid = this.world.runState === "missing" ? {} : { guestUuid: OWN_GUEST.uuid };
    return { iommuGroups: [...new Set(groups)], ...guestUuid };
  }

  #readFunctions(addresses: readonly PciAddress[]): HostFunction[] {
    return addresses.flatMap((hostAddress) => this.world.functions.get(hostAddress) ?? []);
  }

  #plug(target: PlugTarget, slot: GuestSlot, multifunction: boolean): void {
    this.world.plug(target, slot, multifunction);
  }

  #requestUnplug(qemuId: string): UnplugAnswer {
    const before = this.world.plugged;
    const answer = this.world.requestUnplug(this.#whileRunning(qemuId));
    const gone = before.filter((one) => !this.world.plugged.includes(one));
    queueMicrotask(() => gone.forEach((one) => this.say({ kind: "deleted", qemuId: one.qemuId })));
    return answer;
  }

  #deviceIds(): Set<string> {
    return new Set(this.#whileRunning(this.world.plugged).map((one) => one.qemuId));
  }

  /** Between two looks libvirt has handed one more function back. */
  #heldAliases(): Set<string> {
    this.world.handOneBack();
    const own = this.world.holdings.filter(
      (one) => one.guest === OWN_GUEST && !(this.world.olderLibvirt && one.isUnassigned),
    );
    return new Set(own.map((one) => one.alias));
  }

  #whileRunningIfLive(locations: readonly LedgerLocation[]): readonly LedgerLocation[] {
    return locations.includes("live") ? this.#whileRunning(locations) : locations;
  }

  #whileRunning<T>(value: T): T {
    if (!this.world.isRunning) throw new Error("domain is not running");
    return value;
  }
}

function nameOf(change: "record" | "erase", locations: readonly LedgerLocation[]): string {
  return locations.length === 1 && locations[0] === "live" ? change : `${change} ${locations.join(" ")}`;
}
