import type { AttachFailure, ActualState } from "../apply";
import { composeState, type AttachmentInputs, type AttachmentState } from "../resource";

/**
 * The properties that a resource has after an update that failed. Where the old set was put back, the old arguments stand beside
 * it, with today's way to the host; where nothing could be put back, or the new set stands, the new ones, which the next update
 * aims at.
 */
export function stateAfterFailure(
  olds: Partial<AttachmentInputs>,
  news: Partial<AttachmentInputs>,
  { hostUuid, hostKeyFingerprint, guestUuid, incarnation }: AttachmentState,
  { actual, stands }: Pick<AttachFailure, "actual" | "stands">,
): object {
  const nothing: ActualState = {
    ...(incarnation !== null && { incarnation }),
    hostUuid,
    ...(hostKeyFingerprint !== null && { hostKeyFingerprint }),
    guestUuid,
    guest: { guestConfigured: false },
    attached: [],
    held: [],
  };
  const isOldBack = !stands && (actual?.attached.length ?? 0) > 0;
  const { connection } = news;
  const inputs = isOldBack ? { ...olds, ...(connection && { connection }) } : news;
  return composeState(inputs, actual ?? nothing);
}
