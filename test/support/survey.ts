import type { HostSurvey } from "../../provider/pci";

/** The survey of a host that uses nothing. */
export const nothingUsed: HostSurvey = {
  interfaces: [],
  defaultRouteInterfaces: [],
  sshInterfaces: [],
  functionsWithHiddenInterface: [],
  physicalFunctions: [],
  disks: [],
};
