import type { HostFacts } from "../facts";
import { findCarriers } from "./carriers";
import type { HostUse } from "./host-use";

/** The functions that carry this SSH connection. */
export function thisConnectionUses({ interfaces, sshInterfaces }: HostFacts): HostUse[] {
  return findCarriers(interfaces, sshInterfaces).map((carrier) => ({
    kind: "this-connection",
    ...carrier,
    isThisConnection: true,
  }));
}
