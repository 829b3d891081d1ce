import type { MadeIn } from "../hypervisor/plain-qemu";
import type { AttachmentInputs, AttachmentState } from "../resource";
import type { GuestLocator } from "./hypervisor-pool";

/**
 * Where the arguments lead to.
 *
 * @param guestUuid the guest that an attachment was made in: its name, or its socket, may be another's by now
 * @param madeIn what the state tells of that guest, where whichever has the name or the socket is asked for
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
