import type { DesiredAttachment, PriorAttachment } from "./desired";
import type { Observation } from "./observation";

/** What an attachment is planned from. */
export interface PlanRequest {
  readonly observation: Observation;
  readonly desired: DesiredAttachment;
  /** Undefined for a create. */
  readonly prior: PriorAttachment | undefined;
}
