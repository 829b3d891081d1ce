import { causeText, providerError, printable, ProviderError } from "../errors";
import { HostSetupError } from "../hypervisor/plain-qemu";
import {
  LibvirtDisconnectedError,
  LibvirtError,
  LibvirtErrorCode,
  LibvirtProtocolError,
} from "../libvirt-rpc";
import { QmpDisconnectedError, QmpError, QmpProtocolError } from "../qmp";

/**
 * The error of the catalogue for one that a protocol's room has thrown and that nobody on the way has put
 * into words; any other error as it is, with a message that a terminal shows and does not obey.
 *
 * @param target the host, for the message
 */
export function toPublicError(error: unknown, target: string): unknown {
  if (error instanceof HostSetupError) return error.toProviderError([]);
  const reason = causeText(error);
  if (error instanceof LibvirtProtocolError)
    return providerError("PROTOCOL_BROKEN", { target, reason }, error);
  if (error instanceof QmpProtocolError)
    return providerError("QMP_PROTOCOL_BROKEN", { target, reason }, error);
  if (error instanceof LibvirtDisconnectedError)
    return providerError("LIBVIRT_CONNECTION_LOST", { target, reason }, error);
  if (error instanceof QmpDisconnectedError)
    return providerError("QMP_CONNECTION_LOST", { target, reason }, error);
  if (error instanceof LibvirtError) {
    const missingDaemon = findMissingDaemon(error);
    const details = { target, reason, ...(missingDaemon !== undefined && { missingDaemon }) };
    return providerError("LIBVIRT_REFUSED", details, error);
  }
  if (error instanceof QmpError) {
    // the message names QEMU already
    return providerError("QEMU_REFUSED", { target, reason: causeText(error.description) }, error);
  }
  // made printable already, line by line; a failed attach has the message of its cause
  if (error instanceof ProviderError || (error instanceof Error && error.cause instanceof ProviderError))
    return error;
  if (error instanceof Error && error.message !== printable(error.message))
    error.message = printable(error.message);
  return error;
}

/**
 * virtqemud asks another daemon for what is not QEMU's, such as virtnodedevd for a host's devices. Its words
 * have the socket's path in whichever language (libvirt 7.0 to 12.9, src/rpc/virnetsocket.c:
 * virNetSocketNewConnectUNIX).
 */
function findMissingDaemon({ code, libvirtMessage }: LibvirtError): string | undefined {
  if (code !== LibvirtErrorCode.SYSTEM_ERROR) return undefined;
  return /\/(virt[a-z]{1,20}d)-sock\b/.exec(libvirtMessage)?.[1];
}
