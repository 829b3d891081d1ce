import type { ChosenSlot } from "../chosen-slot";
import type { Refusal } from "./refusal";

/** An older libvirt needs a function of each group as a stepping stone, and a spare slot for it. */
export function checkSteppingStone({ stoneChoice }: ChosenSlot): readonly Refusal[] {
  return stoneChoice.refusals;
}
