import { UNKNOWN_VALUE } from "./unknown";

/** Path of an argument, as the schema names it. */
export type Path = readonly PropertyKey[];

/** The path as messages name it, such as `functionMap[1].guestFunction`. */
export function pathText(path: Path): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}

/** What stands at the path; undefined if nothing does. */
export function valueAt(inputs: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    inputs,
  );
}

/** Whether the value at the path, or one on the way to it, is not known yet. */
export function isUnknownAt(inputs: unknown, path: Path): boolean {
  let current: unknown = inputs;
  for (const key of path) {
    if (current === UNKNOWN_VALUE) return true;
    if (typeof current !== "object" || current === null) return false;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current === UNKNOWN_VALUE;
}
