/**
 * What Pulumi's preview sends in place of a value that is not known yet, whatever its type (the constant
 * `UnknownValue` of Pulumi's SDKs).
 */
export const UNKNOWN_VALUE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Whether a value, at any depth, is not known yet. */
export function hasUnknown(value: unknown): boolean {
  if (value === UNKNOWN_VALUE) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some(hasUnknown);
}
