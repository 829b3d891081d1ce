import { isSeen, type Disconnecting } from "../checks/disconnects";
import type { Warning } from "../warning";

/**
 * This connection may go through the guest, or does, and the guest loses something: what speaks against that
 * where it is sure and not allowed, checks/disconnects.ts tells.
 */
export function findDisconnects({ observation, toUnplug, desired }: Disconnecting): Warning[] {
  const { wayThroughGuest: way, guest } = observation;
  if (way === undefined || desired?.goesBack === true || !isSeen(toUnplug)) return [];
  return [{ kind: "disconnects", guest: guest.name, ...way }];
}
