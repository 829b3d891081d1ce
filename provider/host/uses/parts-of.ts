/**
 * Each of these devices with all that it is made of, itself included, through any number of layers. Where one
 * is a part of very many, the first of them count, so that the time goes with the number of parts, however
 * they lie on each other; none is left out that is a part of any.
 *
 * @param mostTops how many count
 * @returns names of parts by the name of the top, in the order of the tops
 */
export function partsOf(
  tops: Iterable<string>,
  parts: ReadonlyMap<string, readonly string[]>,
  mostTops: number,
): Map<string, ReadonlySet<string>> {
  const counts = new Map<string, number>();
  const found = new Map<string, ReadonlySet<string>>();
  for (const top of new Set(tops)) {
    const below = new Set<string>();
    const take = (name: string): void => {
      const count = counts.get(name) ?? 0;
      if (count >= mostTops || below.has(name)) return;
      counts.set(name, count + 1);
      below.add(name);
    };
    take(top);
    // a set hands out what is added while it is walked; what was full already has been walked by those that
    // filled it
    for (const name of below) for (const part of parts.get(name) ?? []) take(part);
    found.set(top, below);
  }
  return found;
}
