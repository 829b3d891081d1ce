import type { HostFacts } from "../facts";
import { usesByDevices } from "./devices-beneath";
import type { HostUse } from "./host-use";

/** The functions with a Thunderbolt device: what is tunnelled to it ends with them. */
export function thunderboltUses(facts: HostFacts): HostUse[] {
  return usesByDevices(facts, "thunderbolt", ({ name, detail }) => ({
    kind: "thunderbolt",
    device: name,
    ...(detail !== undefined && { product: detail }),
  }));
}
