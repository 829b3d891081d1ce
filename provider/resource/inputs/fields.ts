/** Inputs, or a part of them, as Pulumi hands them in: fields of any type. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether a value is an object with fields, and no list. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an argument has a value; other languages' SDKs send null for one that was left out. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
