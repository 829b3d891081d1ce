import { randomBytes } from "node:crypto";

/**
 * All the randomness of this package. A test or a simulation puts another in its place by {@link useRandom}.
 */
export interface Random {
  /** So many bytes that nobody can guess. */
  bytes(length: number): Uint8Array;
  /** From 0 up to, but not including, 1. */
  fraction(): number;
}

const SYSTEM_RANDOM: Random = {
  bytes: (length) => randomBytes(length),
  fraction: () => Math.random(),
};

let random = SYSTEM_RANDOM;

/**
 * Lets another source stand in for the machine's, for all of this process.
 *
 * @returns puts back what was there before
 */
export function useRandom(another: Random): () => void {
  const before = random;
  random = another;
  return () => void (random = before);
}

/** So many random bytes, as hexadecimal digits: two for each byte. */
export function randomHex(bytes: number): string {
  return Buffer.from(random.bytes(bytes)).toString("hex");
}

/** From 0 up to, but not including, 1; for what need not be unguessable. */
export function randomFraction(): number {
  return random.fraction();
}
