import type { HostFacts } from "../facts";
import { usesByDevices } from "./devices-beneath";
import type { HostUse } from "./host-use";

/** The functions that show a picture, or have the kernel's console. */
export function displayUses(facts: HostFacts): HostUse[] {
  return usesByDevices(facts, "display", ({ name, traits = [] }) => {
    if (traits.includes("console")) return { kind: "display", device: name, shows: "console" };
    return traits.includes("lit") ? { kind: "display", device: name, shows: "picture" } : undefined;
  });
}
