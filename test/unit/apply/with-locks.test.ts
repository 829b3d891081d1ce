import { causeText, hasCode } from "../../../provider/errors";
import { attach, detach, type Hypervisor } from "../../../provider/apply";
import { Deadline } from "../../../provider/async";
import { withLocks } from "../../../provider/apply/with-locks";
import type { Observation } from "../../../provider/plan";
import { attachRequest, detachRequest } from "../../support/requests";
import { letTimePass } from "../../support/fake-time";
import { OWNER } from "../../support/scenarios";
import { hostDevice, OWN_GUEST, World } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const ANOTHER = "99999999-9999-4999-8999-999999999999";
const lockOf = (uuid: string): string => `guest-${uuid}`;
const named = (names: readonly string[]): string[] => names.filter((one) => one.startsWith("guest-"));

interface GuestThere {
  /** Empty for none. */
  readonly uuid: string;
  readonly otherUuids?: readonly string[];
}

/**
 * The world's hypervisor, whose name or socket leads to these guests, look by look; to the last one from then
 * on.
 */
function leadingTo(hypervisor: WorldHypervisor, guests: readonly GuestThere[]) {
  const kept: string[] = [];
  let looks = 0;
  const guestNow = (): GuestThere => guests[Math.min(looks++, guests.length - 1)]!;
  const one: Hypervisor = {
    label: hypervisor.label,
    guestName: hypervisor.guestName,
    guest: hypervisor.guest,
    ledger: hypervisor.ledger,
    lock: hypervisor.lock,
    host: {
      ...hypervisor.host,
      keepTo: (uuid) => void kept.push(uuid),
      readIdentity: async (query, signal) => {
        const { iommuGroups } = await hypervisor.host.readIdentity(query, signal);
        const { uuid, otherUuids } = guestNow();
        return { iommuGroups, ...(uuid !== "" && { guestUuid: uuid }), ...(otherUuids && { otherUuids }) };
      },
      observe: async (query, signal): Promise<Observation> => {
        const observation = await hypervisor.host.observe(query, signal);
        const guest = guestNow();
        const isMissing = guest.uuid === "" && { runState: "missing" as const };
        return { ...observation, guest: { ...observation.guest, ...guest, ...isMissing } };
      },
    },
  };
  return { one, kept };
}

const empty = (): WorldHypervisor => new WorldHypervisor(new World({ functions: hostDevice() }));

describe("the lock of the guest", () => {
  it("is of the guest there after the wait: another one is locked anew", async () => {
    const hypervisor = empty();
    const { one, kept } = leadingTo(hypervisor, [{ uuid: ANOTHER }, OWN_GUEST]);
    const { error } = await letTimePass(attach(one, attachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([
      [lockOf(ANOTHER), "group-7"],
      [lockOf(OWN_GUEST.uuid), "group-7"],
    ]);
    // never a change before the right lock, never two looks for one lock that was right
    expect(hypervisor.calls.indexOf("record")).toBeGreaterThan(
      hypervisor.calls.indexOf(`lock ${lockOf(OWN_GUEST.uuid)} group-7`),
    );
    expect(kept).toEqual([OWN_GUEST.uuid]);
    expect(hypervisor.locks.areFree).toBe(true);
  });

  it("is taken for a guest that is defined while the groups' locks are awaited", async () => {
    const hypervisor = empty();
    const { one } = leadingTo(hypervisor, [{ uuid: "" }, OWN_GUEST]);
    expect((await letTimePass(attach(one, attachRequest()))).error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([["group-7"], [lockOf(OWN_GUEST.uuid), "group-7"]]);
  });

  it("is taken under each of its UUIDs, in one order whoever asks", async () => {
    for (const guest of [
      { uuid: OWN_GUEST.uuid, otherUuids: [ANOTHER, "00000000-1111-4111-8111-111111111111"] },
      { uuid: ANOTHER, otherUuids: ["00000000-1111-4111-8111-111111111111", OWN_GUEST.uuid] },
    ]) {
      const hypervisor = empty();
      await letTimePass(attach(leadingTo(hypervisor, [guest]).one, attachRequest()));
      expect(hypervisor.locks.taken).toEqual([
        [lockOf("00000000-1111-4111-8111-111111111111"), lockOf(OWN_GUEST.uuid), lockOf(ANOTHER), "group-7"],
      ]);
    }
  });

  it("is that of the state's guest too, wherever a detach is led", async () => {
    const hypervisor = empty();
    const { one } = leadingTo(hypervisor, [{ uuid: "" }, { uuid: ANOTHER }]);
    expect((await letTimePass(detach(one, detachRequest()))).error).toBeUndefined();
    expect(hypervisor.locks.taken.map(named)).toEqual([
      [lockOf(OWN_GUEST.uuid)],
      [lockOf(OWN_GUEST.uuid), lockOf(ANOTHER)],
    ]);
  });

  it("is sought as long as time lasts while each look shows another guest", async () => {
    const hypervisor = empty();
    hypervisor.onCall = (call) =>
      call.startsWith("lock") ? new Promise((resolve) => setTimeout(resolve, 500)) : undefined;
    const guests = Array.from({ length: 200 }, (_, n) => ({
      uuid: `99999999-9999-4999-8999-${String(n).padStart(12, "0")}`,
    }));
    const { one, kept } = leadingTo(hypervisor, guests);
    const { error, tookMs } = await letTimePass(attach(one, attachRequest({ limitSeconds: 10 })));
    expect(hasCode(error, "DEADLINE_EXCEEDED")).toBe(true);
    expect(tookMs).toBeGreaterThanOrEqual(10_000);
    expect(tookMs).toBeLessThan(12_000);
    expect([hypervisor.changes, kept]).toEqual([[], []]);
    expect(hypervisor.locks.areFree).toBe(true);
  });

  it("ends with the time also where nothing on the way costs any", async () => {
    const hypervisor = empty();
    const caller = new AbortController();
    let looks = 0;
    hypervisor.onCall = (call) => {
      if (call === "observe" && ++looks === 50) caller.abort(new Error("given up"));
    };
    const guests = Array.from({ length: 200 }, (_, n) => ({
      uuid: `99999999-9999-4999-8999-${String(n).padStart(12, "0")}`,
    }));
    const request = attachRequest({ signal: caller.signal });
    const { error } = await letTimePass(attach(leadingTo(hypervisor, guests).one, request));
    expect(causeText(error)).toBe("given up");
    expect(looks).toBe(50);
  });
});

describe("where there is neither guest nor function", () => {
  const nowhere = { ...attachRequest().query, addresses: ["0000:09:00"] };

  it("nothing is locked, nothing is changed, and the refusal says what is not there", async () => {
    const hypervisor = new WorldHypervisor(new World({ functions: [] }));
    const { one } = leadingTo(hypervisor, [{ uuid: "" }]);
    const { error } = await letTimePass(attach(one, attachRequest({ query: nowhere })));
    expect(hasCode(error, "GUEST_NOT_FOUND")).toBe(true);
    expect([hypervisor.locks.taken, hypervisor.changes]).toEqual([[], []]);
  });

  it("a guest that is defined meanwhile is locked before anything is planned for it", async () => {
    const hypervisor = empty();
    const { one } = leadingTo(hypervisor, [{ uuid: "" }, OWN_GUEST]);
    const { error } = await letTimePass(attach(one, attachRequest({ query: { addresses: ["0000:09:00"] } })));
    expect(error).toBeUndefined();
    expect(hypervisor.locks.taken[0]?.[0]).toBe(lockOf(OWN_GUEST.uuid));
    expect(hypervisor.calls.findIndex((call) => call.startsWith("lock"))).toBeLessThan(
      hypervisor.calls.indexOf("record"),
    );
  });

  it("whatever is done without a lock counts as done after its loss", async () => {
    const { one } = leadingTo(new WorldHypervisor(new World({ functions: [] })), [{ uuid: "" }]);
    const scope = { ...nowhere, ownerToken: OWNER };
    const deadline = Deadline.start("attach", 10);
    await withLocks(one, { scope, deadline }, async ({ lost }) => {
      expect(lost.aborted).toBe(true);
      expect(causeText(lost.reason)).toMatch(/^nothing is locked/);
    });
    expect.assertions(2);
  });

  it("a detach takes the lock of the state's guest", async () => {
    const hypervisor = new WorldHypervisor(new World({ functions: [] }));
    const { one } = leadingTo(hypervisor, [{ uuid: "" }]);
    expect((await letTimePass(detach(one, detachRequest({ query: nowhere })))).error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([[lockOf(OWN_GUEST.uuid)]]);
  });
});
