import type { AttachRequest, DetachRequest } from "../../provider/apply";
import { OLD_STATE, OWNER } from "./scenarios";
import { wants } from "./desired";
import { OWN_GUEST } from "./world";

const query = { addresses: ["0000:01:00"] };

/**
 * Attaches the whole card of a world, or of a plain QEMU, to its guest: asked by a state of 0.1 that
 * remembers nothing.
 */
export function attachRequest(extra: Partial<AttachRequest> = {}): AttachRequest {
  return { ...createRequest(), prior: OLD_STATE, ...extra };
}

/** The same, asked by a create. */
export function createRequest(extra: Partial<AttachRequest> = {}): AttachRequest {
  return {
    desired: wants(),
    query: { ...query, forPlug: { buses: [] } },
    limitSeconds: 60,
    undoSeconds: 60,
    progress: () => undefined,
    ...extra,
  };
}

/** Gives back what {@link attachRequest} attached. */
export function detachRequest(extra: Partial<DetachRequest> = {}): DetachRequest {
  return {
    ownerToken: OWNER,
    query,
    guestUuid: OWN_GUEST.uuid,
    prior: { functions: [] },
    verify: () => undefined,
    limitSeconds: 60,
    progress: () => undefined,
    ...extra,
  };
}
