import type { Hypervisor, Lock } from "../../apply";
import type { HostFacts } from "../../host/facts";
import type { QmpMonitor } from "../../qmp";
import { QmpGuest } from "../qemu";
import type { ReadFunctionFacts } from "../read-function-facts";
import type { HostChannels, Privilege } from "./program/host-channels";
import { HOST_FOLDERS, type HostFolders } from "./program/host-folders";
import type { HostRequests } from "./program/host-requests";
import { OperationRequests } from "./program/operation-requests";
import { ledgerFileName } from "./ledger-file";
import { PlainHost } from "./plain-host";
import { PlainLedger, type SeenLedger } from "./plain-ledger";
import { QmpSession } from "./qmp-session";
import { filesFor, type MadeIn, type SocketGuest } from "./socket-guest";

/** What a host without libvirt is reached by, and where. */
export interface PlainGuestLocator {
  readonly channels: HostChannels;
  /** The host program, with the locks that its changes are asked under. */
  readonly requests: HostRequests;
  /** Path of the monitor's socket on the host. */
  readonly socket: string;
  readonly privilege: Privilege;
  /** Default: those of every Linux host. */
  readonly folders?: HostFolders | undefined;
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
  /** The owner token of the attachment, for the host's log. */
  readonly owner?: string | undefined;
  /** In place of reading them again, if the caller has read them already. */
  readonly readHostFacts?: ((signal: AbortSignal) => Promise<HostFacts>) | undefined;
  /** In place of looking at the functions that are named, if the caller has looked at all. */
  readonly readFunctionFacts?: ReadFunctionFacts | undefined;
}

/**
 * The monitor of a guest: its socket forwarded; if that is refused, by way of the host program. With sudo by
 * that alone, which lets a part of the commands through.
 */
export function plainMonitor(locator: PlainGuestLocator): QmpSession {
  const { channels, requests, socket, privilege } = locator;
  const relays = "a relay program on the host (socat, ncat, nc, python3 or perl)";
  const forwarding = {
    name: "socket forwarding",
    open: (signal: AbortSignal) => channels.openUnixSocket(socket, signal),
  };
  return new QmpSession({
    label: channels.label,
    socket,
    dialers: [
      ...(privilege === "login" ? [forwarding] : []),
      { name: relays, open: (signal) => requests.monitor(socket, signal) },
    ],
  });
}

/** One guest whose QEMU nobody manages: the host program binds, QEMU plugs. */
export function plainHypervisor(options: PlainHypervisorOptions): Hypervisor {
  const { channels, socket, lock, readHostFacts, guestUuid, madeIn, owner } = options;
  const folders = options.folders ?? HOST_FOLDERS;
  const requests = new OperationRequests({ requests: options.requests, socket, owner });
  const monitor = requests.monitorOf(options.monitor);
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
    ...(readHostFacts && { readHostFacts }),
    surveyHost: (signal) => options.requests.helper.readFacts(signal),
    readFunctionFacts:
      options.readFunctionFacts ??
      ((names, signal) => options.requests.helper.readFunctionFacts(names, signal)),
    looksAtDetails: options.readFunctionFacts === undefined,
    recent: options.requests.recent,
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
    guest: new QmpGuest(monitorOfOne(monitor, host), (signal) => options.requests.helper.readNodeUse(signal)),
    ledger: new PlainLedger({
      requests,
      filesFor: (entry) => {
        if (found === undefined) throw new Error("the guest is looked for before the ledger is written");
        return filesFor(found, entry);
      },
      takeSeen,
    }),
    lock: requests.lockOf(lock),
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
