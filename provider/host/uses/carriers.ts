import type { PciAddress } from "../../pci/address";
import { functionsOf, turnedRound, type HostInterface } from "../facts";
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
  const below = findBelow(interfaces, tops);
  const onPci = interfaces.filter((one) => one.hostAddress !== undefined);
  const byName = turnedRound(
    uniqueBy(onPci, (one) => `${one.hostAddress} ${one.name}`),
    (one) => [one.name],
  );
  const found: Carrier[] = [];
  for (const [top, names] of below)
    for (const device of names)
      for (const one of byName.get(device) ?? [])
        for (const hostAddress of functionsOf(one))
          found.push(device === top ? { hostAddress, device } : { hostAddress, device, via: top });
  return found;
}

/** Each of these interfaces with all that its frames go through, itself included. */
export function findBelow(
  interfaces: readonly HostInterface[],
  tops: readonly string[],
): ReadonlyMap<string, ReadonlySet<string>> {
  const parts = new Map(
    interfaces.map(({ name, lowerInterfaces, reaches }) => [
      name,
      reaches === undefined ? lowerInterfaces : [...lowerInterfaces, ...reaches],
    ]),
  );
  return partsOf(tops, parts, MAX_TOPS);
}
