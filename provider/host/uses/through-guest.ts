import type { HostFacts, HostInterface } from "../facts";
import { findBelow } from "./carriers";

/** This connection as it goes through a guest of the host, and would be cut off with what the guest loses. */
export interface WayThroughGuest {
  /**
   * `sure`: nothing else serves it; `possible`: other interfaces may; `unknown`: it could not be looked at.
   */
  readonly certainty: "sure" | "possible" | "unknown";
  /** The guest's interfaces on the host that it goes through. */
  readonly interfaces: readonly string[];
}

/**
 * Whether this connection goes through a guest: its address or its way back is on an interface of the
 * guest's, or on a bridge (through any number of layers) to which the guest's interface leads, and no card of
 * the host. Where a card is a port as well, the connection is taken to come by that.
 *
 * @param guestInterfaces names that the guest's interfaces have on the host
 * @returns undefined where it does not
 */
export function findWayThroughGuest(
  { interfaces, sshInterfaces }: HostFacts,
  guestInterfaces: readonly string[],
): WayThroughGuest | undefined {
  if (guestInterfaces.length === 0 || sshInterfaces.length === 0) return undefined;
  const own = new Set(guestInterfaces);
  const byName = new Map(interfaces.map((one) => [one.name, one]));
  const ways = [...findBelow(interfaces, sshInterfaces).values()].flatMap((below) => {
    const names = [...below];
    const through = names.filter((name) => own.has(name));
    const others = names.filter((name) => !own.has(name)).map((name) => byName.get(name));
    if (through.length === 0 || others.some(isCard)) return [];
    return [{ isSure: !others.some(isEnd), through }];
  });
  if (ways.length === 0) return undefined;
  const certainty = ways.some(({ isSure }) => isSure) ? "sure" : "possible";
  return { certainty, interfaces: [...new Set(ways.flatMap(({ through }) => through))] };
}

/** An interface of hardware that is up, or may be. */
function isCard(one: HostInterface | undefined): boolean {
  return one?.hostAddress !== undefined && one.isUp !== false;
}

/**
 * What frames may leave by that is none of the guest's: another guest's tap, a tunnel, or nobody knows what.
 */
function isEnd(one: HostInterface | undefined): boolean {
  if (one === undefined) return true;
  if (one.isUp === false) return false;
  return one.lowerInterfaces.length === 0 && (one.reaches ?? []).length === 0;
}
