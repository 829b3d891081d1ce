import type { FunctionFact, FunctionFacts } from "../../../../provider/host/facts";
import { findFunctionUses } from "../../../../provider/host/uses";
import { planAttach, type DesiredAttachment, type Observation } from "../../../../provider/plan";
import { at, reach, wants } from "../../../support/desired";
import { functionFacts } from "../../../support/function-facts";
import { OLD_STATE, refusalsOf } from "../../../support/scenarios";
import { expressBus, hostDevice, hostFunction, OTHER_GUEST, World } from "../../../support/world";

const GIB = 2 ** 30;
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

describe("what VFIO would refuse in the middle", () => {
  const regions = new Map([[7, ["0x7b800000 0x7b8fffff"]]]);
  const on = (iommu: string): Record<string, Partial<FunctionFact>> =>
    Object.fromEntries([0, 1, 2, 3].map((n) => [`0000:01:00.${n}`, { iommu }]));
  const ofKernel = (kernelRelease: string, iommu: string): Observation => ({
    ...seen(card(), on(iommu), { directRegions: regions }),
    kernelRelease,
  });

  it.each([
    ["6.12.48-amd64", "dmar0", ["GROUP_RESERVED_BY_FIRMWARE"]],
    ["5.10.0-28-amd64", "dmar0", ["GROUP_RESERVED_BY_FIRMWARE"]],
    // before that the kernel did not tell those that it lets pass
    ["4.19.0", "dmar0", []],
    ["6.12.48-amd64", "ivhd0", ["GROUP_RESERVED_BY_FIRMWARE"]],
    ["6.1.0-18-amd64", "ivhd0", []],
  ])("is a region of the firmware, by Linux %s and %s", (kernelRelease, iommu, codes) => {
    expect(codesOf(ofKernel(kernelRelease, iommu))).toEqual(codes);
  });

  it("names the region and what to switch off", () => {
    expect(messageOf(ofKernel("6.12.48", "dmar0"))).toMatch(/group 7 .*0x7b800000 0x7b8fffff.*RMRR/);
  });

  it.each<[string, Partial<FunctionFacts>, string, string[]]>([
    [
      "is asked for",
      { interrupts: "plain", allowsUnsafeInterrupts: false },
      "x86_64",
      ["INTERRUPTS_NOT_REMAPPED"],
    ],
    ["is done without", { interrupts: "plain", allowsUnsafeInterrupts: true }, "x86_64", []],
    ["is not told of", { interrupts: "unknown", allowsUnsafeInterrupts: false }, "x86_64", []],
    ["is not of this architecture", { interrupts: "plain", allowsUnsafeInterrupts: false }, "aarch64", []],
    ["is there", { interrupts: "remapped", allowsUnsafeInterrupts: false }, "x86_64", []],
    ["may be allowed when the module comes", { interrupts: "plain" }, "x86_64", []],
  ])("is that interrupts are not remapped, where that %s", (_what, extra, architecture, codes) => {
    expect(codesOf({ ...seen(card(), {}, extra), architecture })).toEqual(codes);
  });

  it("is a card that does not answer", () => {
    const observation = seen(card(), { "0000:01:00.2": { answers: false, powerState: "D3cold" } });
    expect(messageOf(observation)).toMatch(
      /0000:01:00\.2 does not answer.*power state D3cold.*FUNCTION_NOT_ANSWERING/,
    );
  });

  it("is asked of nothing that is held already", () => {
    const world = card();
    reach(world, wants());
    const said = { "0000:01:00.2": { answers: false } };
    expect(codesOf(seen(world, said, { directRegions: regions, interrupts: "plain" }))).toEqual([]);
  });
});

describe("a guest with a virtual IOMMU", () => {
  const withIommu = (world: World, more: Partial<Observation["guest"]> = {}): Observation => {
    const observed = seen(world, {});
    return { ...observed, guest: { ...observed.guest, virtualIommu: "intel-iommu", ...more } };
  };

  it("gets no two functions of one group of the host", () => {
    expect(messageOf(withIommu(card()))).toMatch(
      /guest1 has a virtual IOMMU \(intel-iommu\).*0000:01:00\.0, .*0000:01:00\.3 are of one IOMMU group.*VIRTUAL_IOMMU_SPLITS_GROUP/,
    );
    expect(codesOf(withIommu(card()), wants([0], { leftovers: "hold" }))).toEqual([]);
  });

  it("gets functions of several groups together", () => {
    const functions = [0, 1].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n }));
    expect(codesOf(withIommu(new World({ functions })))).toEqual([]);
  });

  it("locks its memory once for each device", () => {
    const functions = [0, 1].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n }));
    const observation = withIommu(new World({ functions, buses: [expressBus("pci.4")] }), {
      memoryBytes: 4 * GIB,
    });
    const limited = (lockedMemoryBytes: number): Observation => ({
      ...observation,
      qemuLimits: { pid: 7, user: "vm", closedNodes: [], lockedMemoryBytes },
    });
    expect(codesOf(limited(9 * GIB))).toEqual([]);
    expect(messageOf(limited(8 * GIB))).toMatch(/once for each device.*MEMLOCK_TOO_LOW/);
  });
});

describe("a limit that libvirt's configuration has for locked memory", () => {
  const limited = (hardLimitBytes: number): Observation => {
    const observed = seen(card(), {});
    return { ...observed, guest: { ...observed.guest, memoryBytes: 4 * GIB, hardLimitBytes } };
  };

  it("is refused if it is below the guest's memory, with libvirt's own command", () => {
    expect(messageOf(limited(3 * GIB))).toMatch(
      /guest1 \(by hard_limit of its memtune\) may lock 3072 MiB.*virsh memtune guest1 --hard-limit -1.*MEMLOCK_TOO_LOW/,
    );
  });

  it("is left to its owner if the memory fits into it", () => {
    expect(codesOf(limited(4 * GIB))).toEqual([]);
  });
});
