import type { HostFacts } from "../facts";
import type { HostUse } from "./host-use";

/** The functions of which the host tells something that cannot be read. */
export function unreadFunctionUses({ unreadFunctions }: HostFacts): HostUse[] {
  return [...new Set(unreadFunctions)].map((hostAddress) => ({
    kind: "unread-function",
    hostAddress,
    isThisConnection: false,
  }));
}
