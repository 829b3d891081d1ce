import { turnedRound, type HostInterface } from "../facts";
import type { InterfaceLayer } from "./host-use";
import { uniqueBy } from "./unique-by";

const OPEN_VSWITCH = "openvswitch";

/**
 * What runs directly on each interface, by its name: bridges and bonds that it is a port of, VLANs, tunnels.
 */
export function layersByInterface(
  interfaces: readonly HostInterface[],
): (name: string) => readonly InterfaceLayer[] {
  const uppers = turnedRound(
    interfaces.map((one) => ({ lower: one.lowerInterfaces, layer: layerOf(one) })),
    (one) => one.lower,
  );
  return (name) =>
    uniqueBy(
      (uppers.get(name) ?? []).map(({ layer }) => layer),
      (layer) => `${layer.type ?? ""} ${layer.name ?? ""}`,
    );
}

/** The kernel has one datapath for all switches of Open vSwitch: which of them has a port cannot be told. */
function layerOf({ name, kind }: HostInterface): InterfaceLayer {
  if (kind === OPEN_VSWITCH || (kind === undefined && name === "ovs-system")) return { type: OPEN_VSWITCH };
  return { name, ...(kind !== undefined && { type: kind }) };
}
