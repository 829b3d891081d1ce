import type { Progress } from "../apply";
import { anySignal } from "../async/abort";
import type { HypervisorPool } from "../connections/hypervisor-pool";
import { toPublicError } from "../connections/public-error";
import type { SshTargetResolver } from "../connections/ssh-target-resolver";
import type { AttachmentInputs } from "../resource";
import type { RunningOperations } from "./running-operations";

export type { Progress };

/** What the operations need of the pool. */
export interface Connections extends Pick<HypervisorPool, "open" | "openForPreview"> {
  readonly targets: Pick<SshTargetResolver, "ambient" | "knownHostsByHopOf">;
}

/** What an adapter hands to each operation. */
export interface OperationContext {
  readonly connections: Connections;
  /** Where the operation is noted until it has ended. */
  readonly running: RunningOperations;
  /**
   * Told of the plan, of each step and of what is noteworthy, a line each. The lines quote the host and the
   * guest: make them printable where they are shown.
   */
  readonly progress: Progress;
  /**
   * Gives up what this operation waits for, and lets it finish what it has begun; so does the end of all
   * operations.
   */
  readonly signal?: AbortSignal;
  /** Outer limit in seconds of attach and detach, beside that of the arguments. Default: none. */
  readonly timeoutSeconds?: number;
}

/** The limit that the arguments give, or the context's if that is shorter. */
export function limitOf({ timeoutSeconds = Infinity }: OperationContext, seconds: number): number {
  return Math.min(seconds, timeoutSeconds);
}

/**
 * Runs an operation that reaches for a host.
 *
 * @param inputs name the host, for messages
 * @param limitSeconds how long the operation may take, once it has begun to touch something
 * @param body its signal asks it to give up what it waits for, and to finish what it has begun
 * @throws PROVIDER_ENDING; what the body throws, the errors of protocols as ProviderErrors
 */
export async function runOperation<T>(
  { running, signal }: OperationContext,
  { connection }: Pick<AttachmentInputs, "connection">,
  limitSeconds: number,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await running.run(limitSeconds, (ending) => body(anySignal(ending, signal)));
  } catch (error) {
    throw toPublicError(error, connection.host);
  }
}
