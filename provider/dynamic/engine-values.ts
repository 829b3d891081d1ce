/** A value that Pulumi's engine can take. */
export type StateValue = null | boolean | number | string | StateValue[] | { [key: string]: StateValue };

/**
 * The same value without what the engine's encoding throws at: properties that are undefined are left out,
 * list entries that are undefined, numbers that are not finite, and whatever is no plain data become null.
 * Everything that create, read, update or an error's `properties` hand over passes through here, because
 * a throw at that point would lose the state of a device that is attached already.
 */
export function toEngineValue(value: unknown): StateValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      return Number.isFinite(value) ? value : null;
    case "bigint":
      return value.toString();
    case "object":
      return value === null ? null : toEngineObject(value);
    case "undefined":
    case "function":
    case "symbol":
      return null;
  }
}

/** {@link toEngineValue} of the fields of an object. */
export function toEngineProperties(properties: object): Record<string, StateValue> {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, toEngineValue(value)]));
}

function toEngineObject(value: object): StateValue {
  if (Array.isArray(value)) return Array.from(value, toEngineValue);
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? toEngineProperties(value) : null;
}
