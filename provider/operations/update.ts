import { AttachFailure, type ActualState } from "../apply";
import {
  composeState,
  parseCheckedInputs,
  parseState,
  type AttachmentInputs,
  type AttachmentState,
} from "../resource";
import { attachDesired } from "./attach-desired";
import type { OperationContext } from "./operation-context";
import { PartialAttachment } from "./partial-attachment";
import { ownInputs, type Properties } from "./properties";

/** What {@link updateAttachment} goes from, and to. */
export interface UpdateRequest {
  readonly id: string;
  /** The state. */
  readonly olds: Properties;
  /** The checked inputs of now. */
  readonly news: Properties;
}

/**
 * Changes an attachment in place, or repairs it.
 *
 * @returns what is there, and the inputs it was made from
 * @throws PartialAttachment if it failed after it had begun; ProviderError if nothing was touched
 */
export async function updateAttachment(
  context: OperationContext,
  { id, olds, news }: UpdateRequest,
): Promise<Properties> {
  const inputs = parseCheckedInputs(news);
  const state = parseState(olds);
  try {
    const actual = await attachDesired(context, inputs, { state, inputs: parseCheckedInputs(olds) });
    return composeState(ownInputs(news), actual);
  } catch (error) {
    if (!(error instanceof AttachFailure)) throw error;
    const after = stateAfterFailure(ownInputs(olds), ownInputs(news), state, error);
    throw new PartialAttachment(id, after, error);
  }
}

/**
 * The properties that a resource has after an update that failed. If the old set was put back, they have the
 * old arguments, with today's way to the host. If nothing could be put back, or the new set stands, they have
 * the new arguments, which the next update aims at.
 */
export function stateAfterFailure(
  olds: Partial<AttachmentInputs>,
  news: Partial<AttachmentInputs>,
  state: AttachmentState,
  { actual, stands }: Pick<AttachFailure, "actual" | "stands">,
): Properties {
  const isOldBack = !stands && (actual?.attached.length ?? 0) > 0;
  const { connection } = news;
  const inputs = isOldBack ? { ...olds, ...(connection && { connection }) } : news;
  return composeState(inputs, actual ?? nothingAttached(state));
}

/** On the same host and guest as the state. */
function nothingAttached({
  hostUuid,
  hostKeyFingerprint,
  guestUuid,
  incarnation,
}: AttachmentState): ActualState {
  return {
    ...(incarnation !== null && { incarnation }),
    hostUuid,
    ...(hostKeyFingerprint !== null && { hostKeyFingerprint }),
    guestUuid,
    guest: { guestConfigured: false },
    attached: [],
    held: [],
  };
}
