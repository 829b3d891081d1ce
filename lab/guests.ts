/** The guests of the lab: libvirt domains that run in the saved state. */
export const GUESTS = ["guest1", "guest2"] as const;
export type GuestName = (typeof GUESTS)[number];
