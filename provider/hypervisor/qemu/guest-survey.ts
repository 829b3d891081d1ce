import { classifyBus, findPciAddress, type BusHotplug, type GuestBus, type SlotOccupant } from "../../pci";
import { findTagOfQemuId, type GuestRunState, type PluggedFunction } from "../../plan";
import {
  findObjectType,
  findProperty,
  isRecord,
  listProperties,
  PERIPHERAL_PATH,
  QmpProtocolError,
  type QmpMonitor,
} from "../../qmp";

/** What one QEMU shows of its slots and of our functions. */
export interface GuestSurvey {
  readonly runState: GuestRunState;
  readonly qemuVersion: string;
  readonly buses: readonly GuestBus[];
  readonly plugged: readonly PluggedFunction[];
}

/** Types of ports and bridges that make a bus on which something can be plugged. */
const portTypes = new Set([
  "pcie-root-port",
  "ioh3420",
  "xio3130-downstream",
  "pci-bridge",
  "pcie-pci-bridge",
]);
/** Root buses that take hotplug, by the beginning of the machine's type (qemu.md sections 2 and 5). */
const rootBuses = [{ machine: "pc-i440fx", bus: "pci.0", path: "/machine/i440fx/pci.0" }];

/** A bus to look at. */
interface BusPlace {
  readonly bus: string;
  readonly busPath: string;
  readonly index: number;
  readonly portPath?: string;
  readonly portType?: string;
}

/**
 * Looks at every bus and at our own functions by QOM, which is right in every state of the guest, where
 * query-pci shows nothing behind a port that the guest has not numbered (qemu.md 1.7).
 *
 * @param reservedSlots slots of a bus that the guest's configuration gives to something.
 */
export async function surveyGuest(
  monitor: QmpMonitor,
  reservedSlots: (bus: string) => readonly number[],
  signal: AbortSignal,
): Promise<GuestSurvey> {
  const [status, version, target, machine, peripherals] = await Promise.all([
    monitor.execute("query-status", undefined, signal),
    monitor.execute("query-version", undefined, signal),
    monitor.execute("query-target", undefined, signal),
    monitor.execute("qom-get", { path: "/machine", property: "type" }, signal),
    listProperties(monitor, PERIPHERAL_PATH, signal),
  ]);
  const architecture = isRecord(target) ? String(target["arch"]) : "";
  const places: BusPlace[] = rootBuses
    .filter((root) => String(machine).startsWith(root.machine))
    .map(({ bus, path }) => ({ bus, busPath: path, index: 0 }));
  for (const { name, type } of peripherals) {
    const portType = findObjectType(type);
    if (portType === undefined || !portTypes.has(portType)) continue;
    const portPath = `${PERIPHERAL_PATH}/${name}`;
    const index = Number.parseInt(/(\d+)$/.exec(name)?.[1] ?? "0", 10);
    places.push({ bus: name, busPath: `${portPath}/${name}`, index, portPath, portType });
  }
  const ids = peripherals.map((one) => one.name).filter((id) => findTagOfQemuId(id) !== undefined);
  const [buses, plugged] = await Promise.all([
    Promise.all(
      places.map(async (place): Promise<GuestBus> => {
        const [hotplug, occupants] = await Promise.all([
          lookAtHotplug(monitor, place, architecture, signal),
          lookAtOccupants(monitor, place, signal),
        ]);
        const { bus, index } = place;
        return { bus, index, hotplug, occupants, reservedSlots: reservedSlots(bus) };
      }),
    ),
    Promise.all(ids.map((id) => lookAtPlugged(monitor, id, signal))),
  ]);
  return {
    runState: runStateOf(status),
    qemuVersion: versionOf(version),
    buses,
    plugged: plugged.filter((one) => one !== undefined),
  };
}

async function lookAtHotplug(
  monitor: QmpMonitor,
  place: BusPlace,
  architecture: string,
  signal: AbortSignal,
): Promise<BusHotplug> {
  const { busPath, portPath, portType } = place;
  const [handler, selector, portHotplug] = await Promise.all([
    findProperty(monitor, busPath, "hotplug-handler", signal),
    findProperty(monitor, busPath, "acpi-pcihp-bsel", signal),
    portPath === undefined ? undefined : findProperty(monitor, portPath, "hotplug", signal),
  ]);
  return classifyBus({
    architecture,
    handlerPath: typeof handler === "string" ? handler : "",
    hasAcpiSelector: selector !== undefined,
    ...(portPath !== undefined && { portPath }),
    ...(portType !== undefined && { portType }),
    ...(typeof portHotplug === "boolean" && { portHotplug }),
  });
}

async function lookAtOccupants(
  monitor: QmpMonitor,
  place: BusPlace,
  signal: AbortSignal,
): Promise<SlotOccupant[]> {
  const properties = await listProperties(monitor, place.busPath, signal);
  const children = properties.filter((one) => /^child\[\d+\]$/.test(one.name));
  const occupants = await Promise.all(
    children.map(async ({ name }): Promise<SlotOccupant | undefined> => {
      const path = await findProperty(monitor, place.busPath, name, signal);
      if (typeof path !== "string" || path === "") return undefined;
      const devfn = await findProperty(monitor, path, "addr", signal);
      if (typeof devfn !== "number") return undefined;
      const id = path.startsWith(`${PERIPHERAL_PATH}/`) ? path.slice(PERIPHERAL_PATH.length + 1) : path;
      return { slot: devfn >> 3, guestFunction: devfn & 7, id };
    }),
  );
  return occupants.filter((one) => one !== undefined);
}

/** Undefined for a device that went away between the list and the look. */
async function lookAtPlugged(
  monitor: QmpMonitor,
  qemuId: string,
  signal: AbortSignal,
): Promise<PluggedFunction | undefined> {
  const path = `${PERIPHERAL_PATH}/${qemuId}`;
  const [parentBus, devfn, host] = await Promise.all(
    ["parent_bus", "addr", "host"].map((property) => findProperty(monitor, path, property, signal)),
  );
  const hostAddress = typeof host === "string" ? findPciAddress(host) : undefined;
  if (typeof parentBus !== "string" || typeof devfn !== "number" || hostAddress === undefined)
    return undefined;
  const bus = parentBus.slice(parentBus.lastIndexOf("/") + 1);
  return { qemuId, hostAddress, bus, slot: devfn >> 3, guestFunction: devfn & 7 };
}

function runStateOf(status: unknown): GuestRunState {
  if (!isRecord(status) || typeof status["status"] !== "string")
    throw new QmpProtocolError("query-status did not answer with a status");
  if (status["status"] === "prelaunch") return "prelaunch";
  return status["running"] === true ? "running" : "paused";
}

function versionOf(version: unknown): string {
  const qemu = isRecord(version) ? version["qemu"] : undefined;
  if (!isRecord(qemu)) throw new QmpProtocolError("query-version did not answer with a version");
  return [qemu["major"], qemu["minor"], qemu["micro"]].map(String).join(".");
}
