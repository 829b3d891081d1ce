import type { AttachContext } from "../attach-context";
import type { Warning } from "../warning";
import { findBootDisplay } from "./boot-display";
import { findDisconnects } from "./disconnects";
import { findLostDevices } from "./lost-devices";
import { findResetWarnings } from "./resets";
import { findOffGuests } from "./off-guests";

/** The warnings of a kind, each once. Pure. */
type FindWarnings = (context: AttachContext) => readonly Warning[];

/**
 * The kinds of warnings, in the order in which they are told.
 *
 * A new kind is a file here with its line in this list; its member of {@link Warning} asks for a sentence in
 * provider/plan/describe-warning.ts.
 */
const KINDS: readonly FindWarnings[] = [
  findLostDevices,
  findBootDisplay,
  findResetWarnings,
  findOffGuests,
  findDisconnects,
];

/** All that a plan warns of. It is asked where nothing has been refused. */
export function findWarnings(context: AttachContext): Warning[] {
  return KINDS.flatMap((find) => find(context));
}
