import { isDeepStrictEqual } from "node:util";
import type { ActualState } from "../apply";
import { allEntriesOf, type Observation } from "../plan";
import type { AttachmentInputs } from "./inputs/attachment-schema";
import { composeState } from "./state";
import type { AttachmentState } from "./state-schema";

/** Where the state's attachment was made. */
type HostIdentity = Pick<AttachmentState, "hostUuid" | "hostKeyFingerprint" | "guestUuid">;

/** Whose host and guest a look found, beside the one that the state is of. */
export interface ObservedIdentity {
  readonly hostUuid: string;
  readonly hostKeyFingerprint?: string;
  /** Of the guest that was asked for; none where the host has no such guest, and no record of it. */
  readonly guestUuids: readonly string[];
  /**
   * Who says so: the guest itself; a UUID made of the host's, which a copy of the host has as well; or the
   * record of one that does not answer.
   */
  readonly knownBy: "guest" | "host" | "record";
  /** Whether the owner's ledger entry stands in that guest. */
  readonly hasOwnEntry: boolean;
}

/** What an observation tells of that. */
export function identityOf(observation: Observation, ownerToken: string): ObservedIdentity {
  const { hostUuid, hostKeyFingerprint, guest } = observation;
  return {
    hostUuid,
    ...(hostKeyFingerprint !== undefined && { hostKeyFingerprint }),
    guestUuids: guest.uuid === "" ? [] : [guest.uuid, ...(guest.otherUuids ?? [])],
    knownBy: guest.knownBy ?? "guest",
    hasOwnEntry: allEntriesOf(observation).some((entry) => entry.owner === ownerToken),
  };
}

/** Names of the arguments that differ between two sets of inputs. */
export function changedArguments(olds: AttachmentInputs, news: AttachmentInputs): string[] {
  const names = [...new Set([...Object.keys(olds), ...Object.keys(news)])] as (keyof AttachmentInputs)[];
  return names.filter((name) => !isDeepStrictEqual(olds[name], news[name]));
}

/**
 * The new inputs with the old path of the socket, where both are known to lead to the same: how it is spelled
 * makes no difference.
 *
 * @param otherNames paths that lead to the new one's socket
 */
export function withSpelling(
  news: AttachmentInputs,
  olds: AttachmentInputs,
  otherNames: readonly string[],
): AttachmentInputs {
  const { qmpSocket } = olds.guest;
  if (qmpSocket === undefined || news.guest.qmpSocket === undefined) return news;
  return otherNames.includes(qmpSocket) ? { ...news, guest: { ...news.guest, qmpSocket } } : news;
}

/**
 * Whether the inputs now name another host or guest than the state is of. A guest that is not there at all
 * is no other: never a replacement on a guess.
 */
export function isOtherTarget(state: HostIdentity, found: ObservedIdentity): boolean {
  if (found.guestUuids.length === 0 || found.knownBy === "record") return false;
  return !found.guestUuids.includes(state.guestUuid) || isOtherHost(state, found);
}

/**
 * Whether this is another host than the state's: docs/internals/decisions/0073-which-host-it-is.md. The guest
 * with the owner's own entry in it proves that it is the same, and so does the SSH host key. A UUID proves
 * less: some boards' firmware gives all of them the same, images that were cloned share a machine id, and
 * where firmware names none libvirt makes one up at each of its starts (src/util/viruuid.c). So one that
 * differs is another host's; the same one is believed where no other key contradicts it, or where the guest
 * is there.
 */
export function isOtherHost(state: HostIdentity, found: ObservedIdentity): boolean {
  const isOwnGuest = found.guestUuids.includes(state.guestUuid);
  if (isOwnGuest && found.hasOwnEntry) return false;
  const before = state.hostKeyFingerprint ?? undefined;
  const now = found.hostKeyFingerprint;
  if (before !== undefined && before === now) return false;
  if (found.hostUuid !== state.hostUuid) return true;
  const hasOtherKey = before !== undefined && now !== undefined;
  return hasOtherKey && !(isOwnGuest && found.knownBy === "guest");
}

/**
 * Informational outputs aside, whether the state says what is there. Which host and guest it is, {@link
 * isOtherTarget} has said before: a guest may be known by several UUIDs, and a host's may be another after
 * each start of libvirt. Only one that its state would not know again by itself, with another UUID and
 * another key, is to be written down anew.
 */
export function isSameState(state: AttachmentState, actual: ActualState | undefined): boolean {
  if (actual === undefined) return false;
  const told = composeState({}, actual);
  const { hostKeyFingerprint } = state;
  const isKnownByKey = hostKeyFingerprint !== null && hostKeyFingerprint === told.hostKeyFingerprint;
  return (
    (told.hostUuid === state.hostUuid || isKnownByKey) &&
    isDeepStrictEqual(state.held, told.held) &&
    isSamePlace(state.slot, told.slot) &&
    isDeepStrictEqual(withoutIds(state.attached), withoutIds(told.attached))
  );
}

/**
 * How a slot takes hotplug is its machine's business, and no difference: while the guest is shut off, it is
 * only expected, and each look at the running guest tells.
 */
function isSamePlace(known: AttachmentState["slot"], told: AttachmentState["slot"]): boolean {
  return known?.bus === told?.bus && known?.slot === told?.slot;
}

/** A cold boot gives a persistent attachment other QEMU ids; what it is, and where it stands, is the same. */
function withoutIds(attached: AttachmentState["attached"]): object[] {
  return attached.map(({ qemuId: _, ...rest }) => rest);
}
