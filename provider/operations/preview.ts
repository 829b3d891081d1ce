import { causeText, hasCode, refusalCodes } from "../errors";
import { Deadline } from "../async";
import { newIncarnation, actualStateOf, type ActualState } from "../apply";
import { describePlan, describeUnreadGuest, planAttach, type Plan, type UnreadGuest } from "../plan";
import {
  identityOf,
  isOtherTarget,
  queryForPlug,
  priorOf,
  desiredOf,
  type AttachmentInputs,
  type AttachmentState,
} from "../resource";
import type { Hypervisors } from "../connections/hypervisor-pool";
import { madeInOf, guestLocatorOf } from "../connections/guest-locator";

/** A preview is worth so much waiting, not more. */
export const PREVIEW_TIMEOUT_SECONDS = 15;

/** What a look at the host found, for check and diff. */
export type Preview =
  | { readonly kind: "unreachable"; readonly reason: string }
  | { readonly kind: "another"; readonly what: string }
  | { readonly kind: "refused"; readonly reason: string; readonly otherNames: readonly string[] }
  | {
      readonly kind: "planned";
      readonly plan: Plan;
      readonly actual: ActualState | undefined;
      /** See Observation. */
      readonly otherNames: readonly string[];
      /** Other guests of which the plan does not know what they have. */
      readonly unreadGuests?: readonly UnreadGuest[];
    };

/** What has been made: its state, and the arguments that stand in it. */
export interface Made {
  readonly state: AttachmentState;
  readonly inputs: AttachmentInputs;
}

/**
 * Looks, best effort and briefly, at what is there, and plans from it to what is wanted.
 *
 * @param made undefined where nothing has been made yet
 */
export async function look(
  hypervisors: Hypervisors,
  made: Made | undefined,
  inputs: AttachmentInputs,
  asked: AbortSignal,
): Promise<Preview> {
  const { signal } = Deadline.start("look at the host", PREVIEW_TIMEOUT_SECONDS, asked);
  const state = made?.state;
  const prior = state && priorOf(state);
  try {
    const locator = guestLocatorOf(inputs, undefined, made && madeInOf(made.state, made.inputs));
    const hypervisor = await hypervisors.openForPreview(locator, signal);
    const query = queryForPlug(inputs, prior);
    const observation = await hypervisor.host.observe(query, signal);
    const { hostUuid, guest: found, unreadGuests = [] } = observation;
    const { otherNames = [] } = found;
    if (state && isOtherTarget(state, identityOf(observation, inputs.ownerToken)))
      return { kind: "another", what: `guest ${found.name} (${found.uuid}) on host ${hostUuid}` };
    try {
      const plan = planAttach(observation, { ...desiredOf(inputs), fresh: newIncarnation() }, prior);
      const { ownerToken } = inputs;
      const actual = await actualStateOf(hypervisor, { observation, ownerToken, prior }, signal);
      return { kind: "planned", plan, actual, otherNames, unreadGuests };
    } catch (refusal) {
      if (!hasCode(refusal, ...refusalCodes)) throw refusal;
      return { kind: "refused", reason: causeText(refusal), otherNames };
    }
  } catch (cause) {
    return { kind: "unreachable", reason: causeText(cause) };
  }
}

/** The plan of a look in lines for the preview. */
export function describePreview(found: Preview, what: "create" | "change" | "no change"): string[] {
  switch (found.kind) {
    case "unreachable":
      return [`the host cannot be looked at, so the plan will be made at apply: ${found.reason}`];
    case "another":
      return [`replacement: the arguments now name ${found.what}; the old attachment is deleted first`];
    case "refused":
      return [
        what === "create"
          ? `as things are now, it would be refused: ${found.reason}`
          : `the update would be refused: ${found.reason}`,
      ];
    case "planned": {
      const isDrift = what === "no change" && found.plan.steps.length > 0;
      const head = isDrift ? "drift: what is there differs from the state; plan to repair it:" : "plan:";
      const unread = (found.unreadGuests ?? []).map((one) => describeUnreadGuest(one));
      return [head, ...describePlan(found.plan).map((line) => `  ${line}`), ...unread];
    }
  }
}
