import type { LibvirtUri } from "../hypervisor/libvirt";
import type { MadeIn, Privilege } from "../hypervisor/plain-qemu";
import type { AttachmentInputs, AttachmentState, ConnectionInputs } from "../resource";

/** Which guest, over which connection. */
export type GuestLocator = LibvirtLocator | SocketLocator;

/** A guest that libvirt manages. */
export interface LibvirtLocator {
  readonly connection: ConnectionInputs;
  readonly by: "libvirt";
  /** Name or UUID. */
  readonly guest: string;
  readonly uri: LibvirtUri | undefined;
}

/** A QEMU that nobody manages. */
export interface SocketLocator {
  readonly connection: ConnectionInputs;
  readonly by: "socket";
  /** Path of its monitor's socket on the host. */
  readonly socket: string;
  readonly privilege: Privilege;
  /** The guest that an attachment was made in, if there is an attachment. */
  readonly guestUuid?: string;
  /** See PlainHypervisorOptions. */
  readonly madeIn?: MadeIn;
}

/**
 * The guest that the arguments lead to.
 *
 * @param guestUuid the guest that an attachment was made in: its name, or its socket, may be another guest's
 * by now
 * @param madeIn what the state says of that guest, if the guest that has the name or the socket now is wanted
 */
export function guestLocatorOf(
  { connection, guest }: Pick<AttachmentInputs, "connection" | "guest">,
  guestUuid?: string,
  madeIn?: MadeIn,
): GuestLocator {
  const { domain, uri, qmpSocket, privilege } = guest;
  if (qmpSocket !== undefined)
    return {
      connection,
      by: "socket",
      socket: qmpSocket,
      privilege: privilege ?? "login",
      ...(guestUuid !== undefined && { guestUuid }),
      ...(madeIn && { madeIn }),
    };
  const name = guestUuid ?? domain;
  if (name === undefined) throw new TypeError("the stored arguments name no guest");
  return { connection, by: "libvirt", guest: name, uri };
}

/** The guest of a state, and the socket in the arguments beside it. */
export function madeInOf(
  { guestUuid }: Pick<AttachmentState, "guestUuid">,
  { guest }: Pick<AttachmentInputs, "guest">,
): MadeIn {
  return { guestUuid, ...(guest.qmpSocket !== undefined && { socket: guest.qmpSocket }) };
}
