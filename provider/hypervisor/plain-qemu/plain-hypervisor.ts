import type { Hypervisor, Lock } from "../../apply";
import type { HostFacts } from "../../host/facts";
import type { QmpMonitor } from "../../qmp";
import { QmpGuest } from "../qemu";
import type { HostChannels, Privilege } from "./program/host-channels";
import { HOST_FOLDERS, type HostFolders } from "./program/host-folders";
import { HostRequests } from "./program/host-requests";
import { ledgerFileName } from "./ledger-file";
import { PlainHost } from "./plain-host";
import { PlainLedger, type SeenLedger } from "./plain-ledger";
import { QmpSession } from "./qmp-session";
import { filesFor, type MadeIn, type SocketGuest } from "./socket-guest";

/** What a host without libvirt is reached by, and where. */
export interface PlainGuestLocator {
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
export interface PlainHypervisorOptions extends PlainGuestLocator {
  /** Shared by all who speak to this guest. */
  readonly monitor: QmpMonitor;
  /** The guest that an attachment was made in, where there is one. */
  readonly guestUuid?: string;
  /** What the state tells of it, where the guest at the socket is asked for, whichever it is by now. */
  readonly madeIn?: MadeIn;
  readonly lock: Lock;
  readonly readHostFacts: (signal: AbortSignal) => Promise<HostFacts>;
}

/** The monitor of a guest: its socket forwarded; where that is refused, by a relay program on the host. */
export function plainMonitor(locator: PlainGuestLocator): QmpSession {
  const { channels, relayChannels, socket, privilege, folders } = locator;
  const requests = new HostRequests(relayChannels, privilege, folders);
  const relays = "a relay program on the host (socat, ncat, nc, python3 or perl)";
  return new QmpSession({
    label: channels.label,
    socket,
    dialers: [
      { name: "socket forwarding", open: (signal) => channels.openUnixSocket(socket, signal) },
      { name: relays, open: (signal) => requests.relay(socket, signal) },
    ],
  });
}

/** One guest whose QEMU nobody manages: the host program binds, QEMU plugs. */
export function plainHypervisor(options: PlainHypervisorOptions): Hypervisor {
  const { channels, socket, monitor, privilege, lock, readHostFacts, guestUuid, madeIn } = options;
  const folders = options.folders ?? HOST_FOLDERS;
  const requests = new HostRequests(channels, privilege, folders);
  const { label, hostKeyFingerprint } = channels;
  let found: SocketGuest | undefined;
  const seen = new Map<string, SeenLedger>();
  const takeSeen = (uuid: string): SeenLedger | undefined => {
    const taken = seen.get(uuid);
    seen.delete(uuid);
    return taken;
  };
  const onLedger = ({ files, home }: SocketGuest): void => {
    seen.clear();
    seen.set(home.guest.uuid, {});
    for (const { name, text, guest } of files)
      if (name === ledgerFileName(guest.uuid)) seen.set(guest.uuid, { text });
  };
  const host = new PlainHost({
    requests,
    monitor,
    socket,
    folders,
    label,
    readHostFacts,
    onGuest: (one) => (found = one),
    onLedger,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    ...(guestUuid !== undefined && { guestUuid }),
    ...(madeIn && { madeIn }),
  });
  return {
    label,
    guestName: socket,
    host,
    guest: new QmpGuest(monitorOfOne(monitor, host)),
    ledger: new PlainLedger({
      requests,
      filesFor: (entry) => {
        if (found === undefined) throw new Error("the guest is looked for before the ledger is written");
        return filesFor(found, entry);
      },
      takeSeen,
    }),
    lock,
  };
}

/** Commands that change what a guest has go to the one guest that the operation is about. */
function monitorOfOne(monitor: QmpMonitor, host: PlainHost): QmpMonitor {
  return {
    execute: async (command, args, signal) => {
      if (command === "device_add" || command === "device_del") await host.requireSameGuest(signal);
      return monitor.execute(command, args, signal);
    },
    listen: (listener, signal) => monitor.listen(listener, signal),
  };
}
