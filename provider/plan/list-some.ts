/**
 * The first of a list in words, and how many there are beyond: `a, b, c and 4 more`.
 *
 * @param most how many are named
 * @param say what is said of each; it is not asked of those beyond
 */
export function listSome<T>(items: readonly T[], most = 3, say: (one: T) => string = String): string {
  const shown = items.slice(0, most).map(say).join(", ");
  const others = items.length - most;
  return others > 0 ? `${shown} and ${others} more` : shown;
}
