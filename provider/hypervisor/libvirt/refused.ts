import { causeText } from "../../errors";
import { LibvirtError } from "../../libvirt-rpc";

/** What libvirt itself said, for an error of this provider's. */
export function reasonOf(cause: unknown): string {
  return causeText(cause instanceof LibvirtError ? cause.libvirtMessage : cause);
}
