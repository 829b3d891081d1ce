import { catalogue, joinParts, type ErrorCode, type ErrorParts } from "./catalogue";
import { printable, shorten } from "./printable";

/** Longest reason that is taken over from another error: libvirt, QEMU and servers may say megabytes. */
const MAX_REASON_CHARACTERS = 4_000;

/** Most refusals that a message tells of beside the first: a peer decides how many there are. */
const MAX_OTHERS_TOLD = 31;

/** What an error knows beside its code and its parts. */
interface Surroundings {
  /** What was thrown below. */
  readonly cause?: unknown;
  /** See {@link ProviderError.others}. */
  readonly others?: readonly ProviderError[];
}

/**
 * The only error that leaves the provider on purpose.
 *
 * Match it by {@link ProviderError.code}, never by its text and never by instanceof (two copies of the
 * package may be loaded). Whoever wants less than the message takes its parts. They may quote peers, so they
 * are made {@link printable} here, the one place through which all messages go.
 */
export class ProviderError extends Error implements ErrorParts {
  override readonly name = "ProviderError";
  readonly code: ErrorCode;
  readonly what: string;
  readonly touched?: string;
  readonly cure?: string;
  /** What this error says by itself, with its code: the message without the lines of {@link others}. */
  readonly line: string;
  /**
   * Refusals that speak against the same thing; the message has a line with its own code for each of the
   * first 31, and says how many more there are.
   */
  readonly others: readonly ProviderError[];

  constructor(code: ErrorCode, parts: ErrorParts, { cause, others = [] }: Surroundings = {}) {
    const line = `${printable(joinParts(parts))} [${code}]`;
    super([line, ...linesOf(others)].join("\n"), cause === undefined ? undefined : { cause });
    this.code = code;
    this.line = line;
    this.what = printable(parts.what);
    if (parts.touched !== undefined) this.touched = printable(parts.touched);
    if (parts.cure !== undefined) this.cure = printable(parts.cure);
    this.others = others;
  }

  /** This error and the others, in the order in which they are told. */
  get all(): readonly ProviderError[] {
    return [this, ...this.others];
  }
}

function linesOf(others: readonly ProviderError[]): string[] {
  const lines = others.slice(0, MAX_OTHERS_TOLD).map((one) => one.line);
  const more = others.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

type Details<C extends ErrorCode> = Parameters<(typeof catalogue)[C]>[0];

/**
 * Builds (does not throw) the error of the catalogue with this code.
 *
 * @example
 * throw providerError("SSH_CONNECTION_LOST", { target: "root@hv1:22", reason: "it was reset" }, error);
 */
export function providerError<C extends ErrorCode>(
  code: C,
  details: Details<C>,
  cause?: unknown,
): ProviderError {
  const parts = (catalogue[code] as (details: Details<C>) => ErrorParts)(details);
  return new ProviderError(code, parts, { cause });
}

/**
 * One error that tells of several refusals: it has the code and the parts of the first, and a line for each
 * other one. An error among the others that has others itself is laid flat, so the lines keep their order.
 */
export function withOthers(first: ProviderError, others: readonly ProviderError[]): ProviderError {
  if (others.length === 0) return first;
  const flat = others.flatMap((one) => [withoutOthers(one), ...one.others]);
  return new ProviderError(first.code, first, { cause: first.cause, others: [...first.others, ...flat] });
}

function withoutOthers(error: ProviderError): ProviderError {
  return error.others.length === 0 ? error : new ProviderError(error.code, error, { cause: error.cause });
}

/** Whether a thrown value is a ProviderError with this code, from whichever copy of the package. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): boolean {
  return error instanceof Error && codes.includes((error as Partial<ProviderError>).code as ErrorCode);
}

/** The text of a thrown value, for the `reason` of another error; at most some thousand characters of it. */
export function causeText(error: unknown): string {
  return shorten(error instanceof Error ? error.message : String(error), MAX_REASON_CHARACTERS);
}
