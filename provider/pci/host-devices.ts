import type { PciAddress } from "./address";
import type { HostSurvey } from "./host-survey";

/** What each function is to the host, used or not: `interface eth2`, `interfaces eth2, eth3 and disk sda`. */
export function findHostDevices(survey: HostSurvey): ReadonlyMap<PciAddress, string> {
  const addresses = [...survey.interfaces, ...survey.disks].flatMap((one) => one.pciAddress ?? []);
  return new Map(
    [...new Set(addresses)].map((text) => {
      const address = text as PciAddress;
      return [address, listDevices(interfacesOn(survey, address), disksOn(survey, address))];
    }),
  );
}

/** `interface eth2`, `interfaces eth2, eth3 and disk sda`; empty where there is none. */
export function listDevices(interfaces: readonly string[], disks: readonly string[]): string {
  const list = (word: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${word}${names.length === 1 ? "" : "s"} ${names.join(", ")}`];
  return [...list("interface", interfaces), ...list("disk", disks)].join(" and ");
}

/** Kernel names of the network interfaces on a function. */
export function interfacesOn({ interfaces }: HostSurvey, address: PciAddress): string[] {
  return interfaces.filter((one) => one.pciAddress === address).map((one) => one.name);
}

/** Kernel names of the disks on a function, without their partitions. */
export function disksOn({ disks }: HostSurvey, address: PciAddress): string[] {
  const own = disks.filter((one) => one.pciAddress === address);
  return own
    .filter((one) => !one.slaves.some((slave) => own.some((other) => other.name === slave)))
    .map((one) => one.name);
}
