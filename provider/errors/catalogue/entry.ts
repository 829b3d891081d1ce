/** What an error says, in its parts. */
export interface ErrorParts {
  /** What happened, where, and what was expected. */
  readonly what: string;
  /**
   * "nothing", or a sentence that says what was done or left undone; undefined if there is nothing to say.
   */
  readonly touched?: string;
  /** What to do next; undefined only if that depends on the reason, which says it. */
  readonly cure?: string;
}

/** The parts as one text, without a code. */
export function joinParts({ what, touched, cure }: ErrorParts): string {
  const consequence = touched === "nothing" ? "Nothing was touched." : touched;
  return [what, consequence, cure].filter((part) => part !== undefined).join(" ");
}

/** A reason as a sentence: it came with a full stop at its end or without, or with another error's code. */
export function sentence(reason: string): string {
  return /[.!?\]]$/.test(reason) ? reason : `${reason}.`;
}
