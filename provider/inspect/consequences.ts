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
  const pinned = plan.steps.flatMap((step) =>
    step.kind === "plug" || step.kind === "attach" ? (step.pinsBytes ?? []) : [],
  );
  return [
    ...(goes.length > 0 ? [`leaves the host: ${goes.join(", ")}`] : []),
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
    ...pinned.map((bytes) => `pins the guest's memory, ${Math.ceil(bytes / 2 ** 20)} MiB`),
  ];
}

/** `interface eth2`, `disk sda` */
function namesOn(survey: HostSurvey, addresses: readonly PciAddress[]): string[] {
  return addresses.flatMap((address) => [
    ...interfacesOn(survey, address).map((name) => `interface ${name}`),
    ...disksOn(survey, address).map((name) => `disk ${name}`),
  ]);
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
