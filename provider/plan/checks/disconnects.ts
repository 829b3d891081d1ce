import { providerError } from "../../errors";
import type { DesiredAttachment } from "../desired";
import type { Observation, PluggedFunction } from "../observation";
import { functionsBySlot } from "../plan-unplug";
import type { Refusal } from "./refusal";

/** What decides whether this connection may be cut off. */
export interface Disconnecting {
  readonly observation: Observation;
  readonly toUnplug: readonly PluggedFunction[];
  readonly desired?: Pick<DesiredAttachment, "allowDisconnect" | "goesBack">;
}

/**
 * A guest through which this connection goes loses nothing unless that is allowed: a router or a firewall is
 * cut off with the card that it loses, and this operation in the middle. The way back of an operation is
 * never held up by that, nor by what the guest has not seen.
 */
export function checkDisconnects({ observation, toUnplug, desired }: Disconnecting): Refusal[] {
  const { wayThroughGuest: way, guest } = observation;
  if (way?.certainty !== "sure" || desired === undefined || !isSeen(toUnplug)) return [];
  if (desired.allowDisconnect === true || desired.goesBack === true) return [];
  return [providerError("CONNECTION_THROUGH_GUEST", { guest: guest.name, interfaces: way.interfaces })];
}

/** Whether the guest loses something that it has seen: without function 0 it has seen none of a slot. */
export function isSeen(toUnplug: readonly PluggedFunction[]): boolean {
  return functionsBySlot(toUnplug).some((functions) => functions.some((one) => one.guestFunction === 0));
}
