import { isDeepStrictEqual } from "node:util";
import type { Reality } from "../lifecycle";
import { allEntriesOf, type Observation } from "../plan";
import type { AttachmentInputs } from "./attachment-schema";
import { composeState, type AttachmentState } from "./attachment-state";

/** Where the state's attachment was made. */
type Place = Pick<AttachmentState, "hostUuid" | "hostKeyFingerprint" | "guestUuid">;

/** Whose host and guest a look found, beside the one that the state is of. */
export interface Found {
  readonly hostUuid: string;
  readonly hostKeyFingerprint?: string;
  /** Undefined where the host has no such guest. */
  readonly guestUuid?: string;
  /** Whether the owner's ledger entry stands in that guest. */
  readonly hasOwnEntry: boolean;
}

/** What an observation tells of that. */
export function foundBy(observation: Observation, ownerToken: string): Found {
  const { hostUuid, hostKeyFingerprint, guest } = observation;
  return {
    hostUuid,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    ...(guest.uuid !== "" && { guestUuid: guest.uuid }),
    hasOwnEntry: allEntriesOf(observation).some((entry) => entry.owner === ownerToken),
  };
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
export function isAnother(state: Place, found: Found): boolean {
  if (found.guestUuid === undefined) return false;
  return found.guestUuid !== state.guestUuid || isAnotherHost(state, found);
}

/**
 * Whether this is another host than the state's. Where firmware names no UUID, libvirt makes one up at each of
 * its starts (src/util/viruuid.c). It is the same all the same where it has the SSH host key that it had, or the guest
 * with the owner's own entry in it: docs/decisions/0015-same-host-after-a-reboot.md.
 */
export function isAnotherHost(state: Place, found: Found): boolean {
  const isOwnGuest = found.guestUuid === state.guestUuid && found.hasOwnEntry;
  const { hostKeyFingerprint } = state;
  const isKnownByKey = hostKeyFingerprint !== null && found.hostKeyFingerprint === hostKeyFingerprint;
  return found.hostUuid !== state.hostUuid && !isOwnGuest && !isKnownByKey;
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
