import type { HostFacts } from "../facts";
import { usesByDevices } from "./devices-beneath";
import type { HostUse } from "./host-use";

/** The functions with a serial port that the kernel has a console on. */
export function serialConsoleUses(facts: HostFacts): HostUse[] {
  return usesByDevices(facts, "tty", ({ name, traits = [] }) =>
    traits.includes("console") ? { kind: "serial-console", device: name } : undefined,
  );
}
