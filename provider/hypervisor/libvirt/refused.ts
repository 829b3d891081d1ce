import { causeText } from "../../errors";
import { LibvirtError } from "../../libvirt-rpc";

/** Whether libvirt refused with this number. */
export function isLibvirtError(error: unknown, code: number): error is LibvirtError {
  return error instanceof LibvirtError && error.code === code;
}

/** What libvirt itself said, for an error of this provider's. */
export function reasonOf(cause: unknown): string {
  return causeText(cause instanceof LibvirtError ? cause.libvirtMessage : cause);
}
