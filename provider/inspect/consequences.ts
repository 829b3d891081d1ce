import type { HostSurvey, PciAddress } from "../pci";
import { listFunctions, type Observation, type Plan, type Step } from "../plan";

type Taking = Extract<Step, { kind: "hold" | "attach" }>;

/** What an attachment does to host and guest beside the device's coming, a sentence each without its full stop. */
export function describeConsequences(plan: Plan, observation: Observation, survey: HostSurvey): string[] {
  const taken = plan.steps.filter((step): step is Taking => step.kind === "hold" || step.kind === "attach");
  const addresses = taken.map((step) => step.address);
  const goes = namesOn(survey, addresses);
  const leftovers = taken.filter((step) => step.kind === "hold" && step.purpose === "leftover");
  const gone = observation.hostUses
    .filter((use) => addresses.includes(use.address))
    .flatMap((use) => use.virtualFunctions ?? []);
  return [
    ...(goes !== "" ? [`leaves the host: ${goes}`] : []),
    ...(leftovers.length > 0
      ? [
          `${listFunctions(leftovers.map((step) => step.address))} of the same IOMMU group ` +
            `${leftovers.length === 1 ? "is" : "are"} taken from the host too, and shown to nobody`,
        ]
      : []),
    ...taken.flatMap(({ address, overriddenUses = [] }) =>
      overriddenUses.map((use) => `the host loses what it uses: ${address} ${use}`),
    ),
    ...(gone.length > 0 ? [`virtual functions that end: ${gone.join(", ")}`] : []),
  ];
}

function namesOn(survey: HostSurvey, addresses: readonly PciAddress[]): string {
  return listDevices(
    addresses.flatMap((address) => interfacesOn(survey, address)),
    addresses.flatMap((address) => disksOn(survey, address)),
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
