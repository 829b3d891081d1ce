import type { HostFacts } from "../facts";
import { usesByDevices } from "./devices-beneath";
import type { HostUse } from "./host-use";

/** The functions with what the machine itself is watched over, managed or attested by. */
export function machineDeviceUses(facts: HostFacts): HostUse[] {
  return (["tpm", "watchdog", "ipmi"] as const).flatMap((type) =>
    usesByDevices(facts, type, ({ name }) => ({ kind: "machine-device", device: name, type })),
  );
}
