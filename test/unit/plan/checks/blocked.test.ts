import type { FunctionFact, FunctionFacts } from "../../../../provider/host/facts";
import { findFunctionUses } from "../../../../provider/host/uses";
import { planAttach, type DesiredAttachment, type Observation } from "../../../../provider/plan";
import { at, reach, wants } from "../../../support/desired";
import { functionFacts } from "../../../support/function-facts";
import { OLD_STATE, refusalsOf } from "../../../support/scenarios";
import { hostDevice, OTHER_GUEST, World } from "../../../support/world";

const card = (driver = "e1000e"): World =>
  new World({ functions: hostDevice("0000:01:00", undefined, { driver }) });

/** The host as a look shows it, with this said of functions and of itself. */
function seen(
  world: World,
  said: Readonly<Record<string, Partial<FunctionFact>>>,
  extra: Partial<FunctionFacts> = {},
): Observation {
  const observed = world.observe();
  const facts = functionFacts(observed.functions.values(), said, extra);
  return {
    ...observed,
    functionFacts: facts,
    hostUses: [...observed.hostUses, ...findFunctionUses(facts)],
    architecture: "x86_64",
    kernelRelease: "6.12.48-amd64",
  };
}
const codesOf = (observation: Observation, desired: DesiredAttachment = wants()): string[] =>
  refusalsOf(() => planAttach(observation, desired, OLD_STATE));
const messageOf = (observation: Observation, desired: DesiredAttachment = wants()): string => {
  try {
    planAttach(observation, desired, OLD_STATE);
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
};

const openSound: Partial<FunctionFact> = {
  open: [{ node: "snd/controlC0", processes: [{ pid: 812, name: "pipewire" }], isWaitedFor: true }],
};
const usedGpu: Partial<FunctionFact> = {
  moduleUse: {
    module: "nvidia",
    count: 2,
    processes: [{ pid: 700, name: "nvidia-persiste" }],
    isWaitedFor: true,
  },
};

describe("a driver that would wait for its users without end", () => {
  it.each([
    ["an open sound device", openSound, /process 812 \(pipewire\)/],
    ["nvidia in use", usedGpu, /nvidia is open 2 times, by process 700 \(nvidia-persiste\)/],
  ])("is not asked to let go, allowInUse or not: %s", (_what, said, by) => {
    const observation = seen(card(), { "0000:01:00.1": said });
    for (const allowInUse of [false, true]) {
      expect(codesOf(observation, wants(undefined, { allowInUse }))).toEqual(["FUNCTION_DRIVER_IN_USE"]);
      expect(messageOf(observation, wants(undefined, { allowInUse }))).toMatch(by);
    }
  });

  it("is told of in a leftover that would be held as well", () => {
    const observation = seen(card(), { "0000:01:00.3": openSound });
    expect(codesOf(observation, wants([0], { leftovers: "hold", allowInUse: true }))).toEqual([
      "FUNCTION_DRIVER_IN_USE",
    ]);
  });

  it("does not matter of what is held already", () => {
    const world = card();
    reach(world, wants());
    expect(codesOf(seen(world, { "0000:01:00.1": openSound }))).toEqual([]);
  });

  it("is a use like any other where the guest is shut off", () => {
    const world = card();
    world.runState = "off";
    const observation = seen(world, { "0000:01:00.1": openSound });
    const persistent = { persistent: true };
    expect(codesOf(observation, wants(undefined, persistent))).toEqual(["FUNCTION_USED_BY_HOST"]);
    expect(codesOf(observation, wants(undefined, { ...persistent, allowInUse: true }))).toEqual([]);
  });
});

describe("what may be in use, or ends at once,", () => {
  it.each<[string, Partial<FunctionFact>]>([
    [
      "a module's counter alone",
      { moduleUse: { module: "snd_hda_intel", count: 1, processes: [], isWaitedFor: false } },
    ],
    ["an open disk", { open: [{ node: "sda", processes: [{ pid: 9, name: "dd" }], isWaitedFor: false }] }],
    ["a driver of user space", { driver: "uio_pci_generic" }],
  ])("is refused, and taken with allowInUse: %s", (_what, said) => {
    const observation = seen(card(), { "0000:01:00.1": said });
    expect(codesOf(observation)).toEqual(["FUNCTION_USED_BY_HOST"]);
    expect(codesOf(observation, wants(undefined, { allowInUse: true }))).toEqual([]);
  });
});

describe("a function that is open through VFIO", () => {
  const open: Partial<FunctionFact> = {
    driver: "vfio-pci",
    open: [{ node: "vfio/7", processes: [{ pid: 31, name: "dpdk-testpmd" }], isWaitedFor: false }],
  };

  it("to nobody that is known is refused by the process's name", () => {
    const observation = seen(card("vfio-pci"), { "0000:01:00.2": open, ...closed(0, 1, 3) });
    for (const allowInUse of [false, true])
      expect(messageOf(observation, wants(undefined, { allowInUse }))).toMatch(
        /0000:01:00\.2 is open through vfio-pci.*process 31 \(dpdk-testpmd\) has it.*FUNCTION_HELD_BY_PROCESS/,
      );
  });

  it("says where root has to look if no process can be seen", () => {
    const observation = seen(card("vfio-pci"), {
      ...closed(0, 1, 2),
      "0000:01:00.3": { driver: "vfio-pci" },
    });
    expect(messageOf(observation)).toMatch(/this login cannot see.*fuser/);
  });

  it("is no obstacle where the guest itself has it", () => {
    const world = card("vfio-pci");
    reach(world, wants());
    expect(codesOf(seen(world, {}))).toEqual([]);
  });

  it("is told of as another guest's where that is known", () => {
    const world = card("vfio-pci");
    world.hold(at("0000:01:00.2"), "hostdev0", OTHER_GUEST);
    expect(codesOf(seen(world, closed(0, 1, 3)))).toEqual(["FUNCTION_HELD_BY_GUEST"]);
  });

  const closed = (...numbers: readonly number[]): Record<string, Partial<FunctionFact>> =>
    Object.fromEntries(numbers.map((n) => [`0000:01:00.${n}`, { isEnabled: false }]));
});
