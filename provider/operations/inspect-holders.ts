import type { OpenHost } from "../connections/hypervisor-pool";
import { causeText, hasCode } from "../errors";
import type { GuestDevices } from "../host/facts";
import type { Holders, InspectionInput } from "../inspect";
import type { PciAddress } from "../pci";

const HOST_URI = "qemu:///system";

/** The functions that are listed on a host, and where what cannot be known is noted. */
export interface InspectedHost {
  readonly host: OpenHost;
  readonly listed: Promise<readonly PciAddress[]>;
  readonly notes: string[];
}

/** Who has functions, and what running guests have by way of the host's own drivers. */
export interface SeenHolders {
  readonly seen: InspectionInput["seen"];
  /** Undefined where it was not looked at, or is in the observation. */
  readonly guestDevices?: GuestDevices;
}

/**
 * Who has functions of a host: by libvirt; without libvirt, by the ledger's files and the processes of the
 * host.
 */
export async function inspectHolders(inspected: InspectedHost, signal: AbortSignal): Promise<SeenHolders> {
  let reason: string;
  try {
    const { guests, guestDevices = [], ...holders } = await inspected.host.runningGuests(HOST_URI, signal);
    return {
      seen: { by: "host", holders, guests },
      guestDevices: await inspected.host.locateGuestDevices(guestDevices, signal),
    };
  } catch (cause) {
    if (!hasCode(cause, "LIBVIRT_UNREACHABLE", "LIBVIRT_TOO_OLD")) throw cause;
    reason = causeText(cause);
  }
  const { guestDevices, ...holders } = await holdersWithoutLibvirt(inspected, reason, signal);
  return { seen: { by: "host", holders }, ...(guestDevices && { guestDevices }) };
}

/** @param reason why libvirt cannot be asked */
async function holdersWithoutLibvirt(
  { host, listed, notes }: InspectedHost,
  reason: string,
  signal: AbortSignal,
): Promise<Holders & Pick<SeenHolders, "guestDevices">> {
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
