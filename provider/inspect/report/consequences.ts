import { disksOn, interfacesOn, type HostFacts } from "../../host/facts";
import type { PciAddress } from "../../pci";
import {
  describeHostUse,
  describeLost,
  describeWarnings,
  listFunctions,
  type Observation,
  type Plan,
  type Step,
} from "../../plan";

type Taking = Extract<Step, { kind: "hold" | "attach-single" }>;

/**
 * What an attachment does to host and guest beside the device's coming, a sentence each without its full
 * stop.
 */
export function describeConsequences(plan: Plan, observation: Observation, facts: HostFacts): string[] {
  const taken = plan.steps.filter(
    (step): step is Taking => step.kind === "hold" || step.kind === "attach-single",
  );
  const addresses = taken.map((step) => step.hostAddress);
  const goes = lostWith(facts, observation, addresses);
  const leftovers = taken.filter((step) => step.kind === "hold" && step.purpose === "leftover");
  const gone = observation.hostUses
    .filter((use) => addresses.includes(use.hostAddress))
    .flatMap((use) => use.virtualFunctions ?? []);
  return [
    ...(goes !== "" ? [`leaves the host: ${goes}`] : []),
    ...(leftovers.length > 0
      ? [
          `${listFunctions(leftovers.map((step) => step.hostAddress))} of the same IOMMU group ` +
            `${leftovers.length === 1 ? "is" : "are"} taken from the host too, and shown to nobody`,
        ]
      : []),
    ...taken.flatMap(({ hostAddress, overriddenUses = [] }) =>
      overriddenUses.map((use) => `the host loses what it uses: ${hostAddress} ${describeHostUse(use)}`),
    ),
    ...(gone.length > 0 ? [`virtual functions that end: ${gone.join(", ")}`] : []),
    ...describeWarnings(plan),
  ];
}

function lostWith(
  facts: HostFacts,
  { beneath }: Pick<Observation, "beneath">,
  addresses: readonly PciAddress[],
): string {
  return describeLost({
    interfaces: addresses.flatMap((hostAddress) => interfacesOn(facts, hostAddress)),
    disks: addresses.flatMap((hostAddress) => disksOn(facts, hostAddress)),
    beneath: addresses.flatMap((hostAddress) => beneath?.get(hostAddress) ?? []),
  });
}
