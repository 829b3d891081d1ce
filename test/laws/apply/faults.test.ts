import { causeText, hasCode, ProviderError } from "../../../provider/errors";
import { attach, AttachFailure, detach } from "../../../provider/apply";
import { planAttach, tagOf, type PriorAttachment, type DesiredAttachment } from "../../../provider/plan";
import { letTimePass, type Outcome } from "../../support/fake-time";
import { OLDER_LIBVIRT, OTHER_OWNER, OWNER } from "../../support/scenarios";
import { at, reach, wants } from "../../support/desired";
import { hostDevice, OWN_GUEST, World } from "../../support/world";
import { WorldHypervisor, type Fault } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const query = { addresses: ["0000:01:00"] };
const progress = (): void => undefined;

function attachTo(hypervisor: WorldHypervisor, desired: DesiredAttachment, prior?: PriorAttachment) {
  const limits = { limitSeconds: 60, undoSeconds: 60 };
  return letTimePass(attach(hypervisor, { desired, query, progress, ...limits, ...(prior && { prior }) }));
}
function detachFrom(hypervisor: WorldHypervisor, prior: PriorAttachment = { functions: [] }) {
  const { uuid: guestUuid } = OWN_GUEST;
  const verify = (): void => undefined;
  const request = { ownerToken: OWNER, query, guestUuid, prior, verify, limitSeconds: 60, progress };
  return letTimePass(detach(hypervisor, request));
}

const all = wants();
const allPersistent = wants(undefined, { persistent: true });
const somePersistent = wants([0, 2], { leftovers: "hold", persistent: true });
const some = wants([0, 2], { leftovers: "hold" });
const empty = (): World => new World({ functions: hostDevice() });
const withAll = (): World => {
  const world = empty();
  reach(world, all);
  return world;
};
/** As the guest is after the next cold boot: libvirt has plugged all of it. */
const withAllColdPlugged = (): World => {
  const world = empty();
  reach(world, allPersistent);
  world.stopGuest();
  return world.coldBoot();
};
const withAllInConfiguration = (): World => {
  const world = withAllColdPlugged();
  world.stopGuest();
  return world;
};
const priorAll: PriorAttachment = {
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
  functions: [0, 1, 2, 3].map((n) => ({
    hostAddress: at(`0000:01:00.${n}`),
    guestFunction: n,
    hostDriver: "e1000e",
  })),
};

/** An operation, from what is there before it to what it wants. */
interface Operation {
  readonly name: string;
  readonly before: () => World;
  readonly run: (hypervisor: WorldHypervisor) => Promise<Outcome<unknown>>;
  readonly expectDone: (world: World) => void;
  /** After a failure that could be undone. */
  readonly expectUndone?: (world: World) => void;
  /** Whether its last call is a look, which is for information only. */
  readonly looksAtEnd?: true;
}

function expectNothingLeft(world: World): void {
  const { plugged, holdings: held, ledger, configured, configuredLedger } = world;
  expect({ plugged, held, ledger, configured, configuredLedger }).toEqual({
    plugged: [],
    held: [],
    ledger: [],
    configured: [],
    configuredLedger: [],
  });
  expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
}
function expectAttached(world: World, ...numbers: readonly number[]): void {
  expect(world.guestSees().map((one) => one.map.map((m) => `${m.hostAddress} ${m.guestFunction}`))).toEqual([
    numbers.map((n) => `0000:01:00.${n} ${n}`),
  ]);
  expect(world.holdings).toHaveLength(4);
  const entry = world.ledger[0]?.entry;
  expect(world.ledger).toHaveLength(1);
  expect(
    entry?.functions.filter((one) => one.guestFunction !== undefined).map((one) => one.hostAddress),
  ).toEqual(numbers.map((n) => `0000:01:00.${n}`));
  expect(entry?.functions.map((one) => one.hostDriver)).toEqual(Array(4).fill("e1000e"));
}

const create: Operation = {
  name: "create",
  before: empty,
  run: (hypervisor) => attachTo(hypervisor, all),
  expectDone: (world) => expectAttached(world, 0, 1, 2, 3),
  expectUndone: expectNothingLeft,
};
const update: Operation = {
  name: "update",
  before: withAll,
  run: (hypervisor) => attachTo(hypervisor, some, priorAll),
  expectDone: (world) => expectAttached(world, 0, 2),
  expectUndone: (world) => expectAttached(world, 0, 1, 2, 3),
};
const remove: Operation = {
  name: "delete",
  before: withAll,
  run: (hypervisor) => detachFrom(hypervisor, priorAll),
  expectDone: expectNothingLeft,
};
const createPersistent: Operation = {
  name: "create of a persistent attachment",
  before: empty,
  run: (hypervisor) => attachTo(hypervisor, allPersistent),
  expectDone: (world) => {
    expectAttached(world, 0, 1, 2, 3);
    expectConfigured(world, "0@0", "1@1", "2@2", "3@3");
  },
  expectUndone: expectNothingLeft,
};
const updateColdPlugged: Operation = {
  name: "update of what libvirt has plugged at a cold boot",
  before: withAllColdPlugged,
  run: (hypervisor) => attachTo(hypervisor, somePersistent, priorAll),
  expectDone: (world) => {
    expectAttached(world, 0, 2);
    expectConfigured(world, "0@0", "1", "2@2", "3");
  },
  expectUndone: (world) => {
    expectAttached(world, 0, 1, 2, 3);
    expectConfigured(world, "0@0", "1@1", "2@2", "3@3");
  },
};
const removeColdPlugged: Operation = {
  name: "delete of what libvirt has plugged at a cold boot",
  before: withAllColdPlugged,
  run: (hypervisor) => detachFrom(hypervisor, priorAll),
  expectDone: expectNothingLeft,
};
const emptyShutOff = (): World => new World({ functions: hostDevice(), runState: "off" });
const createWhileOff: Operation = {
  name: "create of a persistent attachment in a guest that is shut off",
  before: emptyShutOff,
  run: (hypervisor) => attachTo(hypervisor, allPersistent),
  expectDone: (world) => {
    expectConfigured(world, "0@0", "1@1", "2@2", "3@3");
    expect(world.holdings).toEqual([]);
  },
  expectUndone: expectNothingLeft,
  looksAtEnd: true,
};
const updateWhileOff: Operation = {
  name: "update of a persistent attachment in a guest that is shut off",
  before: withAllInConfiguration,
  run: (hypervisor) => attachTo(hypervisor, somePersistent, priorAll),
  expectDone: (world) => expectConfigured(world, "0@0", "1", "2@2", "3"),
  expectUndone: (world) => expectConfigured(world, "0@0", "1@1", "2@2", "3@3"),
  looksAtEnd: true,
};
const removeWhileOff: Operation = {
  name: "delete of a persistent attachment in a guest that is shut off",
  before: withAllInConfiguration,
  run: (hypervisor) => detachFrom(hypervisor, priorAll),
  expectDone: expectNothingLeft,
};
/** A host with libvirt before 8.3, and its guest shut off. */
const olderShutOff = (): World =>
  new World({ functions: hostDevice(), runState: "off", olderLibvirt: OLDER_LIBVIRT });
const createWithOlderLibvirt: Operation = {
  name: "create of a persistent attachment by an older libvirt in a guest that is shut off",
  before: olderShutOff,
  run: (hypervisor) => attachTo(hypervisor, allPersistent),
  expectDone: (world) => {
    expect(world.configured.map((one) => one.guestAddress?.guestFunction).sort()).toEqual([0, 1, 2, 3]);
    expect(world.ledger.map((line) => line.entry.owner)).toEqual([OWNER]);
    expect(world.holdings).toEqual([]);
  },
  expectUndone: expectNothingLeft,
  looksAtEnd: true,
};
const removeWithOlderLibvirt: Operation = {
  name: "delete by an older libvirt from a guest that is shut off",
  before: () => {
    const world = olderShutOff();
    reach(world, allPersistent);
    return world;
  },
  run: (hypervisor) => detachFrom(hypervisor, priorAll),
  expectDone: expectNothingLeft,
};
/** A host whose libvirt plugs by itself what is alone. */
const emptyOfSingles = (): World => new World({ functions: hostDevice(), plugsSingles: true });
const afterReaching = (desired: DesiredAttachment): World => {
  const world = emptyOfSingles();
  reach(world, desired);
  return world;
};
const single = wants([0], { leftovers: "hold" });
const createSingle: Operation = {
  name: "create of one function",
  before: emptyOfSingles,
  run: (hypervisor) => attachTo(hypervisor, single),
  expectDone: (world) => expectAttached(world, 0),
  expectUndone: expectNothingLeft,
};
const createPersistentSingle: Operation = {
  name: "create of one function of a persistent attachment",
  before: emptyOfSingles,
  run: (hypervisor) => attachTo(hypervisor, { ...single, persistent: true }),
  expectDone: (world) => {
    expectAttached(world, 0);
    expectConfigured(world, "0@0", "1", "2", "3");
  },
  expectUndone: expectNothingLeft,
};
const growSingle: Operation = {
  name: "update of one function to all",
  before: () => afterReaching(single),
  run: (hypervisor) => attachTo(hypervisor, wants([0, 1, 2, 3]), priorAll),
  expectDone: (world) => expectAttached(world, 0, 1, 2, 3),
  expectUndone: (world) => expectAttached(world, 0),
};
const shrinkToSingle: Operation = {
  name: "update of all functions to one",
  before: () => afterReaching(all),
  run: (hypervisor) => attachTo(hypervisor, single, priorAll),
  expectDone: (world) => expectAttached(world, 0),
  expectUndone: (world) => expectAttached(world, 0, 1, 2, 3),
};
const exchangeSingle: Operation = {
  name: "update of one function to another",
  before: () => afterReaching(single),
  run: (hypervisor) => {
    const map = [{ hostAddress: at("0000:01:00.2"), guestFunction: 0 }];
    const selection = { by: "map", map } as const;
    return attachTo(hypervisor, { ...single, selection }, priorAll);
  },
  expectDone: (world) => {
    expect(world.guestSees()).toMatchObject([{ map: [{ hostAddress: "0000:01:00.2", guestFunction: 0 }] }]);
    expect(world.holdings).toHaveLength(4);
  },
  expectUndone: (world) => expectAttached(world, 0),
};
const removeSingle: Operation = {
  name: "delete of one function",
  before: () => afterReaching(single),
  run: (hypervisor) => detachFrom(hypervisor, priorAll),
  expectDone: expectNothingLeft,
};
const singles = [createSingle, createPersistentSingle, growSingle, shrinkToSingle, exchangeSingle];
const removals = [remove, removeColdPlugged, removeWhileOff, removeWithOlderLibvirt, removeSingle];
const operations = [
  create,
  update,
  createPersistent,
  updateColdPlugged,
  createWhileOff,
  createWithOlderLibvirt,
  updateWhileOff,
  ...singles,
  ...removals,
];

/** `2@0`: host function 2 as guest function 0, in the slot of the ledger's entry. */
function expectConfigured(world: World, ...functions: readonly string[]): void {
  const [entry] = world.configuredLedger;
  expect(world.configuredLedger).toHaveLength(1);
  const found = world.configured.map(({ hostAddress: address, guestAddress }) =>
    guestAddress === undefined ? address.slice(-1) : `${address.slice(-1)}@${guestAddress.guestFunction}`,
  );
  expect(found.sort()).toEqual([...functions].sort());
  for (const { guestAddress } of world.configured)
    if (guestAddress !== undefined)
      expect(guestAddress).toMatchObject({ bus: entry?.slot.bus, slot: entry?.slot.slot });
  if (!world.isRunning)
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
}

async function callsOf(operation: Operation): Promise<string[]> {
  const hypervisor = new WorldHypervisor(operation.before());
  const { error } = await operation.run(hypervisor);
  expect(error).toBeUndefined();
  return hypervisor.calls;
}

const failAt =
  (k: number, fault: Fault) =>
  (_call: string, index: number): Fault | undefined =>
    index === k ? fault : undefined;

describe.each(operations)("$name", (operation) => {
  it("reaches what it is for, and leaves no lock and no listener behind", async () => {
    const hypervisor = new WorldHypervisor(operation.before());
    const { error } = await operation.run(hypervisor);
    expect(error).toBeUndefined();
    operation.expectDone(hypervisor.world);
    expect(hypervisor.locks.areFree).toBe(true);
    expect(hypervisor.isHeardByNobody).toBe(true);
  });

  it("changes nothing when it is run a second time", async () => {
    const world = operation.before();
    await operation.run(new WorldHypervisor(world));
    const again = new WorldHypervisor(world);
    const { error } = await operation.run(again);
    expect(error).toBeUndefined();
    expect(again.changes).toEqual([]);
    operation.expectDone(world);
  });

  it.each<Fault>(["refused", "lost-reply"])(
    "with any call %s: ends unchanged or says what is left; the next finishes",
    async (fault) => {
      const { length } = await callsOf(operation);
      for (let k = 0; k < length; k++) {
        const hypervisor = new WorldHypervisor(operation.before(), failAt(k, fault));
        const { error } = await operation.run(hypervisor);
        const call = hypervisor.calls[k] ?? "";
        // how the guest sees it is for information only
        const isInformation =
          call === "readEnumeration" || (operation.looksAtEnd === true && k === length - 1);
        if (isInformation) expect([k, error]).toEqual([k, undefined]);
        else expect([call, causeText(error)]).toEqual([call, expect.stringContaining(`injected: ${call}`)]);
        if (call !== "listen") expect(hypervisor.isHeardByNobody).toBe(true);
        if (!call.startsWith("lock")) expect(hypervisor.locks.areFree).toBe(true);
        const stands = error === undefined || (error instanceof AttachFailure && error.stands);
        if (!stands) operation.expectUndone?.(hypervisor.world);
        if (removals.includes(operation) && k > 2)
          expect([call, hasCode(error, "DETACH_FAILED")]).toEqual([call, true]);
        const { error: secondError } = await operation.run(new WorldHypervisor(hypervisor.world));
        expect(secondError).toBeUndefined();
        operation.expectDone(hypervisor.world);
      }
    },
  );

  it.each<Fault>(["crash-before", "crash-after"])(
    "after a %s any call, the next run finishes it",
    async (fault) => {
      const { length } = await callsOf(operation);
      for (let k = 0; k < length; k++) {
        const { world } = await runUntilCrash(operation, k, fault);
        const { error } = await operation.run(new WorldHypervisor(world));
        expect(error).toBeUndefined();
        operation.expectDone(world);
      }
    },
  );

  it.each<Fault>(["crash-before", "crash-after"])(
    "after a %s any call, a delete gives everything back",
    async (fault) => {
      const { length } = await callsOf(operation);
      for (let k = 0; k < length; k++) {
        const { world } = await runUntilCrash(operation, k, fault);
        const { error } = await detachFrom(new WorldHypervisor(world), priorAll);
        expect(error).toBeUndefined();
        expectNothingLeft(world);
      }
    },
  );
});

/** A process that dies leaves what it had done; its locks go with its connection. */
async function runUntilCrash(operation: Operation, k: number, fault: Fault): Promise<WorldHypervisor> {
  const hypervisor = new WorldHypervisor(operation.before(), failAt(k, fault));
  await operation.run(hypervisor);
  return hypervisor;
}

describe("a failed attach", () => {
  it("says what failed, that it was undone, and that nothing is there", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) => (call === "plug f2" ? "refused" : undefined));
    const { error } = await attachTo(hypervisor, all);
    expect(error).toBeInstanceOf(AttachFailure);
    expect(causeText(error)).toContain("injected: plug f2 was refused");
    expect(causeText(error)).toContain("Everything was undone");
    expect((error as AttachFailure).actual).toBeUndefined();
    expect(hasCode((error as AttachFailure).cause, "ATTACH_FAILED")).toBe(true);
  });

  it("says that the old set was put back, and tells it", async () => {
    const hypervisor = new WorldHypervisor(withAll(), failOnce("plug f0", "refused"));
    const { error } = await attachTo(hypervisor, some, priorAll);
    expect(causeText(error)).toContain("injected: plug f0 was refused");
    expect(causeText(error)).toContain("attached again");
    const { actual } = error as AttachFailure;
    expect(actual?.attached.map((one) => one.hostAddress)).toEqual(
      [0, 1, 2, 3].map((n) => `0000:01:00.${n}`),
    );
    expect(actual?.attached.map((one) => one.hostDriver)).toEqual(Array(4).fill("e1000e"));
  });

  it.each([
    ["plugged live", (world: World) => world],
    [
      "cold-plugged",
      (world: World) => {
        world.stopGuest();
        return world.coldBoot();
      },
    ],
  ])("puts back the ROM that the old set had (%s)", async (_name, boot) => {
    const withRom = (romFile: string): DesiredAttachment => {
      const map = [0, 1, 2, 3].map((n) => ({ hostAddress: at(`0000:01:00.${n}`), guestFunction: n }));
      const [zero, ...others] = map;
      return { ...allPersistent, selection: { by: "map", map: [{ ...zero!, romFile }, ...others] } };
    };
    const world = empty();
    reach(world, withRom("/old.rom"));
    // a file that QEMU does not find fails each time; the old one does not
    const hypervisor = new WorldHypervisor(boot(world), failOnce("plug om", "refused"));
    const { error } = await attachTo(hypervisor, withRom("/new.rom"), priorAll);
    expect(causeText(error)).toContain("attached again");
    expect(world.plugged.map((one) => [one.guestFunction, one.romFile]).sort()).toEqual([
      [0, "/old.rom"],
      [1, undefined],
      [2, undefined],
      [3, undefined],
    ]);
    expect(world.configured.find((one) => one.guestAddress?.guestFunction === 0)?.romFile).toBe("/old.rom");
    expect(planAttach(world.observe(), withRom("/old.rom")).steps).toEqual([]);
  });

  it.each([create, update, createPersistent, updateColdPlugged])(
    "($name) whose undoing fails too reports both; the next run finishes it",
    async (operation) => {
      // undoing begins with a look; what comes before it ran together with the call that failed
      const isUndoing = (calls: readonly string[], k: number): boolean =>
        calls.slice(k + 1).includes("observe");
      const { length } = (await callsOf(operation)).filter((call) => call !== "readEnumeration");
      for (let k = 3; k < length; k++) {
        const calls: string[] = [];
        let failedUndo: string | undefined;
        const hypervisor = new WorldHypervisor(operation.before(), (call, index) => {
          calls.push(call);
          if (index === k) return "lost-reply";
          const changes = /^(record|erase|hold|release|plug|device_del|configure|unconfigure)/.test(call);
          if (!isUndoing(calls, k) || !changes || failedUndo !== undefined) return undefined;
          failedUndo = call;
          return "refused";
        });
        const { error } = await operation.run(hypervisor);
        const cause = (error as { cause?: { cause?: unknown } }).cause?.cause;
        expect(causeText(cause)).toBe(`injected: ${calls[k]} got no reply`);
        if (failedUndo !== undefined) {
          expect(causeText(error)).toContain(`injected: ${calls[k]} got no reply`);
          expect(causeText(error)).toContain(`injected: ${failedUndo} was refused`);
        }
        const { error: secondError } = await operation.run(new WorldHypervisor(hypervisor.world));
        expect(secondError).toBeUndefined();
        operation.expectDone(hypervisor.world);
      }
    },
  );

  it("whose undoing fails as well tells what is there", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) =>
      call === "plug f0" || call === "release 0000:01:00.2" ? "refused" : undefined,
    );
    const { error } = await attachTo(hypervisor, all);
    expect(causeText(error)).toContain("Undoing it failed as well");
    const { actual } = error as AttachFailure;
    expect(actual?.attached).toEqual([]);
    expect(actual?.held).toEqual([{ hostAddress: "0000:01:00.2", hostDriver: "e1000e", iommuGroup: 7 }]);
  });

  it("keeps the resource with all it had begun, if nothing can be looked at", async () => {
    let isCut = false;
    const hypervisor = new WorldHypervisor(empty(), (call) => {
      isCut ||= call === "plug f2";
      return isCut ? "refused" : undefined;
    });
    const { error } = await attachTo(hypervisor, all);
    const { actual } = error as AttachFailure;
    expect(actual?.held.map((one) => one.hostDriver)).toEqual(Array(4).fill("e1000e"));
    expect(actual?.slot?.bus).toBe("pci.4");
  });

  it("that was to adopt says that nothing changed, and leaves the other owner all", async () => {
    const world = empty();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    const before = JSON.stringify(world.ledger);
    const hypervisor = new WorldHypervisor(world, (call) => (call === "record" ? "refused" : undefined));
    const { error } = await attachTo(hypervisor, wants(undefined, { adopt: true }));
    expect(causeText(error)).toContain("Nothing was changed");
    expect((error as AttachFailure).actual).toBeUndefined();
    expect(JSON.stringify(world.ledger)).toBe(before);
    expect(world.plugged).toHaveLength(4);
  });

  it("that had adopted puts the adopted set back", async () => {
    const world = empty();
    reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
    const hypervisor = new WorldHypervisor(world, failOnce("plug f0", "refused"));
    const { error } = await attachTo(hypervisor, wants([0, 2], { adopt: true, leftovers: "hold" }));
    expect(causeText(error)).toContain("attached again");
    expectAttached(world, 0, 1, 2, 3);
  });

  it("that is refused by the plan is no AttachFailure, and nothing was touched", async () => {
    const hypervisor = new WorldHypervisor(empty());
    const { error } = await attachTo(hypervisor, wants([0]));
    expect(hasCode(error, "LEFTOVERS_REFUSED")).toBe(true);
    expect(error).not.toBeInstanceOf(AttachFailure);
    expect(hypervisor.changes).toEqual([]);
    expect(hypervisor.locks.areFree).toBe(true);
  });

  it("that verify refuses touches nothing", async () => {
    const hypervisor = new WorldHypervisor(empty());
    const refusal = new ProviderError("ANOTHER_HOST", { what: "another" });
    const verify = (): void => {
      throw refusal;
    };
    const limits = { limitSeconds: 60, undoSeconds: 60 };
    const { error } = await letTimePass(
      attach(hypervisor, { desired: all, query, progress, verify, ...limits }),
    );
    expect(error).toBe(refusal);
    expect(hypervisor.changes).toEqual([]);
  });
});

/** Fails the first call of this name only. */
function failOnce(name: string, fault: Fault): (call: string) => Fault | undefined {
  let isDone = false;
  return (call) => {
    if (isDone || call !== name) return undefined;
    isDone = true;
    return fault;
  };
}

describe("where the guest ends at any moment", () => {
  it.each([remove, removeColdPlugged, removeSingle])(
    "$name succeeds, with every driver back",
    async (operation) => {
      const { length } = await callsOf(operation);
      for (let k = 0; k < length; k++) {
        const hypervisor = new WorldHypervisor(operation.before(), failAt(k, "guest-ends"));
        const { error } = await detachFrom(hypervisor, priorAll);
        expect([k, hypervisor.calls[k], error]).toEqual([k, hypervisor.calls[k], undefined]);
        expectNothingLeft(hypervisor.world);
      }
    },
  );

  it("an update of a persistent attachment puts its configuration back, and says so", async () => {
    const { length } = await callsOf(updateColdPlugged);
    for (let k = 0; k < length; k++) {
      const world = withAllColdPlugged();
      const hypervisor = new WorldHypervisor(world, failAt(k, "guest-ends"));
      const { error } = await updateColdPlugged.run(hypervisor);
      const call = hypervisor.calls[k] ?? "";
      // once it is off before the plan is made, an update of the configuration is all that there is to do
      if (error === undefined)
        expect(call).toMatch(/^(readIdentity|lock|observe|unconfigure|configure|readEnumeration)/);
      else {
        expect(error).toBeInstanceOf(AttachFailure);
        expect(causeText(error)).toContain("its configuration has the functions that it had before");
        expect((error as AttachFailure).actual?.attached.map((one) => one.qemuId)).toEqual(
          [0, 1, 2, 3].map((n) => `ua-mfpci-${tagOf(OWNER)}-0000-01-00-${n}`),
        );
        updateWhileOff.expectUndone?.(world);
      }
      world.coldBoot();
      const { error: secondError } = await updateColdPlugged.run(new WorldHypervisor(world));
      expect(secondError).toBeUndefined();
      updateColdPlugged.expectDone(world);
    }
  });

  it("a create of a persistent attachment leaves nothing, or is whole after a boot", async () => {
    const { length } = await callsOf(createPersistent);
    const endings: string[] = [];
    for (let k = 0; k < length; k++) {
      const world = empty();
      const hypervisor = new WorldHypervisor(world, failAt(k, "guest-ends"));
      const { error } = await createPersistent.run(hypervisor);
      if (error !== undefined) expectNothingLeft(world);
      else {
        endings.push(hypervisor.calls[k] ?? "");
        const { error: secondError } = await createPersistent.run(new WorldHypervisor(world.coldBoot()));
        expect(secondError).toBeUndefined();
        createPersistent.expectDone(world);
      }
    }
    // a guest that is off by the look gets it by its configuration; after that, what the last plug has
    // confirmed stays
    expect(endings).toEqual([
      "readIdentity",
      expect.stringMatching(/^lock /),
      "observe",
      "configure",
      "readEnumeration",
    ]);
  });

  it.each([create, update, createSingle, growSingle])(
    "$name fails, and says that nothing is attached",
    async (operation) => {
      const { length } = await callsOf(operation);
      for (let k = 0; k < length; k++) {
        const hypervisor = new WorldHypervisor(operation.before(), failAt(k, "guest-ends"));
        const { error } = await operation.run(hypervisor);
        const call = hypervisor.calls[k];
        // the guest's own view is asked for when all is done: a guest that ends then ended after the attach
        expect([call, error]).toEqual([call, call === "readEnumeration" ? undefined : expect.any(Error)]);
        if (error instanceof AttachFailure) expect(error.actual).toBeUndefined();
        expectNothingLeft(hypervisor.world);
      }
    },
  );

  it("a delete waits for drivers that come back by themselves, and binds none", async () => {
    const world = withAll();
    const hypervisor = new WorldHypervisor(world, failOnce("device_del f0", "guest-ends"));
    const stop = world.stopGuest.bind(world);
    const bindAll = (driver: string): void =>
      [...world.functions.keys()].forEach((one) => world.bind(one, driver));
    world.stopGuest = () => {
      stop();
      bindAll("vfio-pci");
      setTimeout(() => bindAll("e1000e"), 3000);
    };
    const { error, tookMs } = await detachFrom(hypervisor, priorAll);
    expect(error).toBeUndefined();
    expect(tookMs).toBeGreaterThanOrEqual(3000);
    expect(hypervisor.changes).toEqual(["device_del f0"]);
  });
});

describe("a driver that does not come back with the release", () => {
  it("is bound again, by its function alone", async () => {
    const world = withAll();
    world.losesDriverAtRelease.add(at("0000:01:00.0"));
    const hypervisor = new WorldHypervisor(world);
    const { error } = await detachFrom(hypervisor, priorAll);
    expect(error).toBeUndefined();
    expect(hypervisor.changes.filter((one) => one.startsWith("rebind"))).toEqual(["rebind 0000:01:00.0"]);
    expectNothingLeft(world);
  });

  it("and cannot be bound is named with its driver, and the ledger stays", async () => {
    const world = withAll();
    world.losesDriverAtRelease.add(at("0000:01:00.0"));
    const hypervisor = new WorldHypervisor(world, (call) =>
      call.startsWith("rebind") ? "refused" : undefined,
    );
    const { error } = await detachFrom(hypervisor, priorAll);
    expect(hasCode(error, "DETACH_FAILED")).toBe(true);
    expect(causeText(error)).toContain("0000:01:00.0 (was on e1000e)");
    expect(causeText(error)).toContain("injected: rebind");
    expect(world.ledger).toHaveLength(1);
    await detachFrom(new WorldHypervisor(world), priorAll);
    expectNothingLeft(world);
  });

  it("because the function was on a VFIO driver before, is none: nothing is bound", async () => {
    const world = withAll();
    const [first, ...others] = priorAll.functions;
    const functions = [{ ...first!, hostDriver: "mlx5_vfio_pci" }, ...others];
    world.ledger = world.ledger.map((line) => ({ ...line, entry: { ...line.entry, functions } }));
    const hypervisor = new WorldHypervisor(world);
    hypervisor.onCall = (call) => {
      if (call === "readFunctions") world.bind(at("0000:01:00.0"), "vfio-pci");
    };
    const { error } = await detachFrom(hypervisor, { functions });
    expect(error).toBeUndefined();
    expect(hypervisor.changes.filter((one) => one.startsWith("rebind"))).toEqual([]);
  });

  it("because another driver has taken it, is no failure", async () => {
    const world = withAll();
    const hypervisor = new WorldHypervisor(world);
    hypervisor.onCall = (call) => {
      if (call === "readFunctions") world.bind(at("0000:01:00.1"), "igb");
    };
    const { error } = await detachFrom(hypervisor, priorAll);
    expect(error).toBeUndefined();
    expect(hypervisor.changes.filter((one) => one.startsWith("rebind"))).toEqual([]);
  });
});
