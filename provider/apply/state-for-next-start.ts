import { causeText } from "../errors";
import { describeNextStart, listFunctions, type Observation } from "../plan";
import type { ActualState } from "./actual-state";
import type { AttachRequest } from "./attach-request";
import { actualStateOf, unseenTarget, type DonePlan } from "./observe";
import type { Hypervisor } from "./ports";
import { priorOfPlan } from "./recorded-plan";

/**
 * What is there once the configuration of a guest that was shut off is changed, and the words for it.
 *
 * The lock keeps operations from the guest, and not its owner: somebody may have started it since the look.
 * So it is looked at once more. For information: where that fails, what was written is written.
 */
export async function stateForNextStart(
  hypervisor: Hypervisor,
  done: DonePlan,
  { desired, query }: Pick<AttachRequest, "desired" | "query">,
  signal: AbortSignal,
): Promise<ActualState> {
  const { before, plan, progress } = done;
  const written = unseenTarget(before, plan, plan.target?.entry);
  const now = await look(hypervisor, done, query.addresses, signal);
  if (now === undefined || now.guest.runState === "off" || now.guest.runState === "missing") {
    for (const line of plan.forNextStart ? describeNextStart(plan.forNextStart) : []) progress(line);
    return written;
  }
  const { ownerToken } = desired;
  const prior = priorOfPlan(plan);
  const actual = await actualStateOf(hypervisor, { observation: now, ownerToken, prior, progress }, signal);
  const { name } = now.guest;
  const has = actual?.attached.map((one) => one.hostAddress) ?? [];
  progress(
    has.length === written.attached.length
      ? `${name} was started meanwhile, and has ${listFunctions(has)}.`
      : `${name} was started meanwhile with ${listFunctions(has)} of it: its configuration has it all from the next ` +
          `cold boot on; to have it now, run again.`,
  );
  return actual ?? written;
}

async function look(
  hypervisor: Hypervisor,
  { before, progress }: DonePlan,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<Observation | undefined> {
  try {
    return await hypervisor.host.observe({ addresses }, signal);
  } catch (cause) {
    progress(`whether ${before.guest.name} was started meanwhile cannot be told: ${causeText(cause)}`);
    return undefined;
  }
}
