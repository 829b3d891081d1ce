import { hasCode, joinParts, refusalCodes, type ProviderError } from "../../errors";
import { pciAddressOf, type PciAddress, type PciSlotAddress } from "../../pci";
import type { HostFunction } from "../../host/facts";
import type { HostFacts } from "../../host/uses";
import { planAttach, type Observation, type Plan } from "../../plan";
import { describeConsequences } from "./consequences";
import type { AttachAnswer, Refusal } from "./report";

/** Nobody's: an owner token has slashes. */
const OWNER = "inspect";

/** What a program may say beside the device. */
type Way = Pick<AttachAnswer, "leftovers" | "allowInUse"> & { readonly extent: "whole" | "part" };

/** In the order of what is taken from the host: first what costs it nothing, last what it uses. */
const WAYS: readonly Way[] = [
  { extent: "whole", leftovers: "refuse", allowInUse: false },
  { extent: "whole", leftovers: "hold", allowInUse: false },
  { extent: "part", leftovers: "refuse", allowInUse: false },
  { extent: "part", leftovers: "hold", allowInUse: false },
  { extent: "whole", leftovers: "refuse", allowInUse: true },
  { extent: "whole", leftovers: "hold", allowInUse: true },
  { extent: "part", leftovers: "refuse", allowInUse: true },
  { extent: "part", leftovers: "hold", allowInUse: true },
];

/** {@link AttachAnswer} without the program that it leads to. */
export type Assessment = Omit<AttachAnswer, "program">;

/**
 * Whether a device can be attached, by the planner that a create goes by: the first way that it does not refuse.
 *
 * `refusal` says why not all of it can be had that way; where nothing can, why not even with every permission.
 */
export function assessDevice(
  observation: Observation,
  facts: HostFacts,
  device: PciSlotAddress,
  numbers: readonly number[],
): Assessment {
  const attempt = (way: Way, functions?: readonly number[]): Plan | Refusal =>
    planOrRefusal(observation, way, device, functions);
  for (const way of WAYS) {
    const functions = way.extent === "whole" ? numbers : functionsThatGo(attempt, way, numbers);
    if (functions === undefined) continue;
    const plan = attempt(way, way.extent === "whole" ? undefined : functions);
    if (isRefusal(plan)) continue;
    const { extent: possible, ...permissions } = way;
    const whole = attempt({ ...way, leftovers: "hold" });
    return {
      possible,
      functions,
      ...permissions,
      consequences: describeConsequences(plan, observation, facts),
      refusal: possible === "part" && isRefusal(whole) ? whole : null,
    };
  }
  const last = attempt({ extent: "whole", leftovers: "hold", allowInUse: true });
  const nothing = { functions: [], leftovers: "refuse", allowInUse: false, consequences: [] } as const;
  return { possible: "no", ...nothing, refusal: isRefusal(last) ? last : null };
}

/** What the guest refuses whatever the device: judged by one that has nothing against it. */
export function assessGuest(observation: Observation): Refusal | null {
  const hostAddress = pciAddressOf("ffff:ff:1f" as PciSlotAddress, 0);
  const harmless: HostFunction = {
    hostAddress,
    vendorId: "",
    productId: "",
    isBridge: false,
    // more than any group of a host has
    iommuGroup: 2 ** 31,
  };
  const functions = new Map<PciAddress, HostFunction>([...observation.functions, [hostAddress, harmless]]);
  const way: Way = { extent: "whole", leftovers: "refuse", allowInUse: false };
  const found = planOrRefusal({ ...observation, functions }, way, "ffff:ff:1f" as PciSlotAddress);
  return isRefusal(found) ? found : null;
}

/** As many functions as go together, fewer than all: each that the planner does not refuse beside those before it. */
function functionsThatGo(
  attempt: (way: Way, functions: readonly number[]) => Plan | Refusal,
  way: Way,
  numbers: readonly number[],
): readonly number[] | undefined {
  // together they may leave nothing over, where each alone does
  const tolerant: Way = { ...way, leftovers: "hold" };
  const found: number[] = [];
  for (const one of numbers) if (!isRefusal(attempt(tolerant, [...found, one]))) found.push(one);
  return found.length === 0 || found.length === numbers.length ? undefined : found;
}

function planOrRefusal(
  observation: Observation,
  { leftovers, allowInUse }: Way,
  device: PciSlotAddress,
  functions?: readonly number[],
): Plan | Refusal {
  try {
    return planAttach(observation, {
      ownerToken: OWNER,
      selection: { by: "device", device, ...(functions && { functions }) },
      leftovers,
      adopt: false,
      allowInUse,
      persistent: false,
    });
  } catch (error) {
    if (!hasCode(error, ...refusalCodes)) throw error;
    // the planner says too that nothing was touched; here nothing was attempted
    const { code, what, cure } = error as ProviderError;
    return { code, message: joinParts({ what, ...(cure !== undefined && { cure }) }) };
  }
}

function isRefusal(found: Plan | Refusal): found is Refusal {
  return "code" in found;
}
