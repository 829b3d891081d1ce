import { credentialChecks } from "../connections/credential-checks";
import { findInputFailures, normaliseInputs, type InputFailure } from "../resource";
import type { OperationContext } from "./operation-context";
import { previewCreate } from "./preview";
import type { Properties } from "./properties";

/** What {@link checkAttachment} judges. */
export interface CheckRequest {
  /** The inputs of the last time; empty for a resource that is to be created. */
  readonly olds: Properties;
  readonly news: Properties;
  /** Whether the plan of a create is told here, for an engine that calls nothing else in its preview. */
  readonly previewsCreate: boolean;
}

/** What the check makes of the inputs. */
export interface Checked {
  /** In their normal spelling, without a default filled in. */
  readonly inputs: Properties;
  /** Everything wrong at once. */
  readonly failures: readonly InputFailure[];
}

/** Checks the arguments. The owner token of the old inputs stays, so that an aliased rename keeps it. */
export async function checkAttachment(
  context: OperationContext,
  { olds, news, previewsCreate }: CheckRequest,
): Promise<Checked> {
  const oldToken = olds["ownerToken"];
  const given = typeof oldToken === "string" ? { ...news, ownerToken: oldToken } : news;
  const { targets } = context.connections;
  const knownHosts = await targets.knownHostsByHopOf(given["connection"]);
  const failures = findInputFailures(given, credentialChecks(targets.ambient, knownHosts));
  const inputs = normaliseInputs(given);
  const isNew = oldToken === undefined;
  if (previewsCreate && isNew && failures.length === 0) await previewCreate(context, inputs);
  return { inputs, failures };
}
