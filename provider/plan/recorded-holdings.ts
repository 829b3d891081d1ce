import { isVfioDriver, type HostFunction } from "../host/facts";
import type { PciAddress } from "../pci";
import { aliasOf } from "./identifiers";
import type { Holding, Observation } from "./observation";

/**
 * Adds what libvirt before 8.3 has for no guest, and an entry of the ledger names: held, as long as it is on
 * vfio-pci. Where libvirt has it for a guest as well, as it has what it has just plugged alone, that is what
 * counts.
 */
export function withRecorded(
  holdings: readonly Holding[],
  ledger: Observation["ledger"],
  functions: ReadonlyMap<PciAddress, HostFunction>,
): Holding[] {
  const recorded = ledger.flatMap(({ guest, entry }) =>
    entry.functions
      .filter(({ hostAddress }) => isVfioDriver(functions.get(hostAddress)?.driver))
      .map(({ hostAddress }) => ({
        guest,
        hostAddress,
        alias: aliasOf(entry.tag, hostAddress),
        isUnassigned: true,
      })),
  );
  const aliases = new Set(holdings.map(({ alias }) => alias));
  return [...holdings, ...recorded.filter((one) => !aliases.has(one.alias))];
}
