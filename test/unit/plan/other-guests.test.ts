import type { HostUseReason } from "../../../provider/host/uses";
import { describePlan, planAttach, type ConfiguredElsewhere, type Observation } from "../../../provider/plan";
import { OLD_STATE, refusalOf } from "../../support/scenarios";
import { at, hostUse, reach, wants } from "../../support/desired";
import { hostDevice, World } from "../../support/world";

const card = (): World => new World({ functions: hostDevice() });

describe("a function that another running guest has something of", () => {
  const diskOf = (guest: string): HostUseReason => ({
    kind: "guest-device",
    guest,
    what: "disk",
    device: { name: "sdb" },
  });
  const used = (): Observation => ({
    ...card().observe(),
    hostUses: [hostUse("0000:01:00.1", diskOf("nas"))],
  });

  it("is refused by the guest's name, and taken if that is allowed", () => {
    expect(refusalOf(() => planAttach(used(), wants()))).toBe("FUNCTION_USED_BY_HOST");
    expect(() => planAttach(used(), wants())).toThrow(
      /0000:01:00\.1 \(e1000e\) has disk sdb, which is a disk of guest nas.*set allowInUse to true/,
    );
    const lines = describePlan(planAttach(used(), wants(undefined, { allowInUse: true })));
    expect(lines.join("\n")).toMatch(/allowed although it has disk sdb, which is a disk of guest nas/);
  });

  it("is refused as a leftover as well", () => {
    const hold = wants([0], { leftovers: "hold" });
    expect(refusalOf(() => planAttach(used(), hold))).toBe("FUNCTION_USED_BY_HOST");
  });
});

describe("a plan for a running guest, where others are shut off", () => {
  const elsewhere = (guest: string, ...numbers: readonly number[]): ConfiguredElsewhere[] =>
    numbers.map((n) => ({
      guest: { name: guest, uuid: `u-${guest}` },
      hostAddress: at(`0000:01:00.${n}`),
      alias: "",
    }));
  const warningsOf = (configuredElsewhere: readonly ConfiguredElsewhere[], world = card()): string[] =>
    describePlan(planAttach({ ...world.observe(), configuredElsewhere }, wants(), OLD_STATE)).filter((line) =>
      line.startsWith("warning"),
    );

  it("warns by name of the one that has a function in its configuration", () => {
    expect(warningsOf(elsewhere("win11", 1, 0, 0))).toEqual([
      "warning: guest win11 (0000:01:00.0,1) is shut off and has it in its configuration: " +
        "it does not start as long as this guest has it",
    ]);
  });

  it("counts those that there is no room to name", () => {
    const many = Array.from({ length: 9 }, (_, n) => elsewhere(`g${n}`, 0)).flat();
    expect(warningsOf(many)).toEqual([
      "warning: guests g0 (0000:01:00.0), g1 (0000:01:00.0), g2 (0000:01:00.0), g3 (0000:01:00.0) and 5 more " +
        "are shut off and have it in their configurations: none of them starts as long as this guest has it",
    ]);
  });

  it("warns of none that has something else, or where nothing is taken", () => {
    const other = [{ ...elsewhere("win11", 0)[0]!, hostAddress: at("0000:09:00.0") }];
    expect(warningsOf(other)).toEqual([]);
    const world = card();
    reach(world, wants());
    expect(warningsOf(elsewhere("win11", 0), world)).toEqual([]);
  });
});
