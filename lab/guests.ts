/** The guests of the lab: libvirt domains that run in the saved state. */
export const GUESTS = ["guest1", "guest2"] as const;
export type GuestName = (typeof GUESTS)[number];

/** A guest of a QEMU that libvirt knows nothing of; `startPlainGuest` starts it. */
export const PLAIN_GUEST = "plain";

/** Whoever has a console in the lab. */
export type ConsoleName = GuestName | typeof PLAIN_GUEST;
