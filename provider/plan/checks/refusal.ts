import { withOthers, type ProviderError } from "../../errors";

/**
 * An error with which nothing was touched: its code, and what speaks against a plan. An error of the
 * catalogue's chapter Planning, built and not thrown.
 */
export type Refusal = ProviderError;

/** Looks at one thing that may speak against a plan. Pure; it returns each refusal, and throws none. */
export type Check<Context> = (context: Context) => readonly Refusal[];

/**
 * Checks that are asked together. A later phase is asked only if the phases before it have found nothing: its
 * answers would otherwise be about a guest or functions that are not the ones meant.
 */
export interface Phase<Context> {
  readonly name: string;
  readonly checks: readonly Check<Context>[];
}

/** All refusals of the first phase that has any, in the order of its checks. */
export function findRefusals<Context>(
  phases: readonly Phase<Context>[],
  context: Context,
): readonly Refusal[] {
  for (const { checks } of phases) {
    const refusals = checks.flatMap((check) => check(context));
    if (refusals.length > 0) return refusals;
  }
  return [];
}

/**
 * Throws what speaks against a plan, if anything does.
 *
 * @throws ProviderError the first refusal; it tells of the others
 */
export function throwRefusals(refusals: readonly Refusal[]): void {
  const [first, ...others] = refusals;
  if (first !== undefined) throw withOthers(first, others);
}
