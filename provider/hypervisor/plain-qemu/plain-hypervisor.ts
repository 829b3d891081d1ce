import type { Hypervisor, Lock } from "../../lifecycle";
import type { HostSurvey } from "../../pci";
import type { GuestIdentity } from "../../plan";
import type { QmpMonitor } from "../../qmp";
import { QmpGuest } from "../qemu";
import type { HostChannels, Privilege } from "./host-channels";
import { HOST_FOLDERS, type HostFolders } from "./host-folders";
import { HostRequests } from "./host-requests";
import { PlainHost } from "./plain-host";
import { PlainLedger, type SeenLedger } from "./plain-ledger";
import { QmpSession } from "./qmp-session";

/** What a host without libvirt is reached by, and where. */
export interface PlainPlace {
  readonly channels: HostChannels;
  /** For what stays open as long as a monitor is used. */
  readonly relayChannels: HostChannels;
  /** Path of the monitor's socket on the host. */
  readonly socket: string;
  readonly privilege: Privilege;
  /** Default: those of every Linux host. */
  readonly folders?: HostFolders;
}

/** What a hypervisor without libvirt is put together from. */
export interface PlainHypervisorOptions extends PlainPlace {
  /** Shared by all who speak to this guest. */
  readonly monitor: QmpMonitor;
  /** The guest that an attachment was made in, where there is one. */
  readonly guestUuid?: string;
  readonly lock: Lock;
  readonly survey: (signal: AbortSignal) => Promise<HostSurvey>;
}

/** The monitor of a guest: its socket forwarded; where that is refused, by a relay program on the host. */
export function plainMonitor(place: PlainPlace): QmpSession {
  const { channels, relayChannels, socket, privilege, folders } = place;
  const requests = new HostRequests(relayChannels, privilege, folders);
  const relays = "a relay program on the host (socat, ncat, nc, python3 or perl)";
  return new QmpSession({
    label: channels.label,
    socket,
    ways: [
      { name: "socket forwarding", open: (signal) => channels.openUnixSocket(socket, signal) },
      { name: relays, open: (signal) => requests.relay(socket, signal) },
    ],
  });
}

/** One guest whose QEMU nobody manages: the host program binds, QEMU plugs. */
export function plainHypervisor(options: PlainHypervisorOptions): Hypervisor {
  const { channels, socket, monitor, privilege, lock, survey, guestUuid } = options;
  const folders = options.folders ?? HOST_FOLDERS;
  const requests = new HostRequests(channels, privilege, folders);
  const { label, hostKeyFingerprint } = channels;
  let found: GuestIdentity | undefined;
  let seen: { readonly uuid: string; readonly ledger: SeenLedger } | undefined;
  const takeSeen = ({ uuid }: GuestIdentity): SeenLedger | undefined => {
    const taken = seen?.uuid === uuid ? seen.ledger : undefined;
    seen = undefined;
    return taken;
  };
  const guest = (): GuestIdentity => {
    if (found === undefined) throw new Error("the guest is looked for before the ledger is written");
    return found;
  };
  return {
    label,
    guestName: socket,
    host: new PlainHost({
      requests,
      monitor,
      socket,
      folders,
      label,
      survey,
      onGuest: (one) => (found = one),
      onLedger: ({ uuid }, ledger) => (seen = { uuid, ledger }),
      ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
      ...(guestUuid !== undefined && { guestUuid }),
    }),
    guest: new QmpGuest(monitor),
    ledger: new PlainLedger({ requests, socket, guest, takeSeen }),
    lock,
  };
}
