import { detach, type Hypervisor, type Progress } from "../apply";
import { guestLocatorOf } from "../connections/guest-locator";
import { causeText, hasCode, providerError } from "../errors";
import {
  addressesOf,
  parseCheckedInputs,
  parseState,
  priorOf,
  timeoutsOf,
  type AttachmentState,
} from "../resource";
import { limitOf, runOperation, type OperationContext } from "./operation-context";
import type { Properties } from "./properties";
import { requireSameHost } from "./same-target";

/** Set to 1, a delete forgets what it cannot reach: for hosts that no longer exist. Off by default. */
export const FORGET_VARIABLE = "MULTIFUNCTION_PCI_FORGET_UNREACHABLE";

/** How {@link deleteAttachment} goes about it. */
export interface DeleteOptions {
  /** Whether the user has set {@link FORGET_VARIABLE}. */
  readonly forgetsUnreachable: boolean;
}

/**
 * Takes everything of an attachment out of its guest, and gives it back to the host.
 *
 * @param properties the state
 * @throws HOST_NOT_VERIFIED if the host does not answer; ProviderError
 */
export async function deleteAttachment(
  context: OperationContext,
  properties: Properties,
  { forgetsUnreachable }: DeleteOptions,
): Promise<void> {
  const { connections, progress } = context;
  const inputs = parseCheckedInputs(properties);
  const state = parseState(properties);
  const prior = priorOf(state);
  const limitSeconds = limitOf(context, timeoutsOf(inputs).detachSeconds);
  await runOperation(context, inputs, limitSeconds, async (signal) => {
    // the guest that the attachment was made in, by its UUID: its name may be another guest's by now
    const hypervisor = await connections
      .open(guestLocatorOf(inputs, state.guestUuid), {
        ...{ signal, progress, willLock: true },
        owner: inputs.ownerToken,
      })
      .catch((cause: unknown) => {
        if (hasCode(cause, "SSH_DIAL_FAILED")) return unreachable(state, cause, forgetsUnreachable, progress);
        throw cause;
      });
    if (hypervisor === undefined) return;
    await detach(hypervisor, {
      ownerToken: inputs.ownerToken,
      query: { addresses: addressesOf(inputs, prior), forUnplug: true },
      allowDisconnect: inputs.allowDisconnect ?? false,
      guestUuid: state.guestUuid,
      prior,
      verify: (observation) => requireSameHost(inputs, state, observation),
      limitSeconds,
      progress,
      signal,
    });
  });
}

/**
 * A host that does not answer is no proof that its functions are free: only the user can know that it is
 * gone.
 *
 * @returns no hypervisor, if the user says so
 */
function unreachable(
  { attached, held, guestUuid }: AttachmentState,
  cause: unknown,
  forgets: boolean,
  progress: Progress,
): Hypervisor | undefined {
  const reason = causeText(cause);
  if (forgets) {
    progress(`forgotten without a look at the host, as ${FORGET_VARIABLE} asks: ${reason}`);
    return undefined;
  }
  const functions = [...attached, ...held].map((one) => one.hostAddress);
  throw providerError(
    "HOST_NOT_VERIFIED",
    { functions, guestUuid, reason, variable: FORGET_VARIABLE },
    cause,
  );
}
