import { actualStateOf, type ActualState } from "../apply";
import { Deadline } from "../async";
import { guestLocatorOf } from "../connections/guest-locator";
import { findOwned, requireNotTakenOver } from "../plan";
import { addressesOf, composeState, parseCheckedInputs, parseState, priorOf } from "../resource";
import type { Made } from "./attach-desired";
import { runOperation, type OperationContext } from "./operation-context";
import { ownInputs, type Properties } from "./properties";
import { requireSameHost } from "./same-target";

/** As long as an attach may take by default: a read is all that a refresh does. */
const READ_SECONDS = 60;

/** An attachment that is there. */
export interface ReadAttachment {
  /** What is there, and the inputs beside it. */
  readonly properties: Properties;
  /** The inputs alone. */
  readonly inputs: Properties;
}

/**
 * Reads what is there of an attachment; changes nothing.
 *
 * @param properties the state
 * @returns undefined if nothing of it is there any more
 * @throws ProviderError, also if it is another state's by now: "gone" would have the next `up` make it anew
 */
export async function readAttachment(
  context: OperationContext,
  properties: Properties,
): Promise<ReadAttachment | undefined> {
  const made = { inputs: parseCheckedInputs(properties), state: parseState(properties) };
  const actual = await runOperation(context, made.inputs, READ_SECONDS, (signal) =>
    readActual(context, made, signal),
  );
  if (actual === undefined) return undefined;
  const inputs = ownInputs(properties);
  return { properties: composeState(inputs, actual), inputs };
}

async function readActual(
  { connections, progress }: OperationContext,
  { inputs, state }: Made,
  asked: AbortSignal,
): Promise<ActualState | undefined> {
  const { signal } = Deadline.start("look at the host", READ_SECONDS, asked);
  const prior = priorOf(state);
  const { ownerToken } = inputs;
  const hypervisor = await connections.open(guestLocatorOf(inputs, state.guestUuid), { signal });
  const observation = await hypervisor.host.observe({ addresses: addressesOf(inputs, prior) }, signal);
  requireSameHost(inputs, state, observation);
  // two stacks would take it from each other in turns
  requireNotTakenOver(observation, findOwned(observation, ownerToken), prior);
  return actualStateOf(hypervisor, { observation, ownerToken, prior, progress }, signal);
}
