import { LibvirtError, LibvirtErrorCode } from "../../libvirt-rpc";

/**
 * Repeats a call that libvirt refused because someone else held the guest's job for 30 s; libvirt did
 * nothing then. The signal ends it.
 */
export async function retryBusyJob<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isBusy = error instanceof LibvirtError && error.code === LibvirtErrorCode.OPERATION_TIMEOUT;
      if (!isBusy || signal === undefined || signal.aborted) throw error;
    }
  }
}
