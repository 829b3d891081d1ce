import type { FunctionFact } from "../../../provider/host/facts";
import { describePlan, planAttach, type DesiredAttachment, type Observation } from "../../../provider/plan";
import { KNOWN_RESETS } from "../../../provider/plan/warnings/known-resets";
import { reach, wants } from "../../support/desired";
import { functionFacts } from "../../support/function-facts";
import { OLD_STATE } from "../../support/scenarios";
import { hostDevice, hostFunction, World } from "../../support/world";

const each = (said: Partial<FunctionFact>): Record<string, Partial<FunctionFact>> =>
  Object.fromEntries([0, 1, 2, 3].map((n) => [`0000:01:00.${n}`, said]));
const apart = (): World =>
  new World({ functions: [0, 1, 2, 3].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n })) });
const together = (): World => new World({ functions: hostDevice() });

function warningsOf(
  world: World,
  said: Readonly<Record<string, Partial<FunctionFact>>>,
  desired: DesiredAttachment,
  change = (observation: Observation): Observation => observation,
): string[] {
  const observed = world.observe();
  const facts = functionFacts(observed.functions.values(), said);
  const plan = planAttach(change({ ...observed, functionFacts: facts }), desired, OLD_STATE);
  return describePlan(plan).filter((line) => line.startsWith("warning: "));
}

describe("a function that cannot be reset by itself", () => {
  const none = each({ resetMethods: [], canReset: false });

  it("is told of where another on its bus stays with the host", () => {
    expect(warningsOf(apart(), none, wants([1, 2, 3]))).toEqual([
      "warning: 0000:01:00.1, 0000:01:00.2, 0000:01:00.3 cannot be reset between guests while 0000:01:00.0 stays " +
        "with the host: the next guest may find them as the last one left them; attach these as well",
    ]);
  });

  it("may be held with the others of its group", () => {
    const leftovers = { "0000:01:00.0": { driver: "e1000e" } };
    const world = new World({
      functions: [
        ...hostDevice("0000:01:00", [0]),
        hostFunction("0000:01:00.1", { iommuGroup: 7, driver: undefined }),
      ],
    });
    const said = { ...none, ...leftovers, "0000:01:00.0": { resetMethods: [], canReset: false } };
    expect(warningsOf(world, said, wants([0]))[0]).toMatch(
      /attach these as well, or set leftovers to "hold"$/,
    );
  });

  it("is reset by its bus if all on the bus go to VFIO", () => {
    expect(warningsOf(together(), none, wants())).toEqual([]);
    expect(warningsOf(together(), none, wants([0], { leftovers: "hold" }))).toEqual([]);
  });

  it("counts one as given that is on VFIO already", () => {
    const said = { ...none, "0000:01:00.0": { driver: "vfio-pci" } };
    expect(warningsOf(apart(), said, wants([1, 2, 3]))).toEqual([]);
  });

  it("has no bus to be reset by on a root bus", () => {
    const said = each({ resetMethods: [], canReset: false, bus: "root" });
    expect(warningsOf(together(), said, wants())).toEqual([
      "warning: 0000:01:00.0, 0000:01:00.1, 0000:01:00.2, 0000:01:00.3 cannot be reset between guests: " +
        "the next guest may find them as the last one left them",
    ]);
  });
});

describe("the kernel's word for a reset", () => {
  it.each([
    [["bus"], /^warning: 0000:01:00\.0 cannot be reset/],
    [["cxl_bus", "bus"], /^warning: 0000:01:00\.0 cannot be reset/],
    [["pm", "bus"], /^warning: 0000:01:00\.0 is reset between guests by power state only/],
  ])("%j is not believed while the bus has another function", (resetMethods, words) => {
    const said = { "0000:01:00.0": { resetMethods } };
    expect(warningsOf(apart(), said, wants([0]))).toEqual([expect.stringMatching(words)]);
  });

  it.each([["flr"], ["af_flr"], ["device_specific"], ["acpi"], ["d3cold"], ["something_new"]])(
    "%s is a reset",
    (method) => {
      const said = { "0000:01:00.0": { resetMethods: [method] } };
      expect(warningsOf(apart(), said, wants([0]))).toEqual([]);
    },
  );

  it("is unknown before Linux 5.15: nothing is said of some reset", () => {
    const { resetMethods: _, ...old } = functionFacts(together().functions.values()).functions.values().next()
      .value as FunctionFact;
    const change = (observation: Observation): Observation => ({
      ...observation,
      functionFacts: {
        ...observation.functionFacts!,
        functions: new Map([[old.hostAddress, old]]),
      },
    });
    expect(warningsOf(apart(), {}, wants([0]), change)).toEqual([]);
  });

  it("is asked of nothing that is not taken", () => {
    const world = together();
    reach(world, wants());
    expect(warningsOf(world, each({ resetMethods: [], bus: "root" }), wants())).toEqual([]);
  });
});

describe("a device of which a bad reset is known", () => {
  const of = (vendorId: string, productId: string) => (observation: Observation) => ({
    ...observation,
    functions: new Map(
      [...observation.functions].map(([address, one]) => [address, { ...one, vendorId, productId }]),
    ),
  });

  it.each(KNOWN_RESETS)("is told of with its source: $name", ({ vendorId, productIds, effect, source }) => {
    expect(productIds.length).toBeGreaterThan(0);
    for (const id of productIds)
      expect(warningsOf(together(), {}, wants([0], { leftovers: "hold" }), of(vendorId, `0x${id}`))).toEqual([
        expect.stringContaining(`${effect} (${source})`),
      ]);
  });

  it("is none where the kernel has the method that cures it", () => {
    const said = each({ resetMethods: ["device_specific"] });
    expect(warningsOf(together(), said, wants(), of("0x1002", "0x731f"))).toEqual([]);
    // of this one no cure is known
    expect(
      warningsOf(together(), said, wants([0], { leftovers: "hold" }), of("0x1002", "0x75a3")),
    ).toHaveLength(1);
  });

  it("has a number of its own in the table", () => {
    const ids = KNOWN_RESETS.flatMap((one) => one.productIds.map((id) => `${one.vendorId} ${id}`));
    expect(new Set(ids).size).toBe(ids.length);
    for (const { source } of KNOWN_RESETS) expect(source).toMatch(/^https:\/\/github\.com\//);
  });
});
