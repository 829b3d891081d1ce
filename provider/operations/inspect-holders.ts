import type { OpenHost } from "../connections/hypervisor-pool";
import { causeText, hasCode } from "../errors";
import type { Holders, InspectionInput } from "../inspect";
import type { PciAddress } from "../pci";

const HOST_URI = "qemu:///system";

/** The functions that are listed on a host, and where what cannot be known is noted. */
export interface InspectedHost {
  readonly host: OpenHost;
  readonly listed: Promise<readonly PciAddress[]>;
  readonly notes: string[];
}

/**
 * Who has functions of a host: by libvirt; without libvirt, by the ledger's files and the processes of the
 * host.
 */
export async function inspectHolders(
  inspected: InspectedHost,
  signal: AbortSignal,
): Promise<InspectionInput["seen"]> {
  let reason: string;
  try {
    const { guests, ...holders } = await inspected.host.runningGuests(HOST_URI, signal);
    return { by: "host", holders, guests };
  } catch (cause) {
    if (!hasCode(cause, "LIBVIRT_UNREACHABLE", "LIBVIRT_TOO_OLD")) throw cause;
    reason = causeText(cause);
  }
  return { by: "host", holders: await holdersWithoutLibvirt(inspected, reason, signal) };
}

/** @param reason why libvirt cannot be asked */
async function holdersWithoutLibvirt(
  { host, listed, notes }: InspectedHost,
  reason: string,
  signal: AbortSignal,
): Promise<Holders> {
  const addresses = await listed;
  try {
    const holders = await host.holders(addresses, signal);
    notes.push(
      "No libvirt is used here: holders are what the host's processes and this provider's records show.",
    );
    return holders;
  } catch (cause) {
    if (!hasCode(cause, "HOST_PROGRAM_FAILED", "HOST_WITHOUT_UUID")) throw cause;
    notes.push(`libvirt's guests are not known: ${reason}`);
    notes.push(`Who holds a function is not known: ${causeText(cause)}`);
    return { holdings: [], ledger: [] };
  }
}
