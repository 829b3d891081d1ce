import { attach, newIncarnation, type ActualState } from "../apply";
import { guestLocatorOf, madeInOf } from "../connections/guest-locator";
import {
  desiredOf,
  priorOf,
  queryForPlug,
  timeoutsOf,
  type AttachmentInputs,
  type AttachmentState,
} from "../resource";
import { limitOf, runOperation, type OperationContext } from "./operation-context";
import { requireSameTarget } from "./same-target";

/** What has been made: its state, and the arguments that stand in it. */
export interface Made {
  readonly state: AttachmentState;
  readonly inputs: AttachmentInputs;
}

/**
 * Brings an attachment to what the inputs want, for create and update.
 *
 * @param made undefined if nothing has been made yet
 * @throws AttachFailure if the attach failed after it had begun; ProviderError if nothing was touched
 */
export function attachDesired(
  context: OperationContext,
  inputs: AttachmentInputs,
  made?: Made,
): Promise<ActualState> {
  const { progress } = context;
  const { attachSeconds, detachSeconds } = timeoutsOf(inputs);
  const undoSeconds = attachSeconds + detachSeconds;
  const limitSeconds = limitOf(context, made === undefined ? attachSeconds : undoSeconds);
  const prior = made && priorOf(made.state);
  return runOperation(context, inputs, limitSeconds + undoSeconds, async (signal) => {
    const locator = guestLocatorOf(inputs, undefined, made && madeInOf(made.state, made.inputs));
    const owner = inputs.ownerToken;
    const hypervisor = await context.connections.open(locator, { signal, progress, willLock: true, owner });
    return attach(hypervisor, {
      desired: { ...desiredOf(inputs), fresh: newIncarnation() },
      query: queryForPlug(inputs, prior),
      limitSeconds,
      undoSeconds,
      progress,
      signal,
      ...(prior && { prior }),
      ...(made && { verify: (observation) => requireSameTarget(inputs, made.state, observation) }),
    });
  });
}
