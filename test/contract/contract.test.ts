import { setTimeout as sleep } from "node:timers/promises";
import { causeText } from "../../provider/errors";
import { attach, detach, type ActualState } from "../../provider/apply";
import { readActualState } from "../support/read-actual-state";
import type { DesiredAttachment } from "../../provider/plan";
import type { QmpArguments } from "../../provider/qmp";
import { eventually } from "../support/eventually";
import { attachRequest, detachRequest } from "../support/requests";
import { OWNER } from "../support/scenarios";
import { wants } from "../support/desired";
import {
  behaviours,
  matrixCells,
  ownCells,
  testsOf,
  type Behaviour,
  type Cell,
} from "../support/matrix/cells";
import { refused } from "./refused";
import { CellGuest, numbersOf } from "./support/cell-guest";
import { noteMeasured } from "./support/measured";

/**
 * Of all cells, by their names, separated by commas; where nothing is said, those of this machine's own QEMU.
 */
const named = process.env["CONTRACT_CELLS"]?.split(",");
const cells =
  named === undefined ? ownCells : [...ownCells, ...matrixCells].filter((cell) => named.includes(cell.name));

const ALL = [0, 1, 2, 3];
const NOTHING = { plugged: [], held: [], ledger: [] };
const ON_HOST = ALL.map(() => "e1000e");
/** No operation below is given up, but those that say so: a machine may be busy. */
const PATIENCE_SECONDS = 300;
const EXPECTED_TO_FAIL_SECONDS = 3;
const STANDS_STILL_MS = 1200;
/** A stale eject that is under way ends within this once the guest goes on. */
const STALE_EJECT_MS = 3000;
/** For so long at least a report of success has to stay true. */
const TRUE_AFTER_MS = 10_000;

let guest: CellGuest;

const desired = (functions: readonly number[]): DesiredAttachment =>
  wants(functions, { leftovers: "hold", guestSlot: { bus: guest.kind.bus } });

function attachAll(functions: readonly number[] = ALL): Promise<ActualState> {
  const query = { addresses: ["0000:01:00"], forPlug: { buses: [guest.kind.bus] } };
  return attach(
    guest.hypervisor,
    attachRequest({
      desired: desired(functions),
      query,
      limitSeconds: PATIENCE_SECONDS,
      undoSeconds: PATIENCE_SECONDS,
    }),
  );
}

const detachAll = (limitSeconds = PATIENCE_SECONDS, said: string[] = []): Promise<void> =>
  detach(guest.hypervisor, detachRequest({ limitSeconds, progress: (line) => said.push(line) }));

/** The guest sees these functions together, QOM has them, all of the card is held, and the ledger says so. */
async function isWhole(actual: ActualState, functions: readonly number[]): Promise<void> {
  const { bus, slot, kind } = guest.kind;
  expect(actual.slot).toEqual({ bus, slot, kind });
  expect(numbersOf(actual)).toEqual(functions);
  await guest.shows(functions);
  const { held, ledger } = guest.hypervisor.world.partOf(OWNER);
  expect([held.length, ledger.length]).toEqual([4, 1]);
}

/** Neither guest nor QEMU nor ledger has any of it, and every function is on its driver. */
async function isGone(): Promise<void> {
  await guest.shows([]);
  const { world } = guest.hypervisor;
  expect(world.partOf(OWNER)).toEqual(NOTHING);
  expect([...world.functions.values()].map((one) => one.driver)).toEqual(ON_HOST);
}

const isFirst = (args: QmpArguments): boolean => String(args["id"]).endsWith("-f0");

/** QEMU itself refuses function 0, the last one, this once. */
function refuseFirstFunction(): void {
  guest.meddled.meddling = {
    before: async (args) => {
      if (!isFirst(args)) return args;
      guest.meddled.meddling = {};
      return { ...args, bus: "no-such-bus" };
    },
  };
}

const contract: Readonly<Record<Behaviour, () => Promise<void>>> = {
  "plug together": async () => {
    const before: unknown[] = [];
    guest.meddled.meddling = {
      before: async (args) => {
        if (isFirst(args)) before.push(await guest.seen());
      },
    };
    const actual = await attachAll();
    await isWhole(actual, ALL);
    // all but function 0 are in the slot then, and the guest knows nothing of it
    const { bus, slot } = guest.kind;
    expect(before).toEqual([{ guest: {}, qom: { [`${bus} ${slot}`]: [1, 2, 3] } }]);
  },

  "set change": async () => {
    await isWhole(await attachAll(), ALL);
    await isWhole(await attachAll([0, 2]), numbersOf(await look()));
    expect(numbersOf(await look())).toHaveLength(2);
  },

  unplug: async () => {
    await isWhole(await attachAll(), ALL);
    await detachAll();
    await isGone();
    const query = { addresses: ["0000:01:00"] };
    const left = await readActualState(guest.hypervisor, query, OWNER, AbortSignal.timeout(60_000));
    expect(left).toBeUndefined();
  },

  "roll back in the middle": async () => {
    refuseFirstFunction();
    await expect(attachAll()).rejects.toThrow(/no-such-bus.*\[PLUG_FAILED\] Everything was undone/);
    await isGone();
    const two = await attachAll([0, 1]);
    await isWhole(two, numbersOf(two));
    refuseFirstFunction();
    await expect(attachAll()).rejects.toThrow(/no-such-bus.*attached before are attached again/);
    await isWhole(await look(), numbersOf(two));
  },

  "unplug of a paused guest": async () => {
    await isWhole(await attachAll(), ALL);
    await guest.side.qmp("stop");
    // the second finds the request of the first one pending
    for (let times = 0; times < 2; times++) {
      const reason = await detachAll(EXPECTED_TO_FAIL_SECONDS).catch(causeText);
      expect(reason).toMatch(/the guest is paused.*the request stays with it\. Resume the guest/);
    }
    expect(Object.values(await guest.qom())).toEqual([ALL]);
    expect(guest.hypervisor.world.partOf(OWNER).held).toHaveLength(4);
    await guest.side.qmp("cont");
    await detachAll();
    await isGone();
  },

  "reset with a pending unplug": async () => {
    await isWhole(await attachAll(), ALL);
    await guest.side.qmp("stop");
    const said: string[] = [];
    const detaching = detachAll(PATIENCE_SECONDS, said);
    await eventually(async () => said.some((line) => line.includes("unplug")), true);
    await sleep(1000);
    await guest.side.reset();
    await guest.side.qmp("cont");
    await detaching;
    // a reset completes a request of ACPI, often before its news is read; of a native slot it has to be made
    // anew
    const isTold = said.includes("the guest was reset while the unplug was pending; looking again");
    expect(isTold || guest.kind.slots === "acpi").toBe(true);
    await guest.side.booted();
    await isGone();
  },

  "unrequested DEVICE_DELETED": async () => {
    // in the middle of an attach
    guest.meddled.meddling = {
      after: async (args) => {
        if (!isFirst(args)) return;
        guest.meddled.meddling = {};
        await guest.hasTakenOrSwept(ALL);
        await guest.removedByAStranger();
      },
    };
    await isWhole(await attachAll(), ALL);
    // while nobody does anything
    await guest.throwOut();
    const actual = await look();
    expect([actual.attached.length, actual.held.length]).toEqual([0, 4]);
    await isWhole(await attachAll(), ALL);
  },

  "plug again at once": async () => {
    await isWhole(await attachAll(), ALL);
    for (const functions of [[0, 1], ALL]) {
      await detachAll();
      const actual = await attachAll(functions);
      await isWhole(actual, numbersOf(actual));
      expect(actual.attached).toHaveLength(functions.length);
    }
  },

  "a late eject": async () => {
    for (const [n, disturb] of lateEjects.entries()) {
      await isWhole(await attachAll(), ALL);
      const outcome = await disturb();
      guest.meddled.meddling = {};
      await guest.removeBystander();
      // what was reported is true some time later as well
      await sleep(n === lateEjects.length - 1 ? TRUE_AFTER_MS : STALE_EJECT_MS);
      if (typeof outcome === "string") expect(outcome).toMatch(/\[SLOT_SWEPT\]/);
      else await isWhole(outcome, numbersOf(outcome));
      await detachAll();
    }
  },
};

/**
 * Ways to a second eject notification: each event of ACPI that comes before the guest's eject makes another
 * one, and QEMU ejects what is in the slot when that is carried out. Each ends with what an attach says of
 * two functions.
 */
const lateEjects: readonly (() => Promise<ActualState | string>)[] = [
  // the removal is asked for a second time
  () => changeTo([0, 2], { requested: () => guest.askedAgainByAStranger() }),
  // something is plugged into another slot
  () => changeTo([0, 2], { requested: () => guest.plugBystander() }),
  // an earlier operation has left its request with a guest that stood still
  async () => {
    await guest.side.qmp("stop");
    await expect(detachAll(EXPECTED_TO_FAIL_SECONDS)).rejects.toThrow(/DETACH_FAILED/);
    const changing = changeTo([0, 2], { requested: () => guest.plugBystander() });
    await sleep(500);
    await guest.side.qmp("cont");
    return changing;
  },
];

/**
 * Attaches another set to a guest that stands still for a moment whenever it has let go; an error is its
 * text.
 */
async function changeTo(
  functions: readonly number[],
  { requested }: { readonly requested: () => Promise<void> },
): Promise<ActualState | string> {
  guest.meddled.meddling = {
    requested: () => {
      guest.meddled.meddling = {};
      return requested();
    },
  };
  const goOn = await guest.standsStillAtEachEject(STANDS_STILL_MS, 2);
  try {
    return await attachAll(functions).catch(causeText);
  } finally {
    await goOn();
  }
}

/**
 * Of a guest that does not come back after a reset: the error says so, and everything stays held and
 * recorded.
 */
async function keepsWhatIsNotLetGo(): Promise<void> {
  await isWhole(await attachAll(), ALL);
  await guest.side.qmp("stop");
  const detaching = detachAll(10 * EXPECTED_TO_FAIL_SECONDS).catch(causeText);
  await sleep(1000);
  await guest.side.reset();
  await guest.side.qmp("cont");
  expect(await detaching).toMatch(
    /the guest .*the request stays with it.*\[DETACH_FAILED\]|takes no request/,
  );
  expect(guest.side.hasBooted).toBe(false);
  expect(Object.values(await guest.qom())).toEqual([ALL]);
  const { held, ledger } = guest.hypervisor.world.partOf(OWNER);
  expect([held.length, ledger.length]).toEqual([4, 1]);
}

/** What the provider itself finds of the attachment. */
async function look(): Promise<ActualState> {
  const query = { addresses: ["0000:01:00"] };
  const actual = await readActualState(guest.hypervisor, query, OWNER, AbortSignal.timeout(60_000));
  if (actual === undefined) throw new Error("nothing is attached");
  return actual;
}

/** Every test begins with nothing attached, in a guest that runs. */
async function isReady(): Promise<boolean> {
  const { meddled, hypervisor, side } = guest;
  meddled.meddling = {};
  if (side.hasEnded || !side.hasBooted) return false;
  if (hypervisor.world.partOf(OWNER).ledger.length > 0) await detachAll();
  return Object.keys((await guest.seen()).guest).length === 0;
}

async function startAgain(cell: Cell): Promise<void> {
  await guest.stop();
  guest = await CellGuest.start(cell);
}

for (const cell of cells)
  describe(cell.name, () => {
    const { otherwise, version } = cell;
    if (cell.kind === "refusals")
      return test.each(Object.entries(refused))("%s", (_name, refuse) => refuse(version));
    if (otherwise === undefined) return keepsTheContract(cell);
    test.each(testsOf(cell))("%s", () => isNative(cell));
  });

function keepsTheContract(cell: Cell): void {
  beforeAll(async () => {
    guest = await CellGuest.start(cell);
    noteMeasured(await guest.versions());
  });
  beforeEach(async () => {
    if (!(await isReady().catch(() => false))) await startAgain(cell);
  });
  // where it did not start there is none
  afterAll(() => (guest as CellGuest | undefined)?.stop());
  test.each(behaviours)("%s", (name) =>
    cell.exceptions[name] === undefined ? contract[name]() : keepsWhatIsNotLetGo(),
  );
}

async function isNative(cell: Cell): Promise<void> {
  const started = await CellGuest.start(cell);
  try {
    const bus = (await started.buses()).find((one) => one.bus === started.kind.bus);
    expect(bus?.hotplug).toMatchObject({ possible: true, kind: "pcie-native" });
    noteMeasured(await started.versions());
  } finally {
    await started.stop();
  }
}
