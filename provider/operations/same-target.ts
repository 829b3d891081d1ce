import { providerError } from "../errors";
import type { Observation } from "../plan";
import {
  identityOf,
  isOtherHost,
  isOtherTarget,
  type AttachmentInputs,
  type AttachmentState,
} from "../resource";

/** @throws ANOTHER_HOST if the observation is of another host than the state. */
export function requireSameHost(
  inputs: AttachmentInputs,
  state: AttachmentState,
  observation: Observation,
): void {
  if (!isOtherHost(state, identityOf(observation, inputs.ownerToken))) return;
  throw providerError("ANOTHER_HOST", {
    host: inputs.connection.host,
    expected: state.hostUuid,
    actual: observation.hostUuid,
    expectedKey: state.hostKeyFingerprint ?? undefined,
    actualKey: observation.hostKeyFingerprint,
  });
}

/** @throws ANOTHER_HOST, or ANOTHER_GUEST if the observation is of another guest than the state. */
export function requireSameTarget(
  inputs: AttachmentInputs,
  state: AttachmentState,
  observation: Observation,
): void {
  if (!isOtherTarget(state, identityOf(observation, inputs.ownerToken))) return;
  requireSameHost(inputs, state, observation);
  const { name, uuid } = observation.guest;
  throw providerError("ANOTHER_GUEST", { guest: name, expected: state.guestUuid, actual: uuid });
}
