import { isAnyBridge, isHarmlessInGroup, isVfioDriver, type HostFunction } from "../host/facts";
import { compareAddresses, type FunctionMapping, type PciAddress } from "../pci";
import type { PriorAttachment } from "./desired";
import { originalDriver } from "./host-driver";
import { findTagOfAlias } from "./identifiers";
import type { Holding, Observation, OwnedResources } from "./observation";

/** Every function of every IOMMU group that a map touches. */
export type GroupMembers = ReadonlyMap<PciAddress, HostFunction>;

/**
 * A member of a touched group that is not assigned, and the driver of the host's that it has or goes back to.
 */
export interface Leftover {
  readonly hostAddress: PciAddress;
  readonly driver: string;
}

/** Every function of every IOMMU group that the map touches. */
export function groupMembers(observation: Observation, map: readonly FunctionMapping[]): GroupMembers {
  const groups = new Set(map.map((one) => observation.functions.get(one.hostAddress)?.iommuGroup));
  return new Map([...observation.functions].filter(([, one]) => groups.has(one.iommuGroup)));
}

/** Whether a member keeps its group from guests as long as it has this driver. */
export function isObstacle(
  { kernelRelease }: Observation,
  one: HostFunction,
  driver: string | undefined,
): driver is string {
  return !isHarmlessInGroup(one, driver, kernelRelease);
}

/**
 * Members with a host driver that are not assigned: they make the group unusable unless they are held.
 * For bridges see checks/group-bridges.ts.
 */
export function findLeftovers(
  {
    observation,
    owned,
    map,
    prior,
  }: {
    readonly observation: Observation;
    readonly owned: OwnedResources;
    readonly map: readonly FunctionMapping[];
    readonly prior: PriorAttachment | undefined;
  },
  members: GroupMembers,
): Leftover[] {
  return [...members.values()]
    .filter((one) => !isAnyBridge(one) && !map.some((m) => m.hostAddress === one.hostAddress))
    .sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress))
    .flatMap((one) => {
      const driver = originalDriver(owned, one, prior);
      return isObstacle(observation, one, driver) ? [{ hostAddress: one.hostAddress, driver }] : [];
    });
}

/**
 * Those of these functions that somebody else holds, and who: a process may have the group open beside its
 * owner.
 */
export function findHeldByOthers(
  { holdings, guest }: Observation,
  { tag }: OwnedResources,
  addresses: Iterable<PciAddress>,
): ReadonlyMap<PciAddress, Holding> {
  const others = holdings.filter(
    (one) => !(one.guest.uuid === guest.uuid && findTagOfAlias(one.alias) === tag),
  );
  return new Map(
    [...addresses].flatMap((hostAddress) => {
      const holder = others.find((one) => one.hostAddress === hostAddress);
      return holder === undefined ? [] : [[hostAddress, holder] as const];
    }),
  );
}

/**
 * Functions that libvirt has for the guest and that someone has taken from vfio-pci on the host, by `unbind`
 * or by `remove` and `rescan`: QEMU cannot open them, and libvirt binds them again only where it takes them
 * anew.
 */
export function heldButUnbound(owned: OwnedResources, members: GroupMembers): PciAddress[] {
  return owned.held.filter((hostAddress) => {
    const one = members.get(hostAddress);
    return one !== undefined && !isVfioDriver(one.driver) && !owned.pluggedByLibvirt.includes(hostAddress);
  });
}
