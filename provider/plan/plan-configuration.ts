import { compareAddresses, isSameRom, romOptionsOf } from "../pci";
import { isVfioDriver } from "../host/facts";
import { aliasOf } from "./identifiers";
import type { LedgerEntry } from "./ledger-entry";
import type { ConfiguredFunction, OwnedResources } from "./observation";
import type { Step } from "./step";

/** A step that changes the guest's configuration. */
export type ConfigurationStep = Extract<Step, { kind: "configure" | "unconfigure" }>;

/** What the guest's configuration has to hold so that a cold boot brings about what the entry tells. */
export function configurationOf(entry: LedgerEntry): ConfiguredFunction[] {
  const { bus, slot } = entry.slot;
  return entry.functions.map(({ hostAddress, guestFunction, hostDriver, ...rest }) => ({
    hostAddress,
    alias: aliasOf(entry.tag, hostAddress),
    ...romOptionsOf(rest),
    ...(isVfioDriver(hostDriver) && { vfioDriver: hostDriver }),
    ...(guestFunction !== undefined && { guestAddress: { bus, slot, guestFunction } }),
  }));
}

/**
 * Steps from what is configured to what is to be; none where that is the same.
 *
 * A guest boots between any two steps. QEMU takes a function only where its whole IOMMU group is viable, so
 * that a part of a set in a configuration can keep the guest from starting: what is assigned goes as a whole
 * and comes as a whole (docs/internals/decisions/0012-persistent-configuration.md). What is only held stands
 * in nobody's way.
 */
export function planConfiguration(
  owned: OwnedResources,
  desired: readonly ConfiguredFunction[],
): ConfigurationStep[] {
  const isSame = (one: ConfiguredFunction): boolean =>
    desired.some((other) => keyOf(other) === keyOf(one) && isSameRom(other, one));
  if (owned.configured.length === desired.length && owned.configured.every(isSame)) return [];
  const kept = owned.configured.filter((one) => one.guestAddress === undefined && isSame(one));
  const gone = owned.configured.filter((one) => !kept.includes(one));
  const missing = desired.filter((one) => !kept.some((other) => keyOf(other) === keyOf(one)));
  return [...unconfigure(gone), ...configure(missing)];
}

/** What takes all of the owner's from the guest's configuration. */
export function planUnconfigure(owned: OwnedResources): Step[] {
  return unconfigure(owned.configured);
}

function configure(functions: readonly ConfiguredFunction[]): Extract<Step, { kind: "configure" }>[] {
  return functions.length === 0 ? [] : [{ kind: "configure", functions: [...functions].sort(byLocation) }];
}

function unconfigure(functions: readonly ConfiguredFunction[]): Extract<Step, { kind: "unconfigure" }>[] {
  if (functions.length === 0) return [];
  return [{ kind: "unconfigure", functions: [...functions].sort((a, b) => byLocation(b, a)) }];
}

/** Those that are only held first, guest function 0 last: the order in which they are plugged. */
function byLocation(a: ConfiguredFunction, b: ConfiguredFunction): number {
  const rank = ({ guestAddress }: ConfiguredFunction): number =>
    guestAddress === undefined ? 0 : guestAddress.guestFunction === 0 ? 8 : guestAddress.guestFunction;
  return rank(a) - rank(b) || compareAddresses(a.hostAddress, b.hostAddress);
}

function keyOf({ hostAddress, alias, guestAddress }: ConfiguredFunction): string {
  return JSON.stringify([
    hostAddress,
    alias,
    guestAddress?.bus,
    guestAddress?.slot,
    guestAddress?.guestFunction,
  ]);
}
