/**
 * Works on all, at most so many at a time, in order; lets what is under way end before it throws the first
 * error.
 */
export async function inParallel<T, R>(
  all: readonly T[],
  most: number,
  work: (one: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failure: { readonly cause: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < all.length && failure === undefined) {
      const index = next++;
      try {
        results[index] = await work(all[index] as T, index);
      } catch (cause) {
        failure ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: most }, worker));
  if (failure !== undefined) throw failure.cause;
  return results;
}
