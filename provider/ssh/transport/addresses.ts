import dns from "node:dns";
import type { LookupFunction } from "node:net";

/** How long one of several addresses is tried at most: over a slow link some seconds are no sign of death. */
const LONGEST_ATTEMPT_MS = 2500;

/** The shortest that Node allows. */
const SHORTEST_ATTEMPT_MS = 10;

/**
 * How long one of several addresses may be tried, so that a dead first one leaves time for the others.
 *
 * @param dialMs what the whole dial may take; Infinity for no limit
 */
export function attemptMsFor(dialMs: number, addresses: number): number {
  const share = Math.floor(dialMs / (Math.max(addresses, 1) + 1));
  return Math.max(SHORTEST_ATTEMPT_MS, Math.min(LONGEST_ATTEMPT_MS, share));
}

/** An address, and the family that it is of. */
export interface Address {
  readonly address: string;
  /** 4 or 6 */
  readonly family: number;
}

/** Every address of a name, as the system orders them. @throws as `dns.lookup` */
export async function addressesOf(host: string): Promise<readonly Address[]> {
  return new Promise((resolve, reject) => {
    dns.lookup(host, { all: true }, (error, found) => (error === null ? resolve(found) : reject(error)));
  });
}

/** Answers with addresses that were looked up already. */
export function answerWith(found: readonly Address[]): LookupFunction {
  return (_host, _options, callback) => callback(null, [...found]);
}
