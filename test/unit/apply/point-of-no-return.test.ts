import { causeText, hasCode } from "../../../provider/errors";
import { attach, type AttachFailure } from "../../../provider/apply";
import { planAttach, type PriorAttachment, type DesiredAttachment } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { at, outline, reach, wants } from "../../support/desired";
import { hostDevice, hostFunction, World } from "../../support/world";
import { WorldHypervisor, type Fault } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** Four functions, each alone in its IOMMU group: what is dropped goes back to the host. */
const functions = [0, 1, 2, 3].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n }));
const all = wants();
const two = wants([0, 2]);
const prior: PriorAttachment = {
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
  functions: [0, 1, 2, 3].map((n) => ({
    hostAddress: at(`0000:01:00.${n}`),
    guestFunction: n,
    hostDriver: "e1000e",
  })),
};

function worldWith(desired: DesiredAttachment, ...boot: "cold-boot"[]): World {
  const world = new World({ functions });
  reach(world, desired);
  if (boot.length === 0) return world;
  world.stopGuest();
  return world.coldBoot();
}

function run(hypervisor: WorldHypervisor, desired: DesiredAttachment, said: string[] = []) {
  const progress = (line: string): void => void said.push(line);
  const query = { addresses: ["0000:01:00"] };
  const limits = { limitSeconds: 60, undoSeconds: 60 };
  return letTimePass(attach(hypervisor, { desired, query, prior, progress, ...limits }));
}

const interrupts = (calls: readonly string[]): string[] =>
  calls.filter((one) => /^(device_del|plug|attach|plugSteppingStone)/.test(one));

interface Change {
  readonly name: string;
  readonly before: () => World;
  readonly desired: DesiredAttachment;
  /** Whether steps are left once the guest has what is wanted. */
  readonly isTidiedUp: boolean;
}
const changes: Change[] = [
  { name: "a create", before: () => new World({ functions }), desired: all, isTidiedUp: false },
  {
    name: "a create in one group",
    before: () => new World({ functions: hostDevice() }),
    desired: all,
    isTidiedUp: false,
  },
  {
    name: "a create of a persistent one",
    before: () => new World({ functions }),
    desired: { ...all, persistent: true },
    isTidiedUp: true,
  },
  { name: "an update that drops functions", before: () => worldWith(all), desired: two, isTidiedUp: true },
  {
    name: "an update that drops functions of a persistent one",
    before: () => worldWith({ ...all, persistent: true }),
    desired: { ...two, persistent: true },
    isTidiedUp: true,
  },
  {
    name: "an update of what libvirt has plugged at a cold boot",
    before: () => worldWith({ ...all, persistent: true }, "cold-boot"),
    desired: { ...two, persistent: true },
    isTidiedUp: true,
  },
  {
    name: "an end of persistence",
    before: () => worldWith({ ...all, persistent: true }),
    desired: all,
    isTidiedUp: true,
  },
  {
    name: "a change to persistent",
    before: () => worldWith(all),
    desired: { ...all, persistent: true },
    isTidiedUp: true,
  },
  {
    name: "a change of one function that libvirt plugs",
    before: () => new World({ functions, plugsSingles: true }),
    desired: wants([0], { persistent: true }),
    isTidiedUp: true,
  },
];

const touching = [
  "hold",
  "unplug",
  "plug",
  "attach-single",
  "plug-stepping-stone",
  "unplug-stepping-stone",
  "await-reattach",
  "confirm",
];

/**
 * The calls of a run, and from which on the guest has what is wanted: after all that has to do with the
 * guest's slots.
 */
async function callsOf({ before, desired }: Change): Promise<{ call: string; isLater: boolean }[]> {
  const { steps } = planAttach(before().observe(), desired, prior);
  const stands = steps.reduce((found, { kind }, n) => (touching.includes(kind) ? n + 1 : found), 1);
  const hypervisor = new WorldHypervisor(before());
  const said: string[] = [];
  const calls: { call: string; isLater: boolean }[] = [];
  hypervisor.onCall = (call) => {
    const step = Number(/^(\d+)\/\d+ /.exec(said.at(-1) ?? "")?.[1] ?? 0);
    calls.push({ call, isLater: step > stands && call !== "readEnumeration" });
  };
  const { error } = await run(hypervisor, desired, said);
  expect(error).toBeUndefined();
  return calls;
}

describe.each(changes)("$name, once the guest has what is wanted", (change) => {
  it.each<Fault>(["refused", "lost-reply"])(
    "is not undone, whichever later call is %s, and the next run interrupts nothing",
    async (fault) => {
      const calls = await callsOf(change);
      expect(calls.some((one) => one.isLater)).toBe(change.isTidiedUp);
      for (const [k, { call, isLater }] of calls.entries()) {
        if (!isLater) continue;
        const hypervisor = new WorldHypervisor(change.before(), (_call, index) =>
          index === k ? fault : undefined,
        );
        const { error } = await run(hypervisor, change.desired);
        expect([call, (error as AttachFailure).stands]).toEqual([call, true]);
        expect(hasCode((error as AttachFailure).cause, "ATTACHED_WITH_LEFTOVERS")).toBe(true);
        expect(causeText(error)).toContain(`injected: ${call}`);
        expect(interrupts(hypervisor.calls.slice(k + 1))).toEqual([]);
        const numbers = planAttach(hypervisor.world.observe(), change.desired, prior).target?.attached;
        expect((error as AttachFailure).actual?.attached.map((one) => one.guestFunction)).toEqual(
          numbers?.map((one) => one.guestFunction),
        );
        const again = new WorldHypervisor(hypervisor.world);
        const { error: secondError } = await run(again, change.desired);
        expect([call, secondError]).toEqual([call, undefined]);
        expect(interrupts(again.calls)).toEqual([]);
        expect(outline(planAttach(again.world.observe(), change.desired, prior))).toEqual([]);
      }
    },
  );

  it("is a success even if the guest's view cannot be had, and says so", async () => {
    const said: string[] = [];
    const hypervisor = new WorldHypervisor(change.before(), (call) =>
      call === "readEnumeration" ? "refused" : undefined,
    );
    const { error, value } = await run(hypervisor, change.desired, said);
    expect(error).toBeUndefined();
    expect(value?.guest).toEqual({ guestConfigured: false });
    expect(said.join("\n")).toContain("cannot be told: injected: readEnumeration");
  });
});

describe("a function that is no longer wanted and does not get its driver back", () => {
  const isRebind = (call: string): Fault | undefined => (call.startsWith("rebind") ? "refused" : undefined);
  const losing = (): World => {
    const world = worldWith(all);
    world.losesDriverAtRelease.add(at("0000:01:00.1"));
    return world;
  };

  it("costs the guest one interruption, however often the update is run", async () => {
    const world = losing();
    const interruptions: string[][] = [];
    for (let runs = 0; runs < 3; runs++) {
      const hypervisor = new WorldHypervisor(world, isRebind);
      const { error } = await run(hypervisor, two);
      expect(causeText(error)).toContain("0000:01:00.1 (was on e1000e)");
      expect((error as AttachFailure).actual?.attached.map((one) => one.guestFunction)).toEqual([0, 2]);
      interruptions.push(interrupts(hypervisor.calls));
    }
    expect(interruptions).toEqual([["device_del f0", "plug f2", "plug f0"], [], []]);
    const { error } = await run(new WorldHypervisor(world), two);
    expect(error).toBeUndefined();
    expect(world.functions.get(at("0000:01:00.1"))?.driver).toBe("e1000e");
  });

  it("is named, with the steps that are left", async () => {
    const { error } = await run(new WorldHypervisor(losing(), isRebind), two);
    expect(causeText(error)).toMatch(
      /guest1 has what is wanted, and keeps it.*Left to do: see the host drivers back: .*; write the ledger/s,
    );
  });
});

it("a lock that is lost after that leaves the new set in the state", async () => {
  const hypervisor = new WorldHypervisor(worldWith(all));
  hypervisor.onCall = (call) => {
    if (call === "release 0000:01:00.1") hypervisor.locks.lose();
  };
  const { error } = await run(hypervisor, two);
  expect((error as AttachFailure).stands).toBe(true);
  const { actual } = error as AttachFailure;
  expect(actual?.attached.map((one) => one.guestFunction)).toEqual([0, 2]);
  expect(actual?.held.map((one) => [one.hostAddress, one.hostDriver])).toEqual(
    [1, 3].map((n) => [`0000:01:00.${n}`, "e1000e"]),
  );
});

it("a stranger's device that QEMU cannot identify hinders no undo", async () => {
  const world = new World({ functions });
  world.unidentified = ["by-hand"];
  const hypervisor = new WorldHypervisor(world, (call) => (call === "plug f0" ? "refused" : undefined));
  const { error } = await run(hypervisor, all);
  expect(causeText(error)).toContain("Everything was undone");
  expect(world.holdings).toEqual([]);
});

it("a set that is put back keeps its slot, whatever the next boot does", async () => {
  const world = worldWith(all);
  world.reserveAtBoot({ "pci.4": 0 });
  let isFirst = true;
  const hypervisor = new WorldHypervisor(world, (call) => {
    const isRefused = isFirst && call === "plug f0";
    if (isRefused) isFirst = false;
    return isRefused ? "refused" : undefined;
  });
  const { error } = await run(hypervisor, two);
  expect(causeText(error)).toContain("attached again");
  expect(world.plugged.map((one) => one.bus)).toEqual(Array(4).fill("pci.4"));
});
