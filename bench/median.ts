/** The middle one of the values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The median of each figure of several runs, whose figures may stand in groups. */
export function middleOf<T extends object>(runs: readonly T[]): T {
  const [first] = runs;
  if (first === undefined) throw new Error("there is no middle of nothing");
  const middles = Object.keys(first).map((name) => {
    const values = runs.map((run) => (run as Readonly<Record<string, unknown>>)[name]);
    return [name, typeof values[0] === "number" ? median(values as number[]) : middleOf(values as object[])];
  });
  return Object.fromEntries(middles) as T;
}
