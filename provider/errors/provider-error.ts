import { catalogue, type ErrorCode } from "./catalogue";
import { printable, shorten } from "./printable";

/** Longest reason that is taken over from another error: libvirt, QEMU and servers may say megabytes. */
const MAX_REASON_CHARACTERS = 4_000;

/**
 * The only error that leaves the provider on purpose.
 *
 * Match it by {@link ProviderError.code}, never by its text and never by instanceof (two copies of the
 * package may be loaded). The text already says what happened, where, and what to do next. It may quote peers, so it is
 * made {@link printable} here, the one place through which all messages go.
 */
export class ProviderError extends Error {
  override readonly name = "ProviderError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    super(`${printable(message)} [${code}]`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

type Details<C extends ErrorCode> = Parameters<(typeof catalogue)[C]>[0];

/**
 * Builds (does not throw) the error of the catalogue with this code.
 *
 * @example
 * throw fail("SSH_DIAL_FAILED", { target: "root@hv1:22", attempts: 3, reason: "connection refused" }, error);
 */
export function providerError<C extends ErrorCode>(
  code: C,
  details: Details<C>,
  cause?: unknown,
): ProviderError {
  const message = (catalogue[code] as (details: Details<C>) => string)(details);
  return new ProviderError(code, message, cause);
}

/** Whether a thrown value is a ProviderError with this code, from whichever copy of the package. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof Error && codes.includes((error as Partial<ProviderError>).code as ErrorCode);
}

/** The text of a thrown value, for the `reason` of another error; at most some thousand characters of it. */
export function causeText(error: unknown): string {
  return shorten(error instanceof Error ? error.message : String(error), MAX_REASON_CHARACTERS);
}
