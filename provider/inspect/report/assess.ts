import { hasCode, joinParts, refusalCodes, type ProviderError } from "../../errors";
import { pciAddressOf, type PciAddress, type PciSlotAddress } from "../../pci";
import type { HostFacts, HostFunction } from "../../host/facts";
import { planAttach, type Observation, type Plan } from "../../plan";
import { describeConsequences } from "./consequences";
import type { AttachAnswer, GuestReport, RefusalReport } from "./report";

/** Nobody's: an owner token has slashes. */
const OWNER = "inspect";

/** What a program may say beside the device. */
type Way = Pick<AttachAnswer, "leftovers" | "allowInUse"> & { readonly extent: "whole" | "part" };

/** In the order of what is taken from the host: first what shows no use, last what it uses. */
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

/** A plan, or all that speaks against it. */
type Attempt = Plan | readonly RefusalReport[];

/**
 * Whether a device can be attached, by the planner that a create goes by: the first way that it does not
 * refuse.
 *
 * `refusals` say why not all of it can be had that way; where nothing can, why not even with every
 * permission.
 */
export function assessDevice(
  observation: Observation,
  facts: HostFacts,
  device: PciSlotAddress,
  numbers: readonly number[],
): Assessment {
  const attempt = (way: Way, functions?: readonly number[]): Attempt =>
    planOrRefusals(observation, way, device, functions);
  const partFor = partsThatGo(attempt, numbers);
  for (const way of WAYS) {
    const functions = way.extent === "whole" ? numbers : partFor(way);
    if (functions === undefined) continue;
    const plan = attempt(way, way.extent === "whole" ? undefined : functions);
    if (isRefused(plan)) continue;
    const { extent: possible, ...permissions } = way;
    const speaksAgainstAll = possible === "part" ? refusalsOf(attempt({ ...way, leftovers: "hold" })) : [];
    return {
      possible,
      functions,
      ...permissions,
      consequences: describeConsequences(plan, observation, facts),
      ...answerOf(speaksAgainstAll),
    };
  }
  const last = attempt({ extent: "whole", leftovers: "hold", allowInUse: true });
  const nothing = { functions: [], leftovers: "refuse", allowInUse: false, consequences: [] } as const;
  return { possible: "no", ...nothing, ...answerOf(refusalsOf(last)) };
}

/** What the guest refuses whatever the device: judged by one that has nothing against it. */
export function assessGuest(observation: Observation): Pick<GuestReport, "refusal" | "refusals"> {
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
  const found = planOrRefusals({ ...observation, functions }, way, "ffff:ff:1f" as PciSlotAddress);
  return answerOf(refusalsOf(found));
}

/**
 * {@link functionsThatGo} for each way, found once for those that differ in `leftovers` alone: together they
 * may leave nothing over, where each alone does.
 */
function partsThatGo(
  attempt: (way: Way, functions: readonly number[]) => Attempt,
  numbers: readonly number[],
): (way: Way) => readonly number[] | undefined {
  const found = new Map<boolean, readonly number[] | undefined>();
  return (way) => {
    const { allowInUse } = way;
    if (!found.has(allowInUse))
      found.set(allowInUse, functionsThatGo(attempt, { ...way, leftovers: "hold" }, numbers));
    return found.get(allowInUse);
  };
}

/**
 * As many functions as go together, fewer than all: each that the planner does not refuse beside those before
 * it.
 */
function functionsThatGo(
  attempt: (way: Way, functions: readonly number[]) => Attempt,
  way: Way,
  numbers: readonly number[],
): readonly number[] | undefined {
  // one function alone is all of them
  if (numbers.length === 1) return undefined;
  const found: number[] = [];
  for (const one of numbers) if (!isRefused(attempt(way, [...found, one]))) found.push(one);
  return found.length === 0 || found.length === numbers.length ? undefined : found;
}

function planOrRefusals(
  observation: Observation,
  { leftovers, allowInUse }: Way,
  device: PciSlotAddress,
  functions?: readonly number[],
): Attempt {
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
    return (error as ProviderError).all.map(refusalOf);
  }
}

/** The first refusal stands by itself, as it did before there were several. */
function answerOf(refusals: readonly RefusalReport[]): {
  readonly refusal: RefusalReport | null;
  readonly refusals: readonly RefusalReport[];
} {
  return { refusal: refusals[0] ?? null, refusals };
}

function isRefused(found: Attempt): found is readonly RefusalReport[] {
  return Array.isArray(found);
}

function refusalsOf(found: Attempt): readonly RefusalReport[] {
  return isRefused(found) ? found : [];
}

/** The planner says too that nothing was touched; here nothing was attempted. */
function refusalOf({ code, what, cure }: ProviderError): RefusalReport {
  return { code, message: joinParts({ what, ...(cure !== undefined && { cure }) }) };
}
