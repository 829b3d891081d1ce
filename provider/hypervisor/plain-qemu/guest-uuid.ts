import { createHash } from "node:crypto";

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A UUID in lower case; undefined for a text that is none, and for one of equal digits, which stands for
 * none.
 */
export function findUuid(text: string): string | undefined {
  const uuid = text.trim().toLowerCase();
  const isBlank = /^(.)\1*$/.test(uuid.replaceAll("-", ""));
  return UUID.test(uuid) && !isBlank ? uuid : undefined;
}

/** systemd's machine id, which has the digits of a UUID without its dashes. */
export function findMachineUuid(machineId: string): string | undefined {
  return findUuid(machineId.trim().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
}

/**
 * The UUID of a guest that was given none: of the host and the socket by which it is reached, so that it is
 * the same after a restart of QEMU, and another one on another host.
 */
export function uuidOfSocket(hostUuid: string, socket: string): string {
  const digits = createHash("sha256").update(`${hostUuid}\0${socket}`).digest("hex");
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-8${digits.slice(13, 16)}-8${digits.slice(17, 20)}-${digits.slice(20, 32)}`;
}
