import type { PciAddress } from "../pci";
import { chosenSlotOf, type ChosenSlot } from "./chosen-slot";
import { outcomeOf, type Outcome } from "./final-entry";
import { planGivenUp, releaseStep, type GiveBackStep } from "./give-back";
import type { Claim } from "./own-or-adopt";
import type { PlanRequest } from "./plan-request";

/** Everything that the checks and the order of the steps ask about an attachment. It is found out once. */
export interface AttachContext extends ChosenSlot {
  /** Functions that must not be in the guest by anything but this attachment. */
  readonly ownAddresses: readonly PciAddress[];
  /** What brings back the functions that are given up. */
  readonly giveUpSteps: readonly GiveBackStep[];
  /** All steps of the plan that bring functions back to the host. */
  readonly giveBackSteps: readonly GiveBackStep[];
  /** What the plan ends in; undefined where no slot was found. */
  readonly outcome: Outcome | undefined;
}

/** Finds out everything about an attachment, also where something speaks against it: the checks ask that. */
export function attachContext(request: PlanRequest, claim: Claim): AttachContext {
  const chosen = chosenSlotOf(request, claim);
  const { owned, prior, needed, toHoldAgain } = chosen;
  const giveUpSteps = planGivenUp(chosen);
  const heldAgain = toHoldAgain.map((hostAddress) => releaseStep(owned, hostAddress, prior));
  return {
    ...chosen,
    ownAddresses: [...needed, ...owned.held],
    giveUpSteps,
    giveBackSteps: [...heldAgain, ...giveUpSteps],
    outcome: outcomeOf(chosen),
  };
}
