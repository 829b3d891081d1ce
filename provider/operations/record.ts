import { Deadline } from "../async";
import { readAmbientCredentials } from "../connections/credentials";
import { HypervisorPool } from "../connections/hypervisor-pool";
import { toPublicError } from "../connections/public-error";
import { SshTargetResolver } from "../connections/ssh-target-resolver";
import { printable } from "../errors";
import { recordingOf, type HostRecording } from "../host/recording";
import type { InspectOptions } from "./inspect";
import { parseInspectionArguments } from "./inspection-arguments";

/** A host with a thousand functions, over a slow link, is read in less. */
const LIMIT_SECONDS = 120;

/**
 * Reads what a report may carry of a host: what there is by its kernel's names, and nothing that tells whose
 * host it is. Nothing is changed, and the connection is closed when it is done.
 *
 * @param args `connection`, as an attachment has it
 * @throws ArgumentError; ProviderError, such as those of SSH
 */
export async function recordHost(args: unknown, options: InspectOptions): Promise<HostRecording> {
  const { environment, config, progress = () => undefined } = options;
  const ambient = readAmbientCredentials(config, environment);
  const { connection } = parseInspectionArguments(args, ambient);
  const say = (line: string): void => progress(line);
  const connections = new HypervisorPool(new SshTargetResolver({ environment, ambient, say }), options.plain);
  const { signal } = Deadline.start("look at the host", LIMIT_SECONDS, options.signal);
  try {
    progress(`connecting to ${printable(connection.host)}`);
    const host = await connections.openHost({ dialErrorLimit: 1, ...connection }, { signal });
    progress(`reading ${host.label}`);
    return recordingOf(await host.readTree(signal));
  } catch (error) {
    throw toPublicError(error, printable(connection.host));
  } finally {
    await connections.close();
  }
}
