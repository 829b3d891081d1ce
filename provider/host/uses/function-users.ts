import type { HostFacts } from "../facts";
import type { HostUse } from "./host-use";

/** The functions that a program of the host computes on, or has for itself by a driver made for that. */
export function functionUserUses({ functionUsers = [] }: HostFacts): HostUse[] {
  return functionUsers.flatMap(({ by, name, hostAddresses }) =>
    hostAddresses.map((hostAddress) => ({ kind: by, hostAddress, name, isThisConnection: false })),
  );
}
