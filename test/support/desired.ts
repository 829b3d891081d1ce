import type { HostUse, HostUseReason } from "../../provider/host/uses";
import type { PciAddress, PciSlotAddress } from "../../provider/pci";
import {
  planAttach,
  planDetach,
  type ConfiguredFunction,
  type Plan,
  type PriorAttachment,
  type Step,
  type DesiredAttachment,
} from "../../provider/plan";
import { OLD_STATE, OWNER } from "./scenarios";
import type { World } from "./world";

/** Functions of the laboratory's card by number; what is not said is as the user would leave it. */
export function wants(
  functions?: readonly number[],
  extra: Partial<DesiredAttachment> = {},
): DesiredAttachment {
  const device = "0000:01:00" as PciSlotAddress;
  return {
    ownerToken: OWNER,
    selection: { by: "device", device, ...(functions && { functions }) },
    leftovers: "refuse",
    adopt: false,
    allowInUse: false,
    persistent: false,
    ...extra,
  };
}

/** Something that the host uses a function for. */
export function hostUse(address: string, reason: HostUseReason): HostUse {
  return { ...reason, hostAddress: at(address), isThisConnection: false };
}

/** An interface that is up. */
export function addressOn(device: string, address = "192.0.2.1"): HostUseReason {
  return { kind: "addresses", device, addresses: [address] };
}

/** An interface with a VLAN on it. */
export function vlanOn(device: string, vlan: string): HostUseReason {
  return { kind: "interface-layer", device, layer: { name: vlan, type: "vlan" } };
}

/** A mounted disk. */
export function mountOf(disk: string, mountPoint = "/"): HostUseReason {
  return { kind: "mount", disk: { name: disk }, mountPoints: [mountPoint] };
}

/** A physical function with virtual functions. */
export function virtualFunctions(...addresses: readonly string[]): HostUseReason {
  return { kind: "virtual-functions", virtualFunctions: addresses.map(at) };
}

/** What no plan may take. */
export function sshUse(address: string): HostUse {
  return {
    kind: "this-connection",
    hostAddress: at(address),
    device: "eth1",
    isThisConnection: true,
  };
}

/** Plans and carries out; the plan, for a look at it. */
export function reach(world: World, desired: DesiredAttachment, prior: PriorAttachment = OLD_STATE): Plan {
  const plan = planAttach(world.observe(), desired, prior);
  world.applyAll(plan.steps);
  return plan;
}

/** Plans a detach and carries it out. */
export function leave(world: World, owner = OWNER, prior?: PriorAttachment): Plan {
  const plan = planDetach(world.observe(), owner, prior);
  world.applyAll(plan.steps);
  return plan;
}

/** A plan in one word a step: `hold 0000:01:00.1`. */
export function outline(plan: Plan): string[] {
  return plan.steps.map((step) => {
    switch (step.kind) {
      case "hold":
      case "attach-single":
      case "release":
        return `${step.kind} ${step.hostAddress}`;
      case "plug":
        return `plug ${step.target.hostAddress} as ${step.target.guestFunction}`;
      case "plug-stepping-stone":
      case "unplug-stepping-stone":
        return `${step.kind} ${step.target.hostAddress} at ${step.slot.bus}`;
      case "unplug":
        return `unplug ${step.requests.length} of ${step.functions.length}`;
      case "await-reattach":
      case "configure":
      case "unconfigure":
        return `${step.kind} ${step.functions.map((one) => describeConfigured(one)).join(" ")}`;
      case "restore":
        return `restore ${step.drivers.map((one) => one.hostAddress).join(" ")}`;
      case "record":
      case "erase":
        return isLiveOnly(step.locations) ? step.kind : `${step.kind} ${step.locations.join(" ")}`;
      case "confirm":
        return step.kind;
    }
  });
}

function isLiveOnly(places: readonly string[]): boolean {
  return places.length === 1 && places[0] === "live";
}

/** `.2@0`: host function 2, which the configuration shows as guest function 0. */
function describeConfigured(one: Pick<ConfiguredFunction, "hostAddress" | "guestAddress">): string {
  const number = one.hostAddress.slice(-2);
  return one.guestAddress === undefined ? number : `${number}@${one.guestAddress.guestFunction}`;
}

/** The first step of a kind; throws where the plan has none. */
export function stepOf<K extends Step["kind"]>(plan: Plan, kind: K): Extract<Step, { kind: K }> {
  const found = plan.steps.find((step): step is Extract<Step, { kind: K }> => step.kind === kind);
  if (found === undefined) throw new Error(`the plan has no ${kind}: ${outline(plan).join(", ")}`);
  return found;
}

export const at = (text: string): PciAddress => text as PciAddress;
