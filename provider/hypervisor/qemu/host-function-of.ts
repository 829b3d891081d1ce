import { findPciAddress, type PciAddress } from "../../pci";
import { findProperty, type QmpMonitor } from "../../qmp";

/**
 * Which host function a device of QEMU's is. `none`: a part of a function (a mediated device), or one that is
 * gone meanwhile. `unidentified`: it cannot be told, as of one that was handed over as an open file (`fd=`).
 */
export type HostFunctionOf = PciAddress | "none" | "unidentified";

/** As sysfs names a mediated device. */
const mediatedDevice = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/**
 * Reads which host function stands at a QOM path. One that was plugged by its place in sysfs (`sysfsdev=`)
 * has `ffff:ff:ff.f` for `host`; the last part of that place is its address.
 */
export async function findHostFunction(
  monitor: QmpMonitor,
  path: string,
  signal?: AbortSignal,
): Promise<HostFunctionOf> {
  const host = await findProperty(monitor, path, "host", signal);
  if (typeof host !== "string") return "none";
  const hostAddress = findPciAddress(host);
  if (hostAddress !== undefined) return hostAddress;
  const sysfsPath = await findProperty(monitor, path, "sysfsdev", signal);
  const name = typeof sysfsPath === "string" ? (sysfsPath.replace(/\/+$/, "").split("/").at(-1) ?? "") : "";
  if (mediatedDevice.test(name)) return "none";
  return findPciAddress(name) ?? "unidentified";
}
