import type { PciAddress } from "../../pci/address";
import { diskUses } from "./disk-uses";
import type { HostFacts } from "./host-needs";
import { interfaceUses } from "./interface-uses";

/** Why a function may not be taken from the host. */
export interface HostUse {
  readonly hostAddress: PciAddress;
  /** In words that follow "it": `carries the host's default route (interface eth0)`. */
  readonly use: string;
  /** Whether this SSH connection would be cut: nobody may override that. */
  readonly isThisConnection: boolean;
  /**
   * Set where the use is no more than what an interface is given by itself as soon as the host has it back, as by DHCP:
   * addresses, routes. The only default route of the host is more than that.
   */
  readonly comesByItself?: "address" | "route";
  /** Virtual functions (SR-IOV) that are gone once the driver of this physical function has lost it. */
  readonly virtualFunctions?: readonly PciAddress[];
}

/**
 * All that the host uses its functions for, each use once, in the order: this SSH connection, default
 * routes, other uses of interfaces, virtual functions, disks.
 */
export function findHostUses(facts: HostFacts): HostUse[] {
  const interfaces = interfaceUses(facts);
  const uses = [...interfaces, ...virtualFunctionUses(facts, interfaces), ...diskUses(facts.disks)];
  const told = new Map<PciAddress, Set<string>>();
  return uses.filter(({ hostAddress, use }) => {
    const ofFunction = told.get(hostAddress) ?? new Set<string>();
    told.set(hostAddress, ofFunction);
    return ofFunction.size < ofFunction.add(use).size;
  });
}

/** A function whose virtual functions go with it: they are counted, and what they carry for us is its. */
function virtualFunctionUses(facts: HostFacts, interfaces: readonly HostUse[]): HostUse[] {
  const ofConnection = new Map(
    interfaces.filter((one) => one.isThisConnection).map((one) => [one.hostAddress as string, one]),
  );
  return facts.physicalFunctions.flatMap(({ pciAddress, virtualFunctions }): HostUse[] => {
    const hostAddress = pciAddress as PciAddress;
    const count = virtualFunctions.length;
    return [
      ...virtualFunctions
        .flatMap((one) => ofConnection.get(one) ?? [])
        .map((one) => ({
          ...one,
          hostAddress,
          use: `has virtual function ${one.hostAddress}, which ${one.use}`,
        })),
      {
        hostAddress,
        use: count === 1 ? "has a virtual function enabled" : `has ${count} virtual functions enabled`,
        isThisConnection: false,
        virtualFunctions: virtualFunctions.map((one) => one as PciAddress),
      },
    ];
  });
}
