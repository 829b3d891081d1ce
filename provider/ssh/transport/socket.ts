import { connect, type Socket } from "node:net";
import { DialFailure, describeSocketError } from "./dial-failure";
import { abortReason, onAbort } from "../../async/abort";

/**
 * Time for one of several addresses of a name before the next is tried. Node's default of 250 ms ends
 * attempts over slow links that would have succeeded.
 */
const PER_ADDRESS_MS = 2500;

/**
 * Opens a TCP connection to the host.
 *
 * @throws DialFailure; the signal's reason
 */
export async function openTcp(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  if (signal.aborted) throw abortReason(signal);
  const socket = connect({ host, port, noDelay: true, autoSelectFamilyAttemptTimeout: PER_ADDRESS_MS });
  return new Promise((resolve, reject) => {
    const end = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const stop = onAbort(signal, () => end(abortReason(signal)));
    socket.once("connect", () => {
      stop();
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      stop();
      end(new DialFailure(describeSocketError(error), { cause: error }));
    });
  });
}
