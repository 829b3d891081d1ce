import type { AttachFailure } from "../apply";
import type { Properties } from "./properties";

/** A failure after which something is there: the resource has to be kept, with these properties. */
export class PartialAttachment extends Error {
  override readonly name = "PartialAttachment";
  readonly id: string;
  readonly properties: Properties;

  constructor(id: string, properties: Properties, cause: AttachFailure) {
    super(cause.message, { cause });
    this.id = id;
    this.properties = properties;
  }
}
