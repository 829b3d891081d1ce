import { QmpError, QmpProtocolError } from "./qmp-error";
import type { QmpMonitor } from "./qmp-monitor";
import { isRecord } from "./reply";

/** One property of an object in QEMU's object model. */
export interface QomProperty {
  readonly name: string;
  /** e.g. `child<vfio-pci>`, `link<vfio-pci>`, `bool`. */
  readonly type: string;
}

/** Devices that were given an id stand here, in every state of the guest. */
export const PERIPHERAL_PATH = "/machine/peripheral";
/** Devices that were given none stand here, as `device[0]` and so on. */
export const ANONYMOUS_PATH = "/machine/peripheral-anon";

/** The properties of an object. */
export async function listProperties(
  monitor: QmpMonitor,
  path: string,
  signal?: AbortSignal,
): Promise<QomProperty[]> {
  const list = await monitor.execute("qom-list", { path }, signal);
  if (!Array.isArray(list)) throw new QmpProtocolError("qom-list did not answer with a list");
  return list.map((one: unknown) => {
    if (!isRecord(one) || typeof one["name"] !== "string" || typeof one["type"] !== "string")
      throw new QmpProtocolError("qom-list answered with something else than properties");
    return { name: one["name"], type: one["type"] };
  });
}

/** The value of a property; undefined where the object has no such property. */
export async function findProperty(
  monitor: QmpMonitor,
  path: string,
  property: string,
  signal?: AbortSignal,
): Promise<unknown> {
  try {
    return await monitor.execute("qom-get", { path, property }, signal);
  } catch (error) {
    if (error instanceof QmpError) return undefined;
    throw error;
  }
}

/** The type in `child<…>` or `link<…>`; undefined for a plain property. */
export function findObjectType(type: string): string | undefined {
  return /^(?:child|link)<(.+)>$/.exec(type)?.[1];
}

/** Whether an object is a host function: QEMU has more than one type of them. */
function isVfioType(type: string | undefined): boolean {
  return type?.startsWith("vfio-pci") === true;
}

/** Paths of the host functions among the devices that stand under a path. */
export function vfioPathsIn(path: string, devices: readonly QomProperty[]): string[] {
  return devices.filter(({ type }) => isVfioType(findObjectType(type))).map(({ name }) => `${path}/${name}`);
}

/** Paths of all host functions that were plugged, by whomever, with an id or without. */
export async function listVfioPaths(monitor: QmpMonitor, signal?: AbortSignal): Promise<string[]> {
  const lists = await Promise.all(
    [PERIPHERAL_PATH, ANONYMOUS_PATH].map(async (path) =>
      vfioPathsIn(path, await listProperties(monitor, path, signal)),
    ),
  );
  return lists.flat();
}

/** The id of a device; its path where it was given none. */
export function qemuIdAt(path: string): string {
  return path.startsWith(`${PERIPHERAL_PATH}/`) ? path.slice(PERIPHERAL_PATH.length + 1) : path;
}
