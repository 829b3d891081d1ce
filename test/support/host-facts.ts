import type { HostFacts } from "../../provider/host/facts";

/** The survey of a host that uses nothing. */
export const nothingUsed: HostFacts = {
  interfaces: [],
  defaultRouteInterfaces: [],
  sshInterfaces: [],
  functionsWithHiddenInterface: [],
  physicalFunctions: [],
  disks: [],
  unreadFunctions: [],
  unread: [],
};
