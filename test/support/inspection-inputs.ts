import type { HostInterface, ListedFunction } from "../../provider/host/facts";
import type { InspectionInput } from "../../provider/inspect";
import type { PciAddress } from "../../provider/pci";
import { aliasOf, tagOf, type Holding, type LedgerEntry, type Observation } from "../../provider/plan";
import { nothingUsed } from "./host-facts";

/** What no text of a host may hold where a terminal shows it. */
export const OBEYED_BY_TERMINALS = /[\p{Cc}\u202a-\u202e\u2066-\u2069]/u;

export const GUEST = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111" };
export const OTHER = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222" };

/** A function of a network card of Intel's. */
export function port(address: string, more: Partial<ListedFunction> = {}): ListedFunction {
  return {
    hostAddress: address as PciAddress,
    vendorId: "0x8086",
    productId: "0x1521",
    classCode: "0x020000",
    driver: "igb",
    iommuGroup: 7,
    numaNode: 0,
    vendorName: "Intel Corporation",
    productName: "I350 Gigabit Network Connection",
    className: "Ethernet controller",
    ...more,
  };
}

/** The four functions of a card, all in one IOMMU group, or each in one of its own from a number on. */
export function card(
  slot: string,
  groups: { readonly shared: number } | { readonly from: number },
): ListedFunction[] {
  return [0, 1, 2, 3].map((n) =>
    port(`${slot}.${n}`, { iommuGroup: "shared" in groups ? groups.shared : groups.from + n }),
  );
}

/** The host is seen without a guest in mind, and nobody has anything. */
export function input(
  functions: readonly ListedFunction[],
  more: Partial<InspectionInput> = {},
): InspectionInput {
  return {
    label: "root@hv1:22",
    hostKeyFingerprint: "SHA256:0w6LpoUtRywTGubBVEMHB1wop0E5tFAhcIgs8/rlkcI",
    functions,
    facts: nothingUsed,
    seen: { by: "host", holders: { holdings: [], ledger: [] }, guests: [GUEST, OTHER] },
    notes: [],
    arguments: { connection: { host: "hv1" }, credentials: [] },
    ...more,
  };
}

/** A running q35 guest with two free root ports, the first of which is taken. */
export function observed(more: Partial<Observation> = {}): Observation {
  const bus = (index: number) => ({
    bus: `pci.${index}`,
    index,
    hotplug: { possible: true, kind: "pcie-acpi", slots: { first: 0, last: 0 } } as const,
    occupants: [],
    reservedSlots: [],
  });
  return {
    hostUuid: "44454c4c-0000-4000-8000-000000000001",
    guest: {
      ...GUEST,
      runState: "running",
      qemuVersion: "10.0.13",
      machine: "pc-q35-10.0",
      memoryBytes: 2 ** 30,
    },
    buses: [
      {
        ...bus(1),
        hotplug: { possible: false, reason: "it is taken by usb" },
        occupants: [{ slot: 0, guestFunction: 0, id: "usb" }],
      },
      bus(2),
      bus(3),
    ],
    functions: new Map(),
    holdings: [],
    plugged: [],
    ledger: [],
    hostUses: [],
    plugsSingles: true,
    ...more,
  };
}

/** What an attachment of some owner leaves behind in a guest. */
export function attachment(
  guest: typeof GUEST,
  owner: string,
  addresses: readonly string[],
): { readonly holdings: Holding[]; readonly ledger: { guest: typeof GUEST; entry: LedgerEntry }[] } {
  const tag = tagOf(owner);
  return {
    holdings: addresses.map((address) => ({
      guest,
      hostAddress: address as PciAddress,
      alias: aliasOf(tag, address as PciAddress),
      isUnassigned: true,
    })),
    ledger: [
      {
        guest,
        entry: {
          owner,
          tag,
          slot: { bus: "pci.8", slot: 0, kind: "pcie-acpi" },
          functions: addresses.map((address, guestFunction) => ({
            hostAddress: address as PciAddress,
            guestFunction,
            hostDriver: "igb",
          })),
        },
      },
    ],
  };
}

/** An interface of the host on a function, up with an address. */
export function upInterface(name: string, hostAddress: string, address?: string): HostInterface {
  return {
    name,
    hostAddress: hostAddress as PciAddress,
    isUp: true,
    lowerInterfaces: [],
    addresses: address === undefined ? [] : [address],
    routes: [],
  };
}
