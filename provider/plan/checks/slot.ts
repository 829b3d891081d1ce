import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/** There has to be a slot for the set. */
export function checkSlot({ slotChoice: { refusal } }: ChosenSlot): Refusal[] {
  return refusal === undefined ? [] : [refusal];
}
