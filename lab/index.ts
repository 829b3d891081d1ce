export { GUESTS, PLAIN_GUEST, type GuestName } from "./guests";
export { ensureGuestFiles, ensureSudo, type GuestFiles } from "./image";
export type { Lab, LabSsh } from "./lab";
export { PLAIN_SOCKET, PLAIN_UUID, startPlainGuest } from "./plain-guest";
export type { Lifetime } from "./machine";
export type { Release } from "./release";
export type { ExecOptions, ExecResult } from "./shell";
export { connectLab, SHARED_LAB_VARIABLE, startLab, type StartLabOptions } from "./start-lab";
