import {
  classifyBus,
  countFreeSlots,
  isExpressPort,
  type BusHotplug,
  type GuestBus,
  type SlotOccupant,
} from "../../pci";
import { findTagOfQemuId, type PluggedFunction } from "../../plan";
import { findProperty, type QmpMonitor } from "../../qmp";
import { readOccupants, type GuestBusPath } from "./bus-paths";

/** What to look at beside what is plugged. */
export interface GuestSurveyScope {
  /** Slots of a bus that libvirt gives to something in the running guest. */
  readonly reservedSlots: (bus: string) => readonly number[];
  /** The same of the guest's next cold boot. Default: none. */
  readonly reservedAtBoot?: (bus: string) => readonly number[];
  /** See `forPlug` of an ObservationQuery: undefined where nothing is to be plugged. */
  readonly plugBuses?: readonly string[];
  /** With plugBuses: ask all buses. */
  readonly everyBus?: boolean;
  /** How many free slots are looked for beside those of the named buses. Default: 1. */
  readonly freeSlots?: number;
}

/** What is known of the guest before its buses are read. */
export interface BusSurveyFacts {
  readonly busPaths: readonly GuestBusPath[];
  readonly architecture: string;
  readonly plugged: readonly PluggedFunction[];
  readonly scope: GuestSurveyScope;
}

/**
 * Reads the buses that matter, in three passes:
 *
 * 1. those that have our functions, and those that a plug names;
 * 2. if something is to be plugged, the others from the highest down, until enough slots are free;
 * 3. if too few were free, the ports that libvirt's configuration has given away, for the error to tell what
 *    they hold.
 *
 * A bus that was not read takes no hotplug, as far as is known.
 */
export async function surveyBuses(
  monitor: QmpMonitor,
  facts: BusSurveyFacts,
  signal: AbortSignal,
): Promise<GuestBus[]> {
  const { busPaths, scope } = facts;
  const survey = new BusSurvey(monitor, facts, signal);
  const read = await survey.readNamedBuses();
  if (scope.plugBuses !== undefined) {
    const others = await survey.readUntilEnoughAreFree();
    read.push(...others.buses, ...(others.areEnough ? [] : await survey.readGivenAwayPorts()));
  }
  const byName = new Map(read.map((one) => [one.bus, one]));
  return busPaths.map((one) => byName.get(one.bus) ?? survey.unreadBus(one));
}

/** A bus, and what stands on it. */
interface OccupiedBus extends GuestBusPath {
  readonly occupants: readonly SlotOccupant[];
  readonly isReserved: boolean;
}

class BusSurvey {
  readonly #monitor: QmpMonitor;
  readonly #facts: BusSurveyFacts;
  readonly #signal: AbortSignal;
  /** Buses that have a function of ours. */
  readonly #haveOurs: ReadonlySet<string>;

  constructor(monitor: QmpMonitor, facts: BusSurveyFacts, signal: AbortSignal) {
    this.#monitor = monitor;
    this.#facts = facts;
    this.#signal = signal;
    const ours = facts.plugged.filter((one) => findTagOfQemuId(one.qemuId) !== undefined);
    this.#haveOurs = new Set(ours.map((one) => one.bus));
  }

  readNamedBuses(): Promise<GuestBus[]> {
    const named = this.#facts.busPaths.filter((one) => this.#isNamed(one));
    return Promise.all(named.map((one) => this.#readBus(one)));
  }

  /** Express ports come before conventional buses, as a new attachment takes them. */
  async readUntilEnoughAreFree(): Promise<{
    readonly buses: readonly GuestBus[];
    readonly areEnough: boolean;
  }> {
    const rank = ({ portType }: GuestBusPath): number => (isExpressPort(portType) ? 0 : 1);
    const candidates = this.#facts.busPaths
      .filter((one) => !this.#isNamed(one) && !this.#isGivenAway(one))
      .sort((a, b) => rank(a) - rank(b) || b.index - a.index);
    const desired = this.#facts.scope.freeSlots ?? 1;
    const buses: GuestBus[] = [];
    let free = 0;
    for (const one of candidates) {
      const bus = await this.#readBus(one);
      buses.push(bus);
      free += countFreeSlots(bus);
      if (free >= desired) break;
    }
    return { buses, areEnough: free >= desired };
  }

  readGivenAwayPorts(): Promise<GuestBus[]> {
    const ports = this.#facts.busPaths.filter((one) => !this.#isNamed(one) && this.#isGivenAway(one));
    return Promise.all(ports.map((one) => this.#readBus(one)));
  }

  unreadBus({ bus, index }: GuestBusPath): GuestBus {
    const hotplug = { possible: false, reason: "it was not asked, nothing needs it" } as const;
    return { bus, index, hotplug, occupants: [], ...this.#reservedOf(bus) };
  }

  #isNamed({ bus }: GuestBusPath): boolean {
    const { plugBuses, everyBus = false } = this.#facts.scope;
    return this.#haveOurs.has(bus) || (plugBuses !== undefined && (everyBus || plugBuses.includes(bus)));
  }

  #isGivenAway({ bus, portType }: GuestBusPath): boolean {
    return isExpressPort(portType) && this.#isReserved(bus);
  }

  #reservedOf(bus: string): Required<Pick<GuestBus, "reservedSlots" | "reservedAtBoot">> {
    const { reservedSlots, reservedAtBoot } = this.#facts.scope;
    return { reservedSlots: reservedSlots(bus), reservedAtBoot: reservedAtBoot?.(bus) ?? [] };
  }

  #isReserved(bus: string): boolean {
    return Object.values(this.#reservedOf(bus)).some((slots) => slots.length > 0);
  }

  /** What else than ours stands on a bus matters only if something is to be plugged. */
  async #readBus(path: GuestBusPath): Promise<GuestBus> {
    const known = this.#facts.plugged
      .filter((one) => one.bus === path.bus)
      .map(({ qemuId, slot, guestFunction }) => ({ id: qemuId, slot, guestFunction }));
    const occupants =
      this.#facts.scope.plugBuses === undefined
        ? known
        : await readOccupants(this.#monitor, path, known, this.#signal);
    const { bus, index } = path;
    const taker = this.#haveOurs.has(bus)
      ? undefined
      : findTaker({ ...path, occupants, isReserved: this.#isReserved(bus) });
    const hotplug: BusHotplug =
      taker === undefined
        ? await this.#readHotplug(path)
        : { possible: false, reason: `it is taken by ${taker}` };
    return { bus, index, hotplug, occupants, ...this.#reservedOf(bus) };
  }

  /** At most two properties: only a port that is its own handler can be switched off by its own property. */
  async #readHotplug({ busPath, portPath, portType }: GuestBusPath): Promise<BusHotplug> {
    const read = (path: string, name: string): Promise<unknown> =>
      findProperty(this.#monitor, path, name, this.#signal);
    const handler = await read(busPath, "hotplug-handler");
    const handlerPath = typeof handler === "string" ? handler : "";
    const isNative = portPath !== undefined && handlerPath === portPath;
    const portHotplug = isNative ? await read(portPath, "hotplug") : undefined;
    const mayHaveSelector = handlerPath !== "" && !isNative;
    const selector = mayHaveSelector ? await read(busPath, "acpi-pcihp-bsel") : undefined;
    return classifyBus({
      architecture: this.#facts.architecture,
      handlerPath,
      hasAcpiSelector: selector !== undefined,
      ...(portPath !== undefined && { portPath }),
      ...(portType !== undefined && { portType }),
      ...(typeof portHotplug === "boolean" && { portHotplug }),
    });
  }
}

/** What an express port, which has one slot, is taken by. */
function findTaker({ portType, occupants, isReserved }: OccupiedBus): string | undefined {
  if (!isExpressPort(portType)) return undefined;
  const strangers = occupants.filter(({ id }) => findTagOfQemuId(id) === undefined);
  if (strangers.length > 0) return strangers.map(({ id }) => id).join(", ");
  return isReserved ? "libvirt's configuration" : undefined;
}
