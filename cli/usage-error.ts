/** A command line that cannot be used; the message says how to do better. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
