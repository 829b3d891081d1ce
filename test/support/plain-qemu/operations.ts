import type { AttachRequest, DetachRequest } from "../../../provider/lifecycle";
import { OWNER } from "../scenarios";
import { wants } from "../wanted";

const query = { addresses: ["0000:01:00"] };

/** Attaches the laboratory's card to the guest of a PlainHypervisor. */
export function attachRequest(extra: Partial<AttachRequest> = {}): AttachRequest {
  return {
    wanted: wants(),
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
    guestUuid: "",
    remembered: { functions: [] },
    verify: () => undefined,
    limitSeconds: 60,
    progress: () => undefined,
    ...extra,
  };
}
