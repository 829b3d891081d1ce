import type { HostFacts } from "../../provider/host/facts";

/** The survey of a host that uses nothing. */
export const nothingUsed: HostFacts = {
  interfaces: [],
  defaultRouteInterfaces: [],
  sshInterfaces: [],
  functionsWithHiddenInterface: [],
  physicalFunctions: [],
  disks: [],
  beneath: [],
  beneathLook: {
    kinds: new Set([
      ...["display", "tty", "mdev", "vdpa", "tpm", "watchdog", "ipmi", "thunderbolt", "compute"],
      ...["uio", "rdma", "sound", "usb", "input"],
    ]),
    leftOut: [],
    among: [],
  },
  unreadFunctions: [],
  unread: [],
};
