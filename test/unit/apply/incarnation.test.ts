import { attach, AttachFailure, detach, newIncarnation, type AttachRequest } from "../../../provider/apply";
import { hasCode } from "../../../provider/errors";
import type { Incarnation, LedgerEntry, PriorAttachment } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { createRequest, detachRequest } from "../../support/requests";
import { OWNER } from "../../support/scenarios";
import { wants } from "../../support/desired";
import { hostDevice, World } from "../../support/world";
import { WorldHypervisor, type Fault } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const FIRST: Incarnation = { incarnation: "1".repeat(32), since: "2026-11-29T12:00:00Z" };
const SECOND: Incarnation = { incarnation: "2".repeat(32), since: "2026-11-30T09:30:00Z" };

const card = (): World => new World({ functions: hostDevice("0000:01:00", [0, 1, 2, 3]) });
const entryIn = (world: World): LedgerEntry | undefined =>
  world.ledger.find((line) => line.entry.owner === OWNER)?.entry;

function asking(fresh: Incarnation, extra: Partial<AttachRequest> = {}): AttachRequest {
  const request = createRequest(extra);
  return { ...request, desired: { ...request.desired, fresh } };
}

/** What leaves a state as it is: none of a create, the old one of an update. */
function expectUntouched(error: unknown): void {
  expect(error).not.toBeInstanceOf(AttachFailure);
  expect(hasCode(error, "ATTACH_FAILED")).toBe(true);
  expect((error as Error).message).toContain("Nothing was changed.");
}

/** Two stacks of the same name: the first has created, and the second has taken that over. */
async function taken(): Promise<{ world: World; first: PriorAttachment }> {
  const world = card();
  const made = await letTimePass(attach(new WorldHypervisor(world), asking(FIRST)));
  const first = { functions: entryIn(world)?.functions ?? [], incarnation: made.value?.incarnation ?? "" };
  await letTimePass(attach(new WorldHypervisor(world), asking(SECOND)));
  return { world, first };
}

it("every create has its own incarnation of 32 digits, and a time in seconds", () => {
  const [one, other] = [newIncarnation(), newIncarnation()];
  expect(one.incarnation).toMatch(/^[0-9a-f]{32}$/);
  expect(one.since).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(other.incarnation).not.toBe(one.incarnation);
});

describe("a create that takes over what stands", () => {
  it("says so when it is done as well, and plugs and unplugs nothing", async () => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), asking(FIRST)));
    const said: string[] = [];
    const hypervisor = new WorldHypervisor(world);
    const { value } = await letTimePass(
      attach(hypervisor, asking(SECOND, { progress: (line) => void said.push(line) })),
    );
    expect(value?.incarnation).toBe(SECOND.incarnation);
    expect(hypervisor.changes).toEqual(["record"]);
    expect(said.join("\n")).toContain("It stands since 2026-11-29T12:00:00Z; this resource takes it over.");
  });

  it("and dies before its entry is written has taken nothing", async () => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), asking(FIRST)));
    const fault = (call: string): Fault | undefined => (call === "record" ? "refused" : undefined);
    const { error } = await letTimePass(attach(new WorldHypervisor(world, fault), asking(SECOND)));
    // no state: what stands there is the first stack's
    expectUntouched(error);
    expect(entryIn(world)).toMatchObject(FIRST);
    expect(world.plugged).toHaveLength(4);
  });

  it("and can write nothing has taken nothing, though the way back fails as well", async () => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), asking(FIRST)));
    let looks = 0;
    const fault = (call: string): Fault | undefined =>
      call === "record" || (call === "observe" && ++looks === 2) ? "refused" : undefined;
    const { error } = await letTimePass(attach(new WorldHypervisor(world, fault), asking(SECOND)));
    expect(looks).toBe(3);
    expectUntouched(error);
    expect(entryIn(world)).toMatchObject(FIRST);
  });

  it.each([
    ["with its entry, which has no incarnation", (world: World) => world],
    ["whose entry has been lost", (world: World) => Object.assign(world, { ledger: [] })],
  ])("of 0.1's, %s, and dies before its own is written has taken nothing", async (_what, change) => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), createRequest()));
    change(world);
    const fault = (call: string): Fault | undefined => (call === "record" ? "refused" : undefined);
    const { error } = await letTimePass(attach(new WorldHypervisor(world, fault), asking(SECOND)));
    expectUntouched(error);
    expect(world.plugged).toHaveLength(4);
  });

  it("and loses the answer to its write knows what it has written", async () => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), asking(FIRST)));
    const fault = (call: string): Fault | undefined => (call === "record" ? "lost-reply" : undefined);
    const { error } = await letTimePass(attach(new WorldHypervisor(world, fault), asking(SECOND)));
    expect((error as AttachFailure).actual).toMatchObject({ incarnation: SECOND.incarnation });
    expect(world.plugged).toHaveLength(4);
  });
});

it("an update that may adopt, but can write nothing, leaves its state unchanged", async () => {
  const { world, first } = await taken();
  const fault = (call: string): Fault | undefined => (call === "record" ? "refused" : undefined);
  const desired = { ...wants(undefined, { adopt: true }), fresh: FIRST };
  const request = { ...asking(FIRST), desired, prior: { ...first, incarnation: "3".repeat(32) } };
  const { error } = await letTimePass(attach(new WorldHypervisor(world, fault), request));
  expectUntouched(error);
  expect(entryIn(world)).toMatchObject(SECOND);
});

describe("a create that fails on the way", () => {
  it("leaves a state with its incarnation where something is left", async () => {
    const world = card();
    let isUndoing = false;
    const hypervisor = new WorldHypervisor(world, (call): Fault | undefined => {
      if (call === "plug f0") isUndoing = true;
      return call === "plug f0" || (isUndoing && call.startsWith("release")) ? "refused" : undefined;
    });
    const { error } = await letTimePass(attach(hypervisor, asking(FIRST)));
    expect((error as AttachFailure).actual).toMatchObject({ incarnation: FIRST.incarnation });
  });

  it("undoes only what it plugged: what the guest had before stays", async () => {
    const { world } = await taken();
    const fault = (call: string): Fault | undefined => (call === "configure" ? "refused" : undefined);
    const hypervisor = new WorldHypervisor(world, fault);
    const desired = wants(undefined, { persistent: true });
    const { error } = await letTimePass(attach(hypervisor, asking(FIRST, { desired })));
    expect(error).toBeInstanceOf(AttachFailure);
    expect(hypervisor.changes.filter((one) => /^(plug|device_del|release)/.test(one))).toEqual([]);
    expect(world.plugged).toHaveLength(4);
  });
});

describe("a second try within one create", () => {
  it("may empty the slot that this create has filled", async () => {
    const world = card();
    const hypervisor = new WorldHypervisor(world);
    let sweeps = 1;
    hypervisor.onCall = (call) => {
      if (call !== "deviceIds" || hypervisor.changes.at(-1) !== "plug f0" || sweeps-- < 1) return;
      world.plugged = world.plugged.filter((one) => one.guestFunction === 0);
    };
    const { error, value } = await letTimePass(attach(hypervisor, asking(FIRST)));
    expect(error).toBeUndefined();
    expect(value?.attached).toHaveLength(4);
    expect(entryIn(world)).toMatchObject(FIRST);
  });
});

describe("a delete", () => {
  it("of a state whose attachment was taken over touches nothing, and says why", async () => {
    const { world, first } = await taken();
    const said: string[] = [];
    const hypervisor = new WorldHypervisor(world);
    const { error } = await letTimePass(
      detach(hypervisor, detachRequest({ prior: first, progress: (line) => void said.push(line) })),
    );
    expect(error).toBeUndefined();
    expect(hypervisor.changes).toEqual([]);
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^left alone: 0000:01:00\.0-3 in guest guest1 .*since 2026-11-30T09:30:00Z/);
  });

  it("of the state that has it gives everything back", async () => {
    const { world } = await taken();
    const prior = { functions: entryIn(world)?.functions ?? [], incarnation: SECOND.incarnation };
    await letTimePass(detach(new WorldHypervisor(world), detachRequest({ prior })));
    expect([...world.plugged, ...world.holdings, ...world.ledger]).toEqual([]);
  });

  it("takes its set out of the configuration, even without a live incarnation", async () => {
    const world = card();
    const desired = wants(undefined, { persistent: true });
    await letTimePass(
      attach(new WorldHypervisor(world), asking(FIRST, { desired: { ...desired, fresh: FIRST } })),
    );
    const prior = { functions: entryIn(world)?.functions ?? [], incarnation: FIRST.incarnation };
    world.ledger = world.ledger.map(({ guest, entry: { incarnation: _, ...entry } }) => ({ guest, entry }));
    let ends = 1;
    const hypervisor = new WorldHypervisor(world, (call) =>
      call === "unconfigure" && ends-- > 0 ? "guest-ends" : undefined,
    );
    const { error } = await letTimePass(detach(hypervisor, detachRequest({ prior })));
    expect(error).toBeUndefined();
    expect(world.configured).toEqual([]);
    expect(world.configuredLedger).toEqual([]);
  });

  it("of a state of 0.1 gives back what has no incarnation", async () => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), createRequest()));
    expect(entryIn(world)?.incarnation).toBeUndefined();
    await letTimePass(detach(new WorldHypervisor(world), detachRequest()));
    expect([...world.plugged, ...world.ledger]).toEqual([]);
  });

  it("of one of two resources of 0.1 with one token refuses the other's", async () => {
    const world = card();
    await letTimePass(attach(new WorldHypervisor(world), createRequest()));
    const prior: PriorAttachment = {
      functions: [{ hostAddress: "0000:02:00.0" as never, guestFunction: 0 }],
    };
    const { error } = await letTimePass(detach(new WorldHypervisor(world), detachRequest({ prior })));
    expect(hasCode(error, "ATTACHMENT_TAKEN_OVER")).toBe(true);
    expect(world.plugged).toHaveLength(4);
  });
});

describe("a client that went on after it had lost its locks", () => {
  it("has a stale incarnation, and is told so", async () => {
    const { world, first } = await taken();
    const { error } = await letTimePass(
      attach(new WorldHypervisor(world), { ...asking(FIRST), prior: first }),
    );
    expect(hasCode(error, "ATTACHMENT_TAKEN_OVER")).toBe(true);
  });
});
