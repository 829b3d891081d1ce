import type { GuestIdentity, Holding, LedgerEntry } from "../../plan";
import { findAddress } from "./address-xml";
import { findLedgerEntries } from "./ledger-xml";
import { attribute, child, children, descendants, parseXml, textOf, type XmlElement } from "./xml";

/** What one description of a guest says of its devices. */
export interface DomainDescription {
  readonly identity: GuestIdentity;
  readonly holdings: readonly Holding[];
  readonly ledger: readonly LedgerEntry[];
  /** Slots given to something, by the bus's QEMU id (`pci.5` for controller 5). */
  readonly slotsByBus: ReadonlyMap<string, readonly number[]>;
}

/** Elements, with their type, by which a guest takes a host function. */
const takers = [
  ["hostdev", "pci"],
  ["interface", "hostdev"],
  ["disk", "nvme"],
] as const;

/** Reads the parts of a domain's XML that matter here. */
export function parseDomainXml(text: string): DomainDescription {
  const domain = child(parseXml(text, "the description of a guest"), "domain");
  const devices = child(domain, "devices");
  const identity = {
    name: textOf(child(domain, "name")) ?? "",
    uuid: textOf(child(domain, "uuid")) ?? "",
  };
  return {
    identity,
    holdings: takers.flatMap(([name, type]) =>
      children(devices, name)
        .filter((one) => attribute(one, "type") === type)
        .flatMap((one) => findHolding(identity, one) ?? []),
    ),
    ledger: findLedgerEntries(child(domain, "metadata")),
    slotsByBus: slotsByBus(devices),
  };
}

function findHolding(guest: GuestIdentity, taker: XmlElement): Holding | undefined {
  const address = findAddress(child(taker, "source", "address"));
  if (address === undefined) return undefined;
  return {
    guest,
    address,
    alias: attribute(child(taker, "alias"), "name") ?? "",
    isUnassigned: attribute(child(taker, "address"), "type") === "unassigned",
  };
}

/** Any element at any depth may have a PCI address of its own; host addresses stand below `source`. */
function slotsByBus(devices: XmlElement): Map<string, number[]> {
  const slots = new Map<string, number[]>();
  const sources = new Set<XmlElement>();
  for (const { name, element } of descendants(devices)) {
    if (name === "source") for (const inner of descendants(element)) sources.add(inner.element);
    if (name !== "address" || attribute(element, "type") !== "pci" || sources.has(element)) continue;
    const bus = `pci.${Number(attribute(element, "bus") ?? "0")}`;
    slots.set(bus, [...(slots.get(bus) ?? []), Number(attribute(element, "slot") ?? "0")]);
  }
  return slots;
}
