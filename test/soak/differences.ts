import { isDeepStrictEqual } from "node:util";

/** One complaint where the two differ; nothing where they are equal. */
export function differencesOf(what: string, seen: unknown, expected: unknown): string[] {
  return isDeepStrictEqual(seen, expected)
    ? []
    : [`${what}: ${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`];
}
