import { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import type { QmpMonitor } from "../../../../provider/qmp";
import { nothingUsed } from "../../../support/host-facts";
import { guest1, ScriptedLibvirt, type CallLine } from "./scripted-libvirt";

/** What QEMU says of `host` where a device was not plugged by it. */
export const NO_HOST = "ffff:ff:ff.f";

/**
 * A monitor that shows these devices, by path below /machine and host address, or by their place in sysfs; of
 * type vfio-pci, if not named net.
 */
export function monitorWith(devices: Readonly<Record<string, string | { sysfsdev: string }>>): QmpMonitor {
  const typeOf = (name: string): string => (name.startsWith("net") ? "e1000e" : "vfio-pci");
  return {
    execute: (command, args) => {
      const path = String(args?.["path"]).replace("/machine/", "");
      const below = Object.keys(devices).filter((one) => one.startsWith(`${path}/`));
      const names = below.map((one) => one.slice(path.length + 1));
      const list = names.map((name) => ({ name, type: `child<${typeOf(name)}>` }));
      if (command === "qom-list") return Promise.resolve(list);
      const device = devices[path];
      const properties =
        typeof device === "object" ? { host: NO_HOST, ...device } : { host: device, sysfsdev: "" };
      return Promise.resolve(properties[args?.["property"] as "host" | "sysfsdev"]);
    },
    listen: () => Promise.reject(new Error("not asked for")),
  };
}
export const emptyMonitor = monitorWith({});

/**
 * A host whose guest has been found, and the script that must then be followed.
 *
 * @param olderVersion its libvirt's, where that is older than 8.3
 */
export async function hostWith(
  script: readonly CallLine[],
  monitor: QmpMonitor = emptyMonitor,
  olderVersion?: string,
): Promise<{ host: LibvirtHost; libvirt: ScriptedLibvirt }> {
  const libvirt = new ScriptedLibvirt({ call: "lookupDomain", reply: guest1 }, ...script);
  libvirt.olderVersion = olderVersion;
  const host = new LibvirtHost({
    session: libvirt.session,
    monitor,
    guest: "guest1",
    onDomain: () => undefined,
    readHostFacts: () => Promise.resolve(nothingUsed),
  });
  await host.readIdentity({ addresses: [] }, new AbortController().signal);
  return { host, libvirt };
}
