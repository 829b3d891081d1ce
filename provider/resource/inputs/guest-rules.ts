import { isFields, isGiven, type Fields } from "./fields";
import type { InputFailure } from "./input-failure";

/** A guest is libvirt's, or a QEMU that is reached by its monitor's socket; each has arguments of its own. */
export function findGuestFailures({ guest, persistent }: Fields): InputFailure[] {
  if (!isFields(guest)) return [];
  const { domain, uri, qmpSocket, privilege } = guest;
  const failures: InputFailure[] = [];
  const add = (property: string, reason: string): void => void failures.push({ property, reason });
  if (!isGiven(domain) && !isGiven(qmpSocket))
    add(
      "guest.domain",
      "guest.domain is missing; use the name or UUID of a libvirt domain, or guest.qmpSocket for a QEMU without libvirt",
    );
  if (isGiven(domain) && isGiven(qmpSocket))
    add("guest.qmpSocket", "guest.qmpSocket and guest.domain exclude each other; leave one of them out");
  if (isGiven(qmpSocket) && isGiven(uri))
    add("guest.uri", "guest.uri is of libvirt, and guest.qmpSocket is not; leave one of them out");
  if (!isGiven(qmpSocket) && isGiven(privilege))
    add(
      "guest.privilege",
      "guest.privilege is for guest.qmpSocket only; leave it out, libvirt needs no root",
    );
  if (typeof qmpSocket === "string" && /^\/(?:var\/lib|(?:var\/)?run)\/libvirt\//.test(qmpSocket))
    add(
      "guest.qmpSocket",
      `guest.qmpSocket is ${JSON.stringify(qmpSocket)}, a monitor of libvirt's; name the guest in guest.domain`,
    );
  if (isGiven(qmpSocket) && persistent === true)
    add(
      "persistent",
      "persistent is true, but without libvirt a guest has no configuration; leave persistent out",
    );
  return failures;
}
