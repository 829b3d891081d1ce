import type { HostFacts } from "../facts";
import { usesByDevices } from "./devices-beneath";
import type { HostUse } from "./host-use";

/** The functions with mediated devices: they are made for guests. */
export function mediatedDeviceUses(facts: HostFacts): HostUse[] {
  return usesByDevices(facts, "mdev", ({ name }) => ({ kind: "mediated-device", device: name }));
}
