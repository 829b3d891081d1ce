import type { SlotOccupant } from "../../pci";
import {
  findObjectType,
  findProperty,
  listProperties,
  PERIPHERAL_PATH,
  qemuIdAt,
  QmpProtocolError,
  type QmpMonitor,
  type QomProperty,
} from "../../qmp";
import { isWithin } from "../is-within";

/** Types of ports and bridges that make a bus, named like them, on which something can be plugged. */
const portTypes = new Set([
  "pcie-root-port",
  "ioh3420",
  "xio3130-downstream",
  "pci-bridge",
  "pcie-pci-bridge",
]);
/** Root buses that take hotplug, by the beginning of the machine's type. */
const rootBuses = [{ machine: "pc-i440fx", bus: "pci.0", path: "/machine/i440fx/pci.0" }];
/** What makes a root bus on POWER; one that was given no id makes `pci.0`. */
const POWER_HOST_BRIDGE = "spapr-pci-host-bridge";
const POWER_MACHINE = "pseries";
const UNATTACHED_PATH = "/machine/unattached";

/**
 * Most buses and, on each, most devices that are looked at. PCI numbers the buses of one domain in eight
 * bits, and devices with their functions in eight bits too; a guest may have several domains.
 */
const MAX_BUSES = 1_024;
const MAX_BUS_DEVICES = 256;

/** A bus of the guest with its path in QOM. */
export interface GuestBusPath {
  readonly bus: string;
  readonly busPath: string;
  readonly index: number;
  readonly portPath?: string;
  readonly portType?: string;
}

/**
 * Every bus of a guest that may take hotplug, by QOM.
 *
 * @param machine type of the machine, e.g. `pc-q35-10.0-machine`
 * @param peripherals what stands at {@link PERIPHERAL_PATH}
 */
export async function findBusPaths(
  monitor: QmpMonitor,
  machine: string,
  peripherals: readonly QomProperty[],
  signal?: AbortSignal,
): Promise<GuestBusPath[]> {
  const busPaths: GuestBusPath[] = rootBuses
    .filter((root) => machine.startsWith(root.machine))
    .map(({ bus, path }) => ({ bus, busPath: path, index: 0 }));
  if (machine.startsWith(POWER_MACHINE)) busPaths.push(...(await findPowerRoot(monitor, signal)));
  for (const { name, type } of peripherals) {
    const portType = findObjectType(type);
    const portPath = `${PERIPHERAL_PATH}/${name}`;
    const index = Number.parseInt(/(\d+)$/.exec(name)?.[1] ?? "0", 10);
    if (portType === POWER_HOST_BRIDGE)
      busPaths.push({ bus: `${name}.0`, busPath: `${portPath}/${name}.0`, index });
    else if (portType !== undefined && portTypes.has(portType))
      busPaths.push({ bus: name, busPath: `${portPath}/${name}`, index, portPath, portType });
  }
  if (busPaths.length > MAX_BUSES)
    throw new QmpProtocolError(`qom-list shows ${busPaths.length} ports, at most ${MAX_BUSES} are looked at`);
  return busPaths;
}

/** The host bridge that a POWER machine has by itself. */
async function findPowerRoot(monitor: QmpMonitor, signal: AbortSignal | undefined): Promise<GuestBusPath[]> {
  const devices = await listProperties(monitor, UNATTACHED_PATH, signal);
  const bridge = devices.find(({ type }) => findObjectType(type) === POWER_HOST_BRIDGE);
  return bridge ? [{ bus: "pci.0", busPath: `${UNATTACHED_PATH}/${bridge.name}/pci.0`, index: 0 }] : [];
}

/**
 * What stands on a bus, whoever plugged it.
 *
 * @param known occupants of this bus that have been asked already
 */
export async function readOccupants(
  monitor: QmpMonitor,
  busPath: GuestBusPath,
  known: readonly SlotOccupant[],
  signal?: AbortSignal,
): Promise<SlotOccupant[]> {
  const properties = await listProperties(monitor, busPath.busPath, signal);
  const children = properties.filter((one) => /^child\[\d+\]$/.test(one.name));
  if (children.length > MAX_BUS_DEVICES)
    throw new QmpProtocolError(
      `qom-list shows ${children.length} devices on one bus, at most ${MAX_BUS_DEVICES} fit`,
    );
  const occupants = await Promise.all(
    children.map(async ({ name }): Promise<SlotOccupant | undefined> => {
      const path = await findProperty(monitor, busPath.busPath, name, signal);
      if (typeof path !== "string" || path === "") return undefined;
      const asked = known.find((one) => one.id === qemuIdAt(path));
      if (asked !== undefined) return asked;
      const devfn = await findProperty(monitor, path, "addr", signal);
      return isDevfn(devfn) ? { slot: devfn >> 3, guestFunction: devfn & 7, id: qemuIdAt(path) } : undefined;
    }),
  );
  return occupants.filter((one) => one !== undefined);
}

/** PCI's number of a function on its bus: slot times eight plus function. */
export function isDevfn(value: unknown): value is number {
  return isWithin(value, 0, MAX_BUS_DEVICES - 1);
}
