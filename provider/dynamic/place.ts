import type { AttachmentInputs } from "../resource";
import type { GuestPlace } from "./hypervisors";

/**
 * Where the arguments lead to.
 *
 * @param guestUuid the guest that an attachment was made in: its name, or its socket, may be another's by now
 */
export function placeOf(
  { connection, guest }: Pick<AttachmentInputs, "connection" | "guest">,
  guestUuid?: string,
): GuestPlace {
  const { domain, uri, qmpSocket, privilege } = guest;
  if (qmpSocket !== undefined)
    return {
      connection,
      by: "socket",
      socket: qmpSocket,
      privilege: privilege ?? "login",
      ...(guestUuid !== undefined && { guestUuid }),
    };
  const name = guestUuid ?? domain;
  if (name === undefined) throw new TypeError("the stored arguments name no guest");
  return { connection, by: "libvirt", guest: name, uri };
}
