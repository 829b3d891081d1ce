import { isDeepStrictEqual } from "node:util";
import type { AttachmentInputs } from "./attachment-schema";

/** Which resource a look found, beside the one that the state is of. */
export interface Found {
  readonly hostUuid: string;
  /** Undefined where the host has no such guest. */
  readonly guestUuid?: string;
}

/** Arguments whose change alone moves no device and asks for no look: the plan is the same. */
const quietArguments = ["timeouts", "adopt"] as const;

/** Names of the arguments that differ between two sets of inputs. */
export function changedArguments(olds: AttachmentInputs, news: AttachmentInputs): string[] {
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])] as (keyof AttachmentInputs)[];
  return names.filter((name) => !isDeepStrictEqual(olds[name], news[name]));
}

/** Whether nothing but arguments that touch no device differ. */
export function isQuietChange(changed: readonly string[]): boolean {
  return changed.length > 0 && changed.every((name) => quietArguments.some((quiet) => quiet === name));
}

/**
 * Whether the inputs now name another host or guest than the state is of. A guest that is not there at all
 * is no other: never a replacement on a guess.
 */
export function isAnother(state: Found, found: Found): boolean {
  return (
    found.guestUuid !== undefined &&
    (found.hostUuid !== state.hostUuid || found.guestUuid !== state.guestUuid)
  );
}
