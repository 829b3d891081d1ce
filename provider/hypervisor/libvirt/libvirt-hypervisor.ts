import { providerError } from "../../errors";
import type { Hypervisor, Lock } from "../../apply";
import type { LibvirtDomain } from "../../libvirt-rpc";
import type { HostFacts } from "../../host/facts";
import type { FindPlaces } from "../locate-guest-devices";
import { QmpGuest, type ReadNodeUse } from "../qemu";
import type { ReadFunctionFacts } from "../read-function-facts";
import { LibvirtHost } from "./libvirt-host";
import { LibvirtLedger } from "./libvirt-ledger";
import { LibvirtMonitor } from "./libvirt-monitor";
import type { LibvirtSession } from "./libvirt-session";

/** What a libvirt hypervisor is put together from. */
export interface LibvirtHypervisorOptions {
  readonly session: LibvirtSession;
  /** Name or UUID of the guest. */
  readonly guest: string;
  readonly lock: Lock;
  readonly readHostFacts: (signal: AbortSignal) => Promise<HostFacts>;
  /** See LibvirtObserverParts. */
  readonly findPlaces?: FindPlaces;
  /** Default: of a node that QEMU cannot open, who has it is not looked for. */
  readonly readNodeUse?: ReadNodeUse;
  /** Default: functions are not looked at before they are taken. */
  readonly readFunctionFacts?: ReadFunctionFacts;
  /** Told of the guest when it is found. */
  readonly onFound?: (guest: { readonly name: string; readonly uuid: string }) => void;
}

/** One guest of a libvirt host: libvirt holds the functions, QEMU plugs them (architecture.md). */
export function libvirtHypervisor(options: LibvirtHypervisorOptions): Hypervisor {
  const { session, guest, lock, readHostFacts, readNodeUse, readFunctionFacts, findPlaces, onFound } =
    options;
  let found: LibvirtDomain | undefined;
  const domain = (): LibvirtDomain => {
    if (found === undefined) throw providerError("GUEST_NOT_FOUND", { guest });
    return found;
  };
  const onDomain = (one: LibvirtDomain): void => {
    found = one;
    onFound?.(one);
  };
  const monitor = new LibvirtMonitor(session, domain);
  return {
    label: session.label,
    guestName: guest,
    host: new LibvirtHost({
      session,
      monitor,
      guest,
      readHostFacts,
      onDomain,
      ...(findPlaces && { findPlaces }),
      ...(readNodeUse && { readNodeUse }),
      ...(readFunctionFacts && { readFunctionFacts }),
    }),
    guest: new QmpGuest(monitor, readNodeUse),
    ledger: new LibvirtLedger(session, domain),
    lock,
  };
}
