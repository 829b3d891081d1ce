/** The incarnation of a ledger entry; undefined for what does not have the form of one. */
export function findIncarnation(value: unknown): string | undefined {
  return typeof value === "string" && /^[0-9a-f]{32}$/.test(value) ? value : undefined;
}

/**
 * When an entry was first recorded, in UTC to the second; undefined for what does not have that form, or is
 * no time.
 */
export function findSince(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(value)) return undefined;
  return Number.isNaN(Date.parse(value)) ? undefined : value;
}
