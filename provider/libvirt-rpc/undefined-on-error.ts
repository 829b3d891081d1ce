import { LibvirtError } from "./errors";

/** Whether libvirt refused with this number (see {@link LibvirtErrorCode}). */
export function isLibvirtError(error: unknown, code: number): error is LibvirtError {
  return error instanceof LibvirtError && error.code === code;
}

/** What a call answers; undefined if libvirt refuses it with this number. */
export async function undefinedOnError<T>(code: number, call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isLibvirtError(error, code)) return undefined;
    throw error;
  }
}
