import { sleep } from "../../async/sleep";
import { LibvirtError, LibvirtErrorCode } from "../../libvirt-rpc";

/** libvirtd itself has waited 30 s by then; one that refuses at once must not be asked without a pause. */
const PAUSE_MS = 250;

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
      // The next call throws the signal's reason.
      await sleep(PAUSE_MS, signal).catch(() => undefined);
    }
  }
}
