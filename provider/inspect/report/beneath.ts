import { printable } from "../../errors";
import type { BeneathDevice, HostDevices } from "../../host/facts";
import { nameOf } from "./name-of";
import type { BeneathReport } from "./report";

/** Everything that is gone with a function: interfaces and disks, and what else hangs below it. */
export function beneathReport(
  { interfaces, disks }: HostDevices,
  devices: readonly BeneathDevice[],
): BeneathReport[] {
  const plain = (kind: "interface" | "disk") => (name: string) => ({
    ...{ kind, name: printable(name) },
    ...{ detail: null, traits: [], within: null },
  });
  return [
    ...interfaces.map(plain("interface")),
    ...disks.map(plain("disk")),
    ...devices.map(({ kind, name, detail, traits = [], within }) => ({
      ...{ kind, name: printable(name), traits },
      detail: nameOf(detail),
      within: nameOf(within),
    })),
  ];
}
