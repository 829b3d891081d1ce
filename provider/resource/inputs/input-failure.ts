/** One thing wrong with the input. */
export interface InputFailure {
  /** Path of the argument, e.g. `functionMap[1].guestFunction`; empty for an unknown argument. */
  readonly property: string;
  /** What is wrong, the value (never of a credential) and the cure. */
  readonly reason: string;
}
