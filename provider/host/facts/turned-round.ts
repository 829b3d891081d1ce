/** The names by what they name in turn: `[["a", ["b", "c"]], ["d", ["b"]]]` gives `b → a, d` and `c → a`. */
export function turnedRound<T, K extends string | number = string>(
  all: readonly T[],
  namesOf: (one: T) => readonly K[],
): ReadonlyMap<K, readonly T[]> {
  const found = new Map<K, T[]>();
  for (const one of all)
    for (const name of new Set(namesOf(one))) {
      const list = found.get(name);
      if (list === undefined) found.set(name, [one]);
      else list.push(one);
    }
  return found;
}
