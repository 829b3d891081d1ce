import { AttachFailure } from "../apply";
import { attachmentIdOf } from "../plan";
import { composeState, parseCheckedInputs } from "../resource";
import { attachDesired } from "./attach-desired";
import type { OperationContext } from "./operation-context";
import { PartialAttachment } from "./partial-attachment";
import { ownInputs, type Properties } from "./properties";

/** An attachment that was made. */
export interface Created {
  readonly id: string;
  /** What is there, and the inputs it was made from. */
  readonly properties: Properties;
}

/**
 * Makes an attachment from inputs that the check let pass.
 *
 * @throws PartialAttachment if it failed and something is left; ProviderError; AttachFailure if all was
 * undone
 */
export async function createAttachment(context: OperationContext, inputs: Properties): Promise<Created> {
  const checked = parseCheckedInputs(inputs);
  const id = attachmentIdOf(checked.ownerToken);
  try {
    const actual = await attachDesired(context, checked);
    return { id, properties: composeState(ownInputs(inputs), actual) };
  } catch (error) {
    if (!(error instanceof AttachFailure) || error.actual === undefined) throw error;
    throw new PartialAttachment(id, composeState(ownInputs(inputs), error.actual), error);
  }
}
