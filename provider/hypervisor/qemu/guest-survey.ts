import {
  classifyBus,
  countFreeSlots,
  isExpressPort,
  type BusHotplug,
  type GuestBus,
  type RomOptions,
  type SlotOccupant,
} from "../../pci";
import { findTagOfQemuId, hasRomSuffix, type GuestRunState, type PluggedFunction } from "../../plan";
import {
  ANONYMOUS_PATH,
  findProperty,
  isRecord,
  listProperties,
  PERIPHERAL_PATH,
  qemuIdAt,
  QmpProtocolError,
  vfioPathsIn,
  type QmpMonitor,
} from "../../qmp";
import { findBusPaths, isDevfn, readOccupants, type GuestBusPath } from "./bus-paths";
import { findHostFunction } from "./host-function-of";
import { askRunState } from "./run-state";

/** What one QEMU shows of its slots and of the host functions in them. */
export interface GuestSurvey {
  readonly runState: GuestRunState;
  readonly qemuVersion: string;
  /** QEMU's type of the machine, e.g. `pc-q35-10.0`. */
  readonly machine: string;
  readonly buses: readonly GuestBus[];
  readonly plugged: readonly PluggedFunction[];
  /** Ids of devices that are host functions, of which it cannot be told which. */
  readonly unidentified: readonly string[];
}

/** Most host functions that are looked at: a guest has a few, a list without end is a hostile peer's. */
const MAX_PLUGGED = 4_096;

/** A bus that was looked at. */
interface SeenBus extends GuestBusPath {
  readonly occupants: readonly SlotOccupant[];
  readonly isReserved: boolean;
}

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

/**
 * Looks at the host functions that QEMU has, and at the buses that matter, by QOM, which is right in every state of the
 * guest, where query-pci shows nothing behind a port that the guest has not numbered (qemu.md 1.7). Functions that
 * someone else has plugged are looked at too: ours may be among them, under an id that is not.
 *
 * Every question is a turn in the guest's job queue. So each host function is asked where it stands, and of the buses
 * only those are asked what they hold and how they take hotplug that have ours or may be plugged into.
 */
export async function surveyGuest(
  monitor: QmpMonitor,
  scope: GuestSurveyScope,
  signal: AbortSignal,
): Promise<GuestSurvey> {
  const [runState, version, target, machine, peripherals, anonymous] = await Promise.all([
    askRunState(monitor, signal),
    monitor.execute("query-version", undefined, signal),
    monitor.execute("query-target", undefined, signal),
    monitor.execute("qom-get", { path: "/machine", property: "type" }, signal),
    listProperties(monitor, PERIPHERAL_PATH, signal),
    listProperties(monitor, ANONYMOUS_PATH, signal),
  ]);
  const architecture = isRecord(target) ? textOr(target["arch"], "") : "";
  const busPaths = await findBusPaths(monitor, textOr(machine, ""), peripherals, signal);
  const vfioPaths = [...vfioPathsIn(PERIPHERAL_PATH, peripherals), ...vfioPathsIn(ANONYMOUS_PATH, anonymous)];
  if (vfioPaths.length > MAX_PLUGGED)
    throw new QmpProtocolError(
      `qom-list shows ${vfioPaths.length} host functions, at most ${MAX_PLUGGED} are looked at`,
    );
  const found = await Promise.all(vfioPaths.map((path) => readPlugged(monitor, path, busPaths, signal)));
  const plugged = found.filter((one) => one !== undefined && one !== "unidentified");
  const unidentified = vfioPaths.filter((_path, index) => found[index] === "unidentified").map(qemuIdAt);
  const buses = await readBuses(monitor, { busPaths, architecture, plugged, scope }, signal);
  const machineName = textOr(machine, "").replace(/-machine$/, "");
  return { runState, qemuVersion: versionOf(version), machine: machineName, buses, plugged, unidentified };
}

/** Undefined for one that goes away between the list and the look. */
async function readPlugged(
  monitor: QmpMonitor,
  path: string,
  busPaths: readonly GuestBusPath[],
  signal: AbortSignal,
): Promise<PluggedFunction | "unidentified" | undefined> {
  const [rom, hostAddress, busPath, devfn] = await Promise.all([
    hasRomSuffix(qemuIdAt(path)) ? readRom(monitor, path, signal) : {},
    findHostFunction(monitor, path, signal),
    findProperty(monitor, path, "parent_bus", signal),
    findProperty(monitor, path, "addr", signal),
  ]);
  if (hostAddress === "unidentified") return "unidentified";
  if (typeof busPath !== "string" || hostAddress === "none" || !isDevfn(devfn)) return undefined;
  const bus =
    busPaths.find((one) => one.busPath === busPath)?.bus ?? busPath.slice(busPath.lastIndexOf("/") + 1);
  return { qemuId: qemuIdAt(path), hostAddress, bus, slot: devfn >> 3, guestFunction: devfn & 7, ...rom };
}

/**
 * Looks at the buses that have ours; where something is to be plugged, also at what else is on them, at the buses that
 * the plug names, and at the others from the highest down to the first with a free slot. An express port that holds something else than ours is of no use, and of one that libvirt's
 * configuration has given away it is asked what it holds only where nothing else is free, for the error to tell.
 */
async function readBuses(
  monitor: QmpMonitor,
  facts: {
    readonly busPaths: readonly GuestBusPath[];
    readonly architecture: string;
    readonly plugged: readonly PluggedFunction[];
    readonly scope: GuestSurveyScope;
  },
  signal: AbortSignal,
): Promise<GuestBus[]> {
  const { busPaths, architecture, plugged, scope } = facts;
  const { plugBuses, everyBus = false } = scope;
  const ours = plugged.filter((one) => findTagOfQemuId(one.qemuId) !== undefined);
  const hasOurs = new Set(ours.map((one) => one.bus));
  const seen = new Map<string, GuestBus>();
  const reservedOf = (bus: string): Required<Pick<GuestBus, "reservedSlots" | "reservedAtBoot">> => ({
    reservedSlots: scope.reservedSlots(bus),
    reservedAtBoot: scope.reservedAtBoot?.(bus) ?? [],
  });
  const isReserved = (bus: string): boolean =>
    Object.values(reservedOf(bus)).some((slots) => slots.length > 0);
  const readFunctions = async (busPath: GuestBusPath): Promise<GuestBus> => {
    const known = plugged
      .filter((one) => one.bus === busPath.bus)
      .map(({ qemuId, slot, guestFunction }) => ({ id: qemuId, slot, guestFunction }));
    const occupants = plugBuses === undefined ? known : await readOccupants(monitor, busPath, known, signal);
    const one: SeenBus = { ...busPath, occupants, isReserved: isReserved(busPath.bus) };
    const taker = hasOurs.has(busPath.bus) ? undefined : findTaker(one);
    const hotplug: BusHotplug =
      taker === undefined
        ? await readHotplug(monitor, one, architecture, signal)
        : { possible: false, reason: `it is taken by ${taker}` };
    const { bus, index } = busPath;
    const found: GuestBus = { bus, index, hotplug, occupants, ...reservedOf(bus) };
    seen.set(bus, found);
    return found;
  };
  const isNamed = ({ bus }: GuestBusPath): boolean =>
    hasOurs.has(bus) || (plugBuses !== undefined && (everyBus || plugBuses.includes(bus)));
  await Promise.all(busPaths.filter(isNamed).map(readFunctions));
  if (plugBuses !== undefined) {
    const isGivenAway = ({ bus, portType }: GuestBusPath): boolean =>
      isExpressPort(portType) && isReserved(bus);
    const rank = ({ portType }: GuestBusPath): number => (isExpressPort(portType) ? 0 : 1);
    const others = busPaths.filter((one) => !isNamed(one));
    const candidates = others
      .filter((one) => !isGivenAway(one))
      .sort((a, b) => rank(a) - rank(b) || b.index - a.index);
    const desired = scope.freeSlots ?? 1;
    let free = 0;
    for (const one of candidates) {
      free += countFreeSlots(await readFunctions(one));
      if (free >= desired) break;
    }
    if (free < desired) await Promise.all(others.filter(isGivenAway).map(readFunctions));
  }
  return busPaths.map(
    ({ bus, index }): GuestBus =>
      seen.get(bus) ?? {
        bus,
        index,
        hotplug: { possible: false, reason: "it was not asked, nothing needs it" },
        occupants: [],
        ...reservedOf(bus),
      },
  );
}

/** What an express port, which has one slot, is taken by. */
function findTaker({ portType, occupants, isReserved }: SeenBus): string | undefined {
  if (!isExpressPort(portType)) return undefined;
  const strangers = occupants.filter(({ id }) => findTagOfQemuId(id) === undefined);
  if (strangers.length > 0) return strangers.map(({ id }) => id).join(", ");
  return isReserved ? "libvirt's configuration" : undefined;
}

/** Two questions at the most: only a port that is its own handler can be switched off by its own property. */
async function readHotplug(
  monitor: QmpMonitor,
  bus: GuestBusPath,
  architecture: string,
  signal: AbortSignal,
): Promise<BusHotplug> {
  const { busPath, portPath, portType } = bus;
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

/** `rombar` is 1, or -1 from QEMU 10.0 on, where nobody has said anything of it. */
async function readRom(monitor: QmpMonitor, path: string, signal: AbortSignal): Promise<RomOptions> {
  const [romFile, romBar] = await Promise.all([
    findProperty(monitor, path, "romfile", signal),
    findProperty(monitor, path, "rombar", signal),
  ]);
  return {
    ...(typeof romFile === "string" && romFile !== "" && { romFile }),
    ...((romBar === 0 || romBar === 1) && { romBar: romBar === 1 }),
  };
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
