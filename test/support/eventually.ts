/** Waits until the look shows what is expected; a guest needs some tenths of a second to see a plug. */
export async function eventually<T>(look: () => Promise<T>, expected: T): Promise<void> {
  const endsAt = Date.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (JSON.stringify(seen) === JSON.stringify(expected)) return;
    if (Date.now() > endsAt) return expect(seen).toEqual(expected);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
