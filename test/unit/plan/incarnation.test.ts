import {
  describePlan,
  planAttach,
  planDetach,
  tagOf,
  type Incarnation,
  type LedgerEntry,
  type Plan,
  type PriorAttachment,
  type DesiredAttachment,
} from "../../../provider/plan";
import { interruptionOf } from "../../../provider/plan/describe";
import { OWNER, refusalOf } from "../../support/scenarios";
import { at, leave, outline, wants } from "../../support/desired";
import { hostDevice, World } from "../../support/world";

const FIRST: Incarnation = { incarnation: "1".repeat(32), since: "2026-11-29T12:00:00Z" };
const SECOND: Incarnation = { incarnation: "2".repeat(32), since: "2026-11-30T09:30:00Z" };
const CARD = hostDevice("0000:01:00", [0, 1, 2, 3]);

const card = (): World =>
  new World({ functions: [...CARD, ...hostDevice("0000:02:00", [0, 1], { iommuGroup: 8 })] });
const pair = { leftovers: "hold" } as const;

function entryIn(world: World): LedgerEntry {
  const found = world.ledger.find((line) => line.entry.owner === OWNER);
  if (found === undefined) throw new Error("there is no entry");
  return found.entry;
}

/** What the state of whoever made this would remember. */
function stateOf({ target }: Plan): PriorAttachment {
  if (target === undefined) throw new Error("nothing was planned");
  const { slot, functions, incarnation } = target.entry;
  return { slot, functions, ...(incarnation !== undefined && { incarnation }) };
}

/** A create of a stack, carried out as far as it is let. */
function create(world: World, desired: DesiredAttachment, fresh: Incarnation, steps = Infinity): Plan {
  const plan = planAttach(world.observe(), { ...desired, fresh });
  world.applyAll(plan.steps.slice(0, steps));
  return plan;
}

/** What stands after 0.1 has made it: nobody wrote down who. */
function madeByOldRelease(world: World, desired: DesiredAttachment): PriorAttachment {
  const plan = planAttach(world.observe(), desired, { functions: [] });
  world.applyAll(plan.steps);
  return stateOf(plan);
}

describe("a create", () => {
  it("gives what it makes an incarnation of its own, and the time", () => {
    const world = card();
    create(world, wants(), FIRST);
    expect(entryIn(world)).toMatchObject(FIRST);
  });

  it("after a crash resumes under the incarnation written, whatever it wants now", () => {
    const world = card();
    create(world, wants(), FIRST, 6);
    expect(world.plugged.map((one) => one.guestFunction)).not.toContain(0);
    const plan = create(world, wants([0, 2], pair), SECOND);
    expect(entryIn(world)).toMatchObject(FIRST);
    expect(plan.takesOver).toBeUndefined();
    expect(world.plugged.map((one) => one.hostAddress).sort()).toEqual(["0000:01:00.0", "0000:01:00.2"]);
  });

  it("that finds its set in the guest takes it over by one write", () => {
    const world = card();
    create(world, wants(), FIRST);
    const plan = create(world, wants(), SECOND);
    expect(outline(plan)).toEqual(["record"]);
    expect(interruptionOf(plan)).toBe("none");
    expect(entryIn(world)).toMatchObject(SECOND);
    expect(describePlan(plan).slice(0, 2)).toEqual([
      "It stands since 2026-11-29T12:00:00Z; this resource takes it over.",
      "If another stack made it, that stack loses it: give this resource another name.",
    ]);
  });

  it("takes over what 0.1 made, and does not say since when", () => {
    const world = card();
    madeByOldRelease(world, wants());
    const plan = create(world, wants(), SECOND);
    expect(outline(plan)).toEqual(["record"]);
    expect(describePlan(plan)[0]).toBe("It stands; this resource takes it over.");
  });

  it("takes over what bears its tag, though the ledger has been lost", () => {
    const world = card();
    create(world, wants(), FIRST);
    world.ledger = [];
    expect(outline(create(world, wants(), SECOND))).toEqual(["record"]);
    expect(entryIn(world)).toMatchObject(SECOND);
  });

  it("completes what it takes over: the guest's configuration gets it too", () => {
    const world = card();
    create(world, wants(), FIRST);
    const plan = create(world, wants(undefined, { persistent: true }), SECOND);
    expect(plan.steps.map((step) => step.kind)).toEqual(["record", "configure"]);
    expect(world.configuredLedger).toEqual([entryIn(world)]);
  });

  const others: [string, DesiredAttachment][] = [
    ["fewer functions", wants([0, 1], pair)],
    ["other functions", wants([2, 3], pair)],
    [
      "another device",
      {
        ...wants(),
        selection: { by: "map", map: [{ hostAddress: at("0000:02:00.0"), guestFunction: 0 }] },
        leftovers: "hold",
      },
    ],
    [
      "other guest functions",
      {
        ...wants(),
        selection: {
          by: "map",
          map: [0, 1, 2, 3].map((n) => ({ hostAddress: at(`0000:01:00.${n}`), guestFunction: 3 - n })),
        },
      },
    ],
    [
      "another ROM",
      {
        ...wants(),
        selection: {
          by: "map",
          map: [0, 1, 2, 3].map((n) => ({
            hostAddress: at(`0000:01:00.${n}`),
            guestFunction: n,
            romBar: false,
          })),
        },
      },
    ],
    ["another slot", wants(undefined, { guestSlot: { bus: "pci.2" } })],
  ];
  it.each(others)("that finds its token's attachment, and wants %s, is refused", (_what, desired) => {
    const world = card();
    create(world, wants(), FIRST);
    const ask = (): Plan => planAttach(world.observe(), { ...desired, fresh: SECOND });
    expect(refusalOf(ask)).toBe("ATTACHMENT_EXISTS");
    expect(ask).toThrow(/since 2026-11-29T12:00:00Z.*0000:01:00\.0 as function 0.*adopt to true/s);
  });

  it.each(others)("with adopt changes what stands to %s, under a new incarnation", (_what, desired) => {
    const world = card();
    create(world, wants(), FIRST);
    const plan = create(world, { ...desired, adopt: true }, SECOND);
    expect(plan.steps.map((step) => step.kind)).toContain("unplug");
    expect(entryIn(world)).toMatchObject(SECOND);
  });

  it("that names no functions wants all of the device, whatever part of it stands", () => {
    const world = card();
    create(world, wants([0, 1], pair), FIRST);
    expect(refusalOf(() => create(world, wants(), SECOND))).toBe("ATTACHMENT_EXISTS");
  });

  it("for a stopped guest takes over its configuration, and refuses another set", () => {
    const world = card();
    create(world, wants([0, 1], { ...pair, persistent: true }), FIRST);
    world.stopGuest();
    const same = wants([0, 1], { ...pair, persistent: true });
    expect(refusalOf(() => create(world, wants([0], { ...pair, persistent: true }), SECOND))).toBe(
      "ATTACHMENT_EXISTS",
    );
    expect(outline(create(world, same, SECOND))).toEqual(["record configuration"]);
    expect(world.configuredLedger[0]).toMatchObject(SECOND);
  });
});

describe("the state that an attachment was taken from", () => {
  const taken = (): { world: World; first: PriorAttachment; second: PriorAttachment } => {
    const world = card();
    const first = stateOf(create(world, wants(), FIRST));
    const second = stateOf(create(world, wants(), SECOND));
    return { world, first, second };
  };

  it("can change it no more: not to another set, and not to the same", () => {
    const { world, first } = taken();
    for (const desired of [wants(), wants([0, 1], pair)])
      expect(refusalOf(() => planAttach(world.observe(), desired, first))).toBe("ATTACHMENT_TAKEN_OVER");
    expect(() => planAttach(world.observe(), wants(), first)).toThrow(
      /since 2026-11-30T09:30:00Z.*adopt to true.*state delete/s,
    );
  });

  it("takes it back with adopt, under a new incarnation, and the other loses it", () => {
    const { world, first, second } = taken();
    const third: Incarnation = { incarnation: "3".repeat(32), since: "2026-12-01T00:00:00Z" };
    const plan = planAttach(world.observe(), { ...wants(undefined, { adopt: true }), fresh: third }, first);
    expect(outline(plan)).toEqual(["record"]);
    world.applyAll(plan.steps);
    expect(entryIn(world)).toMatchObject(third);
    expect(refusalOf(() => planAttach(world.observe(), wants(), second))).toBe("ATTACHMENT_TAKEN_OVER");
  });

  it("of 0.1, without an incarnation, is no owner of what has one", () => {
    const world = card();
    const old = madeByOldRelease(world, wants());
    create(world, wants(), SECOND);
    expect(refusalOf(() => planAttach(world.observe(), wants(), old))).toBe("ATTACHMENT_TAKEN_OVER");
  });

  it("has it still if the program goes on asking for adopt", () => {
    const world = card();
    const state = stateOf(create(world, wants(), FIRST));
    const plan = planAttach(world.observe(), { ...wants(undefined, { adopt: true }), fresh: SECOND }, state);
    expect(plan.steps).toEqual([]);
  });
});

describe("a state of 0.1", () => {
  it("owns what has no incarnation, and gives it none", () => {
    const world = card();
    const old = madeByOldRelease(world, wants());
    const plan = planAttach(world.observe(), { ...wants([0, 1], pair), fresh: SECOND }, old);
    world.applyAll(plan.steps);
    expect(entryIn(world).incarnation).toBeUndefined();
  });

  it("that remembers none of the functions which its token has is another resource's", () => {
    const world = card();
    madeByOldRelease(world, wants());
    const twin: PriorAttachment = { functions: [{ hostAddress: at("0000:02:00.0"), guestFunction: 0 }] };
    const desired = {
      ...wants(),
      selection: { by: "map", map: [{ hostAddress: at("0000:02:00.0"), guestFunction: 0 }] },
    } as const;
    expect(refusalOf(() => planAttach(world.observe(), desired, twin))).toBe("ATTACHMENT_TAKEN_OVER");
    expect(() => planAttach(world.observe(), desired, twin)).toThrow(/two resources have the same token/);
  });

  it("whose cut-off change to other functions was not saved is not that", () => {
    const world = card();
    const old = madeByOldRelease(world, wants());
    const moved = {
      ...wants(undefined, pair),
      selection: { by: "map", map: [{ hostAddress: at("0000:02:00.0"), guestFunction: 0 }] },
    } as const;
    world.applyAll(planAttach(world.observe(), moved, old).steps);
    expect(planAttach(world.observe(), moved, old).steps).toEqual([]);
  });
});

describe("an entry that an earlier release has written anew, without its incarnation", () => {
  const lost = (): { world: World; state: PriorAttachment } => {
    const world = card();
    const state = stateOf(create(world, wants(), FIRST));
    world.ledger = world.ledger.map(({ guest, entry: { incarnation: _, since: __, ...entry } }) => ({
      guest,
      entry,
    }));
    return { world, state };
  };

  it("is its state's still, and no difference", () => {
    const { world, state } = lost();
    expect(planAttach(world.observe(), { ...wants(), fresh: SECOND }, state).steps).toEqual([]);
  });

  it("gets it back with the next write", () => {
    const { world, state } = lost();
    world.applyAll(planAttach(world.observe(), { ...wants([0, 1], pair), fresh: SECOND }, state).steps);
    expect(entryIn(world).incarnation).toBe(FIRST.incarnation);
  });

  it("is erased by its state, in each place as it stands there", () => {
    const world = card();
    const state = stateOf(create(world, wants(undefined, { persistent: true }), FIRST));
    world.configuredLedger = world.configuredLedger.map(({ incarnation: _, ...entry }) => entry);
    leave(world, OWNER, state);
    expect([...world.ledger, ...world.configuredLedger]).toEqual([]);
  });
});

describe("an attachment anew in a guest that was started again", () => {
  it("is recorded under the state's incarnation, since now", () => {
    const world = card();
    const state = stateOf(create(world, wants(), FIRST));
    world.stopGuest();
    world.runState = "running";
    world.applyAll(planAttach(world.observe(), { ...wants(), fresh: SECOND }, state).steps);
    expect(entryIn(world)).toMatchObject({ incarnation: FIRST.incarnation, since: SECOND.since });
  });
});

describe("another's entry in the guest's configuration", () => {
  const mixed = (): { world: World; state: PriorAttachment } => {
    const world = card();
    const state = stateOf(create(world, wants(undefined, { persistent: true }), FIRST));
    world.configuredLedger = world.configuredLedger.map((entry) => ({ ...entry, ...SECOND }));
    return { world, state };
  };

  it("is left alone by a delete of the live one's owner", () => {
    const { world, state } = mixed();
    const plan = planDetach(world.observe(), OWNER, state);
    expect(plan.steps.map((step) => step.kind)).not.toContain("unconfigure");
    world.applyAll(plan.steps);
    expect(world.ledger).toEqual([]);
    expect(world.configuredLedger).toMatchObject([SECOND]);
    expect(world.configured).toHaveLength(4);
  });

  it("is overwritten by the next change of who has the live one", () => {
    const { world, state } = mixed();
    world.applyAll(planAttach(world.observe(), wants(undefined, { persistent: true }), state).steps);
    expect(world.configuredLedger).toMatchObject([FIRST]);
  });

  it("decides where no live one stands", () => {
    const { world, state } = mixed();
    world.stopGuest();
    const desired = wants(undefined, { persistent: true });
    expect(refusalOf(() => planAttach(world.observe(), desired, state))).toBe("ATTACHMENT_TAKEN_OVER");
  });
});

it("the tag, which is in every id, is of the token alone", () => {
  const world = card();
  create(world, wants(), FIRST);
  expect(new Set(world.plugged.map((one) => one.qemuId.split("-")[1]))).toEqual(new Set([tagOf(OWNER)]));
});
