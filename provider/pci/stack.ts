/** All that a device is made of, itself included, through any number of layers. */
export function closure(start: string, parts: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set([start]);
  for (const name of found) for (const part of parts.get(name) ?? []) found.add(part);
  return found;
}

/** `a, b, c and 4 more` */
export function listSome(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}
