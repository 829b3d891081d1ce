import {
  changedArguments,
  hasUnknown,
  isSameState,
  parseCheckedInputs,
  parseState,
  withSpelling,
  type AttachmentState,
} from "../resource";
import type { OperationContext } from "./operation-context";
import { describePreview, NOT_KNOWN_YET, previewAttachment, type Preview } from "./preview";
import type { Properties } from "./properties";

/** What an update would do. */
export interface AttachmentDiff {
  readonly changes: boolean;
  /** Names of the arguments that differ; none if only what is there differs from the state. */
  readonly changedArguments: readonly string[];
  /**
   * Names of the arguments that ask for a replacement; empty for a change in place. A replacement always
   * deletes first: the new attachment could not have the functions otherwise.
   */
  readonly replaces: readonly string[];
}

/**
 * Compares the state with the inputs of now and with what is there, and tells the plan.
 *
 * @param olds the state
 * @param news the checked inputs of now
 */
export async function diffAttachment(
  context: OperationContext,
  olds: Properties,
  news: Properties,
): Promise<AttachmentDiff> {
  const oldInputs = parseCheckedInputs(olds);
  if (hasUnknown(news)) {
    context.progress(NOT_KNOWN_YET);
    return { changes: true, changedArguments: [], replaces: [] };
  }
  const newInputs = parseCheckedInputs(news);
  const state = parseState(olds);
  const preview = await previewAttachment(context, newInputs, { state, inputs: oldInputs });
  const otherNames = "otherNames" in preview ? preview.otherNames : [];
  const changed = changedArguments(oldInputs, withSpelling(newInputs, oldInputs, otherNames));
  const changes = changed.length > 0 || differsFrom(state, preview);
  if (changes || preview.kind !== "planned")
    for (const line of describePreview(preview, changed.length > 0 ? "change" : "no change"))
      context.progress(line);
  if (preview.kind === "another")
    return { changes: true, changedArguments: changed, replaces: changed.length > 0 ? changed : ["guest"] };
  return { changes, changedArguments: changed, replaces: [] };
}

/** Whether an update has something to do, or to write down; a host that cannot be read is no change. */
function differsFrom(state: AttachmentState, preview: Preview): boolean {
  switch (preview.kind) {
    case "planned":
      return preview.plan.steps.length > 0 || !isSameState(state, preview.actual);
    case "refused":
      return true;
    case "another":
    case "unreachable":
      return false;
  }
}
