import type { HostFunction } from "../../host/facts";
import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import type { Holders } from "../inspection-input";

/**
 * A running guest with a free root port and nothing else to be said of it: what could be attached to some
 * guest.
 */
export function anyGuest(
  functions: ReadonlyMap<PciAddress, HostFunction>,
  { holdings, ledger, hostUuid = "", unreadGuests = [] }: Holders,
): Observation {
  return {
    hostUuid,
    guest: { name: "of any kind", uuid: "any", runState: "running", qemuVersion: "" },
    buses: [
      {
        bus: "pci.1",
        index: 1,
        hotplug: { possible: true, kind: "pcie-acpi", slots: { first: 0, last: 0 } },
        occupants: [],
        reservedSlots: [],
      },
    ],
    functions,
    holdings,
    plugged: [],
    ledger,
    unreadGuests,
    hostUses: [],
  };
}
