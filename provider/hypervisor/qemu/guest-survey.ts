import type { GuestBus, RomOptions } from "../../pci";
import { hasRomSuffix, type GuestRunState, type PluggedFunction } from "../../plan";
import {
  ANONYMOUS_PATH,
  findObjectType,
  findProperty,
  isRecord,
  listProperties,
  PERIPHERAL_PATH,
  qemuIdAt,
  QmpProtocolError,
  vfioPathsIn,
  type QmpMonitor,
  type QomProperty,
} from "../../qmp";
import { findBusPaths, isDevfn, type GuestBusPath } from "./bus-paths";
import { surveyBuses, type GuestSurveyScope } from "./bus-survey";
import { findHostFunction } from "./host-function-of";
import { readRunState } from "./run-state";

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
  /** QEMU's name of its virtual IOMMU; undefined if it has none. */
  readonly virtualIommu?: string;
}

/** Devices that are a virtual IOMMU. That of the machine `virt` is a property of the machine. */
const VIRTUAL_IOMMUS =
  /^(?:intel-iommu|amd-iommu|arm-smmuv3|virtio-iommu(?:-pci(?:-(?:non-)?transitional)?)?)$/;

/** Most host functions that are looked at: a guest has a few, a list without end is a hostile peer's. */
const MAX_PLUGGED = 4_096;

/**
 * Looks at the host functions that QEMU has, and at the buses that matter, by QOM, which is right in every
 * state of the guest, where query-pci shows nothing behind a port that the guest has not numbered (qemu.md
 * 1.7). Functions that someone else has plugged are looked at too: ours may be among them, under an id that
 * is not.
 *
 * Every question is a turn in the guest's job queue. So each host function is asked where it stands, and of
 * the buses only those are asked what they hold and how they take hotplug that have ours or may be plugged
 * into.
 */
export async function surveyGuest(
  monitor: QmpMonitor,
  scope: GuestSurveyScope,
  signal: AbortSignal,
): Promise<GuestSurvey> {
  const [runState, version, target, machine, peripherals, anonymous] = await Promise.all([
    readRunState(monitor, signal),
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
  const buses = await surveyBuses(monitor, { busPaths, architecture, plugged, scope }, signal);
  const machineName = textOr(machine, "").replace(/-machine$/, "");
  const virtualIommu = await findVirtualIommu(monitor, machineName, [...peripherals, ...anonymous], signal);
  return {
    ...{ runState, qemuVersion: versionOf(version), machine: machineName, buses, plugged, unidentified },
    ...(virtualIommu !== undefined && { virtualIommu }),
  };
}

/** By the devices that were made by hand or by libvirt; a machine that makes one by itself is asked. */
async function findVirtualIommu(
  monitor: QmpMonitor,
  machine: string,
  devices: readonly QomProperty[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const types = devices.map(({ type }) => findObjectType(type) ?? "");
  const found = types.find((one) => VIRTUAL_IOMMUS.test(one));
  if (found !== undefined || !machine.startsWith("virt")) return found;
  const own = await findProperty(monitor, "/machine", "iommu", signal);
  return typeof own === "string" && /^smmuv3$/.test(own) ? own : undefined;
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
