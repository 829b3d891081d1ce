import {
  classifyBus,
  findFreeSlot,
  findPciAddress,
  isExpressPort,
  type BusHotplug,
  type GuestBus,
} from "../../pci";
import { findTagOfQemuId, type GuestRunState, type PluggedFunction } from "../../plan";
import {
  findProperty,
  isRecord,
  isVfioType,
  listProperties,
  PERIPHERAL_PATH,
  QmpProtocolError,
  type QmpMonitor,
} from "../../qmp";
import { findBusPlaces, lookAtOccupants, type BusPlace, type SeenOccupant } from "./bus-places";
import { askRunState } from "./run-state";

/** What one QEMU shows of its slots and of the host functions in them. */
export interface GuestSurvey {
  readonly runState: GuestRunState;
  readonly qemuVersion: string;
  readonly buses: readonly GuestBus[];
  readonly plugged: readonly PluggedFunction[];
}

/** A bus and what stands in it. */
interface SeenBus extends BusPlace {
  readonly occupants: readonly SeenOccupant[];
  readonly reservedSlots: readonly number[];
}

/** What to look at beside what is plugged. */
export interface GuestSurveyScope {
  /** Slots of a bus that the guest's configuration gives to something. */
  readonly reservedSlots: (bus: string) => readonly number[];
  /** See `forPlug` of an ObservationQuery: undefined where nothing is to be plugged. */
  readonly plugBuses?: readonly string[];
}

/**
 * Looks at every bus and at the host functions on it by QOM, which is right in every state of the guest, where
 * query-pci shows nothing behind a port that the guest has not numbered (qemu.md 1.7). Functions that someone else
 * has plugged are looked at too: ours may be among them, under an id that is not.
 *
 * Every question is a turn in the guest's job queue, so that of the free ports, alike as a rule and many,
 * only those are asked for their hotplug that may be plugged into.
 */
export async function surveyGuest(
  monitor: QmpMonitor,
  scope: GuestSurveyScope,
  signal: AbortSignal,
): Promise<GuestSurvey> {
  const [runState, version, target, machine, peripherals] = await Promise.all([
    askRunState(monitor, signal),
    monitor.execute("query-version", undefined, signal),
    monitor.execute("query-target", undefined, signal),
    monitor.execute("qom-get", { path: "/machine", property: "type" }, signal),
    listProperties(monitor, PERIPHERAL_PATH, signal),
  ]);
  const architecture = isRecord(target) ? textOr(target["arch"], "") : "";
  const places = await findBusPlaces(monitor, textOr(machine, ""), peripherals, signal);
  const seen = await Promise.all(
    places.map(async (place): Promise<SeenBus> => {
      const occupants = await lookAtOccupants(monitor, place, signal);
      return { ...place, occupants, reservedSlots: scope.reservedSlots(place.bus) };
    }),
  );
  const buses = await askForHotplug(monitor, seen, architecture, scope.plugBuses, signal);
  const vfio = seen.flatMap(({ bus, occupants }) =>
    occupants.filter(({ type }) => isVfioType(type)).map((one) => ({ bus, ...one })),
  );
  const plugged = await Promise.all(
    vfio.map(async ({ bus, slot, guestFunction, id, path }): Promise<PluggedFunction | undefined> => {
      const host = await findProperty(monitor, path, "host", signal);
      const hostAddress = typeof host === "string" ? findPciAddress(host) : undefined;
      return hostAddress && { qemuId: id, hostAddress, bus, slot, guestFunction };
    }),
  );
  return {
    runState,
    qemuVersion: versionOf(version),
    buses,
    plugged: plugged.filter((one) => one !== undefined),
  };
}

/**
 * Asks a bus how it takes hotplug where the answer matters: where ours stand, where a plug names it, and
 * on the free ones from the highest down to the first that takes it. An express port that holds something
 * else than ours is of no use.
 */
async function askForHotplug(
  monitor: QmpMonitor,
  seen: readonly SeenBus[],
  architecture: string,
  plugBuses: readonly string[] | undefined,
  signal: AbortSignal,
): Promise<GuestBus[]> {
  const answers = new Map<string, BusHotplug>();
  const free: SeenBus[] = [];
  const asked: SeenBus[] = [];
  for (const one of seen) {
    const strangers = one.occupants.filter(({ id }) => findTagOfQemuId(id) === undefined);
    const hasOurs = one.occupants.length > strangers.length;
    const isTaken = !hasOurs && (strangers.length > 0 || one.reservedSlots.length > 0);
    const taker = strangers.map(({ id }) => id).join(", ") || "libvirt's configuration";
    if (isExpressPort(one.portType) && isTaken)
      answers.set(one.bus, { possible: false, reason: `it is taken by ${taker}` });
    else if (hasOurs || plugBuses?.includes(one.bus)) asked.push(one);
    else free.push(one);
  }
  const ask = async (one: SeenBus): Promise<BusHotplug> => {
    const hotplug = await lookAtHotplug(monitor, one, architecture, signal);
    answers.set(one.bus, hotplug);
    return hotplug;
  };
  await Promise.all(asked.map(ask));
  const rank = ({ portType }: SeenBus): number => (isExpressPort(portType) ? 0 : 1);
  free.sort((a, b) => rank(a) - rank(b) || b.index - a.index);
  for (const one of plugBuses === undefined ? [] : free)
    if (findFreeSlot([{ ...one, hotplug: await ask(one) }]) !== undefined) break;
  return seen.map(({ bus, index, occupants: there, reservedSlots }) => {
    const hotplug = answers.get(bus) ?? { possible: false, reason: "it was not asked, nothing needs it" };
    const occupants = there.map(({ slot, guestFunction, id }) => ({ slot, guestFunction, id }));
    return { bus, index, hotplug, occupants, reservedSlots };
  });
}

/** Two questions at the most: only a port that is its own handler can be switched off by its own property. */
async function lookAtHotplug(
  monitor: QmpMonitor,
  place: BusPlace,
  architecture: string,
  signal: AbortSignal,
): Promise<BusHotplug> {
  const { busPath, portPath, portType } = place;
  const handler = await findProperty(monitor, busPath, "hotplug-handler", signal);
  const handlerPath = typeof handler === "string" ? handler : "";
  const isNative = portPath !== undefined && handlerPath === portPath;
  const portHotplug = isNative ? await findProperty(monitor, portPath, "hotplug", signal) : undefined;
  const asksSelector = handlerPath !== "" && !isNative;
  const selector = asksSelector ? await findProperty(monitor, busPath, "acpi-pcihp-bsel", signal) : undefined;
  return classifyBus({
    architecture,
    handlerPath,
    hasAcpiSelector: selector !== undefined,
    ...(portPath !== undefined && { portPath }),
    ...(portType !== undefined && { portType }),
    ...(typeof portHotplug === "boolean" && { portHotplug }),
  });
}

function versionOf(version: unknown): string {
  const qemu = isRecord(version) ? version["qemu"] : undefined;
  if (!isRecord(qemu)) throw new QmpProtocolError("query-version did not answer with a version");
  return [qemu["major"], qemu["minor"], qemu["micro"]]
    .map((part) => (typeof part === "number" ? String(part) : "?"))
    .join(".");
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
