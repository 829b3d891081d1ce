import type { GuestEnd, GuestEvent, GuestListener } from "../../provider/apply";

/** What a listener of a guest hears: news, or the end. */
export type Heard = GuestEvent | GuestEnd;

/** Lets a listener hear it, by the call that is for it. */
export function hear(listener: GuestListener, heard: Heard): void {
  if (typeof heard === "string") listener.onEnd(heard);
  else listener.onEvent(heard);
}

/** A listener that hears both by one function. */
export function hearing(listener: (heard: Heard) => void): GuestListener {
  return { onEvent: listener, onEnd: listener };
}
