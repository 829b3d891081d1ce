import { causeText, hasCode, printable, refusalCodes, type ProviderError } from "../errors";
import { Deadline } from "../async";
import { newIncarnation, actualStateOf, type ActualState, type Hypervisor } from "../apply";
import {
  describeHostNote,
  describePlan,
  describeUnreadGuest,
  planAttach,
  type Observation,
  type Plan,
  type PriorAttachment,
  type UnreadGuest,
} from "../plan";
import type { HostNote } from "../host/uses";
import {
  desiredOf,
  hasUnknown,
  identityOf,
  isOtherTarget,
  parseCheckedInputs,
  priorOf,
  queryForPlug,
  type AttachmentInputs,
} from "../resource";
import { madeInOf, guestLocatorOf } from "../connections/guest-locator";
import type { Made } from "./attach-desired";
import { runOperation, type OperationContext } from "./operation-context";
import type { Properties } from "./properties";

/** A preview is worth so much waiting, not more. */
const PREVIEW_TIMEOUT_SECONDS = 15;

/** The preview of arguments that are outputs of what has not been made yet. */
export const NOT_KNOWN_YET = "some arguments are not known yet; the plan will be made at apply";

/**
 * An engine may ask the same of a create and of a replacement (`pulumi up --replace`), and not tell which it
 * is. A replacement deletes first what a create finds standing.
 */
const IF_REPLACED =
  "If this replaces what the stack has, that is deleted first: the guest is without the device until the last plug.";

/** What a preview found on the host. */
export type Preview =
  | { readonly kind: "unreachable"; readonly reason: string }
  | { readonly kind: "another"; readonly what: string }
  | { readonly kind: "refused"; readonly reasons: readonly string[]; readonly otherNames: readonly string[] }
  | {
      readonly kind: "planned";
      readonly plan: Plan;
      readonly actual: ActualState | undefined;
      /** See Observation. */
      readonly otherNames: readonly string[];
      /** Other guests of which the plan does not know what they have. */
      readonly unreadGuests?: readonly UnreadGuest[];
      /** What of the host is not known. */
      readonly hostNotes?: readonly HostNote[];
    };

/** Tells what a create would do, best effort: it may be for a guest that the same program makes. */
export async function previewCreate(context: OperationContext, inputs: Properties): Promise<void> {
  const { progress } = context;
  if (hasUnknown(inputs)) return progress(NOT_KNOWN_YET);
  const preview = await previewAttachment(context, parseCheckedInputs(inputs));
  for (const line of describePreview(preview, "create")) progress(line);
  if (preview.kind === "planned" && preview.plan.takesOver !== undefined) progress(`  ${IF_REPLACED}`);
}

/**
 * Reads, best effort and briefly, what is there, and plans from it to what is wanted.
 *
 * @param made undefined if nothing has been made yet
 * @throws PROVIDER_ENDING, if it has not begun
 */
export function previewAttachment(
  context: OperationContext,
  inputs: AttachmentInputs,
  made?: Made,
): Promise<Preview> {
  return runOperation(context, inputs, PREVIEW_TIMEOUT_SECONDS, async (asked): Promise<Preview> => {
    const { signal } = Deadline.start("look at the host", PREVIEW_TIMEOUT_SECONDS, asked);
    const wish = { inputs, made, prior: made && priorOf(made.state) };
    try {
      const locator = guestLocatorOf(inputs, undefined, made && madeInOf(made.state, made.inputs));
      const hypervisor = await context.connections.openForPreview(locator, signal);
      return await previewOn(hypervisor, wish, signal);
    } catch (cause) {
      return { kind: "unreachable", reason: causeText(cause) };
    }
  });
}

/** What is wanted, and what has been made of it. */
interface Wish {
  readonly inputs: AttachmentInputs;
  readonly made: Made | undefined;
  readonly prior: PriorAttachment | undefined;
}

async function previewOn(
  hypervisor: Hypervisor,
  { inputs, made, prior }: Wish,
  signal: AbortSignal,
): Promise<Preview> {
  const { ownerToken } = inputs;
  const query = queryForPlug(inputs, prior);
  const forPlug = { buses: [], ...query.forPlug, offGuests: true };
  const observation = await hypervisor.host.observe({ ...query, forPlug }, signal);
  if (made && isOtherTarget(made.state, identityOf(observation, ownerToken)))
    return { kind: "another", what: describeTarget(observation) };
  const { unreadGuests = [], hostNotes = [] } = observation;
  const { otherNames = [] } = observation.guest;
  try {
    const plan = planAttach(observation, { ...desiredOf(inputs), fresh: newIncarnation() }, prior);
    const actual = await actualStateOf(hypervisor, { observation, ownerToken, prior }, signal);
    return { kind: "planned", plan, actual, otherNames, unreadGuests, hostNotes };
  } catch (refusal) {
    if (!hasCode(refusal, ...refusalCodes)) throw refusal;
    return { kind: "refused", reasons: (refusal as ProviderError).all.map((one) => one.line), otherNames };
  }
}

function describeTarget({ guest, hostUuid }: Observation): string {
  return `guest ${guest.name} (${guest.uuid}) on host ${hostUuid}`;
}

/** The plan of a preview, in lines. */
export function describePreview(found: Preview, what: "create" | "change" | "no change"): string[] {
  switch (found.kind) {
    case "unreachable":
      return [`the host cannot be looked at, so the plan will be made at apply: ${found.reason}`];
    case "another":
      return [`replacement: the arguments now name ${found.what}; the old attachment is deleted first`];
    case "refused": {
      const [first, ...others] = found.reasons;
      const head =
        what === "create" ? "as things are now, it would be refused" : "the update would be refused";
      return [`${head}: ${first}`, ...others.map((reason) => `  also: ${reason}`)];
    }
    case "planned": {
      const isDrift = what === "no change" && found.plan.steps.length > 0;
      const head = isDrift ? "drift: what is there differs from the state; plan to repair it:" : "plan:";
      const unread = (found.unreadGuests ?? []).map((one) => describeUnreadGuest(one));
      const notes = (found.hostNotes ?? []).map((one) => printable(describeHostNote(one)));
      return [head, ...describePlan(found.plan).map((line) => `  ${line}`), ...unread, ...notes];
    }
  }
}
