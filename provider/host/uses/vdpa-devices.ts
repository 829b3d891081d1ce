import type { HostFacts } from "../facts";
import { usesByDevices } from "./devices-beneath";
import type { HostUse } from "./host-use";

/** The functions with a vDPA device that a driver has, for guests (vhost_vdpa) or the host (virtio_vdpa). */
export function vdpaUses(facts: HostFacts): HostUse[] {
  return usesByDevices(facts, "vdpa", ({ name, detail }) =>
    detail === undefined ? undefined : { kind: "vdpa", device: name, driver: detail },
  );
}
