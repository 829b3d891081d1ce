import type { PciAddress } from "../../pci/address";
import { turnedRound, type HostInterface } from "../facts";
import { partsOf } from "./parts-of";
import { uniqueBy } from "./unique-by";

/**
 * Most interfaces on top of an interface that are told, for it carries what they carry: one is enough to keep
 * it.
 */
const MAX_TOPS = 4;

/** A function with an interface that carries something, itself or as a part of the interface `via`. */
export interface Carrier {
  readonly hostAddress: PciAddress;
  readonly device: string;
  readonly via?: string;
}

/** The functions under these interfaces, through any number of layers: bridges, bonds, VLANs. */
export function findCarriers(interfaces: readonly HostInterface[], tops: readonly string[]): Carrier[] {
  const below = partsOf(tops, new Map(interfaces.map((one) => [one.name, one.lowerInterfaces])), MAX_TOPS);
  const byName = turnedRound(interfaces, (one) => (one.hostAddress === undefined ? [] : [one.name]));
  const found = [...below].flatMap(([top, names]) =>
    [...names].flatMap((name) => byName.get(name) ?? []).map((one) => carrierBelow(one, top)),
  );
  return uniqueBy(
    found.flatMap((one) => one ?? []),
    (one) => `${one.hostAddress} ${one.device} ${one.via ?? ""}`,
  );
}

function carrierBelow({ name, hostAddress }: HostInterface, top: string): Carrier | undefined {
  return hostAddress && { hostAddress, device: name, ...(name !== top && { via: top }) };
}
