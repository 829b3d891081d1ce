import type { DesiredAttachment, Observation, PriorAttachment } from "../plan";
import type { ActualState } from "./actual-state";
import type { ObservationQuery, Progress } from "./ports";

/** What `attach` needs. */
export interface AttachRequest {
  readonly desired: DesiredAttachment;
  readonly query: ObservationQuery;
  /** From the state of the resource, where there is one. */
  readonly prior?: PriorAttachment;
  /** Refuses an observation of the wrong host or guest, before anything is touched. */
  readonly verify?: (observation: Observation) => void;
  readonly limitSeconds: number;
  /** For undoing: it has a limit of its own, because the first one may be what ended the operation. */
  readonly undoSeconds: number;
  readonly progress: Progress;
  /** Gives up the waiting before the first step; what has begun is finished or undone all the same. */
  readonly signal?: AbortSignal;
}

/**
 * An attach that failed after it had begun; `actual` is what is there now, undefined if nothing is left.
 */
export class AttachFailure extends Error {
  override readonly name = "AttachFailure";
  readonly actual: ActualState | undefined;
  /** Whether the guest has what was wanted all the same, and only what comes after that is not done. */
  readonly stands: boolean;

  constructor(error: Error, actual: ActualState | undefined, stands = false) {
    super(error.message, { cause: error });
    this.actual = actual;
    this.stands = stands;
  }
}
