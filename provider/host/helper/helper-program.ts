import { bashCommand, bashProgram } from "../shell/bash-program";
import HELPER from "./helper.sh";
import LOCKS from "./locks.sh";
import LOOKS from "./looks.sh";

/** Seconds without a line from the client after which it counts as gone. */
const SILENCE_LIMIT_SECONDS = 10;

/** The longest list of all routes that is read: some six thousand. */
const MAX_ROUTE_BYTES = 1_000_000;

/** What a shell ends with that was never meant to run the program; see {@link GUARD}. */
export const WRONG_SHELL_EXIT_CODE = 93;

/** Follows "ready", so that nothing a login script prints is taken for it. */
export const READY_WORD = "multifunction-pci-host-helper";

const MARK = "multifunction_pci_program";

/**
 * For a shell that has got the program as its input, because a login script has started it in place of what
 * was asked for: every usual shell understands this line, and ends.
 */
const GUARD = `test "$${MARK}" = loaded || exit ${WRONG_SHELL_EXIT_CODE}\n`;

const SCRIPT = bashProgram({
  script: HELPER,
  sourced: { "locks.sh": LOCKS, "looks.sh": LOOKS },
  values: {
    ready_word: READY_WORD,
    // The last second is waited for by itself.
    silence_seconds: SILENCE_LIMIT_SECONDS - 1,
    max_route_bytes: MAX_ROUTE_BYTES,
  },
});

/** The helper (helper.sh) as it is sent: without its comments and indentation. ASCII. */
export const HOST_HELPER_PROGRAM = GUARD + SCRIPT.replace(/^ +/gm, "");

/** What starts it. */
export const HOST_HELPER_COMMAND = bashCommand(HOST_HELPER_PROGRAM, MARK);
