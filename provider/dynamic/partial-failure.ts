import { toEngineProperties, type StateValue } from "./engine-values";

/**
 * A failure after which something is there: Pulumi keeps the resource with these properties, prints the
 * reasons only, and calls update at the next `up` even if nothing in the program has changed.
 */
export class PartialFailure extends Error {
  override readonly name = "PartialFailure";
  readonly id: string;
  readonly properties: Record<string, StateValue>;
  readonly reasons: string[];

  constructor(id: string, properties: object, cause: Error) {
    super(cause.message, { cause });
    this.id = id;
    this.properties = toEngineProperties(properties);
    this.reasons = [cause.message];
  }
}
