import { isDeepStrictEqual } from "node:util";
import type { Reality } from "../lifecycle";
import type { AttachmentInputs } from "./attachment-schema";
import { composeState, type AttachmentState } from "./attachment-state";

/** Which resource a look found, beside the one that the state is of. */
export interface Found {
  readonly hostUuid: string;
  /** Undefined where the host has no such guest. */
  readonly guestUuid?: string;
}

/** Names of the arguments that differ between two sets of inputs. */
export function changedArguments(olds: AttachmentInputs, news: AttachmentInputs): string[] {
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])] as (keyof AttachmentInputs)[];
  return names.filter((name) => !isDeepStrictEqual(olds[name], news[name]));
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

/** Informational outputs aside, whether the state says what is there. */
export function isSameState(state: AttachmentState, reality: Reality | undefined): boolean {
  if (reality === undefined) return false;
  const told = composeState({}, reality);
  const keys = ["slot", "held", "guestUuid", "hostUuid"] as const;
  return (
    keys.every((key) => isDeepStrictEqual(state[key], told[key])) &&
    isDeepStrictEqual(withoutIds(state.attached), withoutIds(told.attached))
  );
}

/** A cold boot gives a persistent attachment other QEMU ids; what it is, and where it stands, is the same. */
function withoutIds(attached: AttachmentState["attached"]): object[] {
  return attached.map(({ qemuId: _, ...rest }) => rest);
}
