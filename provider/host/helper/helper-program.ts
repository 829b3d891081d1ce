import { providerError } from "../../errors";
import { bashCommand, bashProgram, type ShellValue } from "../shell/bash-program";
import BENEATH from "./beneath.sh";
import DETAILS from "./details.sh";
import HELPER from "./helper.sh";
import LOCKS from "./locks.sh";
import LOOKS from "./looks.sh";
import PLACES from "./places.sh";
import NO_REQUESTS from "./requests.sh";
import TREE from "./tree.sh";

/** Versions of a protocol, of which all between are spoken as well. */
export interface VersionRange {
  readonly newest: number;
  readonly oldest: number;
}

/** What a program that holds locks is started by, and how it is known. */
export interface HelperProgram {
  /** What starts it. */
  readonly command: string;
  /** What it is sent as its own text; empty for a program that the host has installed. */
  readonly text: string;
  /** Follows "ready", so that nothing a login script prints is taken for it. */
  readonly readyWord: string;
  /** What this release speaks; undefined for a program that is always sent, and so of this release. */
  readonly versions?: VersionRange;
  readonly errors: HelperErrors;
}

/** The errors of a program, in the words of what it is for. */
export interface HelperErrors {
  /** It has ended, or does not keep to its protocol. */
  readonly failed: (target: string, reason: string) => Error;
  /** It has answered a request, or its start, with `fail` and this text. */
  readonly refused: (target: string, text: string) => Error;
  /** There is no version that both sides speak. */
  readonly outdated: (target: string, found: VersionRange) => Error;
}

/** What makes another program of the helper: its requests. */
export interface HelperScriptParts {
  readonly readyWord: string;
  /** The text in the place of the helper's own requests.sh. */
  readonly requests: string;
  /** Scripts that this text sources, by name. */
  readonly sourced?: Readonly<Record<string, string>>;
  /** What the greeting tells of them, newest and oldest. */
  readonly versions?: VersionRange;
  readonly values?: Readonly<Record<string, ShellValue>>;
}

/** Seconds without a line from the client after which it counts as gone. */
const SILENCE_LIMIT_SECONDS = 10;

/** How many looks a program carries out at a time; a client asks for fewer. */
const MOST_ANSWERS = 64;

/** The longest list of all routes that is read: some six thousand. */
const MAX_ROUTE_BYTES = 1_000_000;

/** What a shell ends with that was never meant to run the program; see {@link GUARD}. */
export const WRONG_SHELL_EXIT_CODE = 93;

const MARK = "multifunction_pci_program";

/**
 * For a shell that has got the program as its input, because a login script has started it in place of what
 * was asked for: every usual shell understands this line, and ends.
 */
const GUARD = `test "$${MARK}" = loaded || exit ${WRONG_SHELL_EXIT_CODE}\n`;

/** The helper (helper.sh) with these requests, without its comments. ASCII. */
export function helperScript(parts: HelperScriptParts): string {
  const { readyWord, requests, sourced = {}, versions, values = {} } = parts;
  return bashProgram({
    script: HELPER,
    sourced: {
      ...sourced,
      ...{ "locks.sh": LOCKS, "looks.sh": LOOKS, "beneath.sh": BENEATH, "details.sh": DETAILS },
      ...{ "places.sh": PLACES, "tree.sh": TREE, "requests.sh": requests },
    },
    values: {
      ...values,
      ready_word: readyWord,
      // The last second is waited for by itself.
      silence_seconds: SILENCE_LIMIT_SECONDS - 1,
      versions: versions === undefined ? "" : `${versions.newest} ${versions.oldest}`,
      most_answers: MOST_ANSWERS,
      max_route_bytes: MAX_ROUTE_BYTES,
    },
  });
}

/** How a script is sent to a login that has none of it. */
export function sentProgram(script: string): Pick<HelperProgram, "command" | "text"> {
  const text = GUARD + script;
  return { command: bashCommand(text, MARK), text };
}

const DEBIAN_PACKAGES: Readonly<Record<string, string>> = { flock: "util-linux", ip: "iproute2" };

/**
 * The error for an answer that says what the host has not: `missing TOOL`, `unfit TOOL`, or no place for a
 * lock; undefined for any other text.
 */
export function findHostError(target: string, text: string): Error | undefined {
  if (/^cannot create \S+multifunction-pci\./.test(text))
    return providerError("SSH_LOCK_NOT_MADE", { target, reason: text });
  const [, word, tool] = /^(missing|unfit) (\S+)$/.exec(text) ?? [];
  const debianPackage = tool === undefined ? undefined : DEBIAN_PACKAGES[tool];
  if (tool === undefined || debianPackage === undefined) return undefined;
  const found = "another one (busybox has one), or too old to print JSON, which takes 4.18";
  return providerError("SSH_HELPER_TOOL_MISSING", {
    ...{ target, tool, debianPackage },
    ...(word === "unfit" && { found }),
  });
}

function helperError(target: string, reason: string): Error {
  return providerError("SSH_HELPER_FAILED", { target, reason });
}

const READY_WORD = "multifunction-pci-host-helper";

/** The helper of every host: locks, and what the host needs its functions for. */
export const HOST_HELPER: HelperProgram = {
  // Without its indentation, which nothing in it needs.
  ...sentProgram(helperScript({ readyWord: READY_WORD, requests: NO_REQUESTS }).replace(/^ +/gm, "")),
  readyWord: READY_WORD,
  errors: {
    failed: helperError,
    refused: (target, text) => findHostError(target, text) ?? helperError(target, text),
    outdated: (target) => helperError(target, "it is of another release"),
  },
};
