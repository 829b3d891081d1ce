import { fail } from "../errors";
import { isSameRom, isVfioDriver, romOptionsOf, type PciAddress } from "../pci";
import { aliasOf, findTagOfAlias } from "./naming";
import type { ConfiguredFunction, LedgerEntry, Observation, OwnedPart } from "./observation";
import type { Step } from "./step";

/** What the guest's configuration has to hold so that a cold boot brings about what the entry tells. */
export function configurationOf(entry: LedgerEntry): ConfiguredFunction[] {
  const { bus, slot } = entry.slot;
  return entry.functions.map(({ address, guestFunction, hostDriver, ...rest }) => ({
    address,
    alias: aliasOf(entry.tag, address),
    ...romOptionsOf(rest),
    ...(isVfioDriver(hostDriver) && { vfioDriver: hostDriver }),
    ...(guestFunction !== undefined && { place: { bus, slot, guestFunction } }),
  }));
}

/**
 * Steps from what is configured to what is to be; none where that is the same.
 *
 * A guest boots between any two steps. QEMU takes a function only where its whole IOMMU group is viable, so that
 * a part of a set in a configuration can keep the guest from starting: what is assigned goes as a whole and
 * comes as a whole (docs/internals/decisions/0012-persistent-configuration.md). What is only held stands in nobody's way.
 */
export function planConfiguration(
  owned: OwnedPart,
  wanted: readonly ConfiguredFunction[],
): Extract<Step, { kind: "configure" | "unconfigure" }>[] {
  const isSame = (one: ConfiguredFunction): boolean =>
    wanted.some((other) => keyOf(other) === keyOf(one) && isSameRom(other, one));
  if (owned.configured.length === wanted.length && owned.configured.every(isSame)) return [];
  const kept = owned.configured.filter((one) => one.place === undefined && isSame(one));
  const gone = owned.configured.filter((one) => !kept.includes(one));
  const missing = wanted.filter((one) => !kept.some((other) => keyOf(other) === keyOf(one)));
  return [...unconfigure(gone), ...configure(missing)];
}

/** What takes all of the owner's from the guest's configuration. */
export function planUnconfigure(owned: OwnedPart): Step[] {
  return unconfigure(owned.configured);
}

/** A function that the configuration gives to the guest by another hostdev cannot be configured a second time. */
export function refuseConfiguredOtherwise(
  observation: Observation,
  owned: OwnedPart,
  addresses: readonly PciAddress[],
): void {
  const others = (observation.configuration?.functions ?? []).filter(
    (one) => addresses.includes(one.address) && findTagOfAlias(one.alias) !== owned.tag,
  );
  if (others.length > 0)
    throw fail("FUNCTION_CONFIGURED_OTHERWISE", {
      guest: observation.guest.name,
      functions: others.map((one) => (one.alias === "" ? one.address : `${one.address} (${one.alias})`)),
    });
}

function configure(functions: readonly ConfiguredFunction[]): Extract<Step, { kind: "configure" }>[] {
  return functions.length === 0 ? [] : [{ kind: "configure", functions: [...functions].sort(byPlace) }];
}

function unconfigure(functions: readonly ConfiguredFunction[]): Extract<Step, { kind: "unconfigure" }>[] {
  if (functions.length === 0) return [];
  return [{ kind: "unconfigure", functions: [...functions].sort((a, b) => byPlace(b, a)) }];
}

/** Those that are only held first, guest function 0 last: the order in which they are plugged. */
function byPlace(a: ConfiguredFunction, b: ConfiguredFunction): number {
  const rank = ({ place }: ConfiguredFunction): number =>
    place === undefined ? 0 : place.guestFunction === 0 ? 8 : place.guestFunction;
  return rank(a) - rank(b) || a.address.localeCompare(b.address);
}

function keyOf({ address, alias, place }: ConfiguredFunction): string {
  return JSON.stringify([address, alias, place?.bus, place?.slot, place?.guestFunction]);
}
