import { randomOf } from "../../support/random";
import { describeCycle, nextCycle, NOWHERE, standingAfter, type Cycle, type Weights } from "../../soak/walk";

const weights: Weights = {
  kinds: { create: 10, change: 8, move: 4, destroy: 7, refresh: 3, reset: 2 },
  guests: { runs: 10, resumed: 3, deadline: 1, reset: 1 },
};
const buses = ["pci.1", "pci.2", "pci.3"];

function walk(seed: number, cycles: number): { cycles: Cycle[]; standings: (typeof NOWHERE)[] } {
  const random = randomOf(seed);
  const walked: Cycle[] = [];
  const standings = [NOWHERE];
  while (walked.length < cycles) {
    const cycle = nextCycle(random, standings.at(-1) ?? NOWHERE, weights, buses);
    walked.push(cycle);
    standings.push(standingAfter(standings.at(-1) ?? NOWHERE, cycle));
  }
  return { cycles: walked, standings };
}

test("the same seed makes the same walk, another one another", () => {
  expect(walk(1, 200).cycles).toEqual(walk(1, 200).cycles);
  expect(walk(1, 200).cycles).not.toEqual(walk(2, 200).cycles);
});

test("every step can be taken where it begins, and every kind comes up", () => {
  const { cycles, standings } = walk(3, 2000);
  const seen = new Set<string>();
  for (const [index, cycle] of cycles.entries()) {
    const { set, isBooting } = standings[index] ?? NOWHERE;
    seen.add(cycle.kind);
    if ("under" in cycle) seen.add(`guest ${cycle.under.guest}`);
    if (cycle.kind !== "reset") expect(cycle.kind === "create").toBe(set === undefined);
    if (cycle.kind === "change") expect(cycle.to.functions).not.toEqual(set?.functions);
    if (cycle.kind === "move") expect(cycle.to.bus).not.toBe(set?.bus ?? "pci.3");
    if (isBooting && "under" in cycle) expect(cycle.under).toEqual({ guest: "runs" });
  }
  const guests = ["runs", "paused", "resumed", "deadline", "reset"].map((one) => `guest ${one}`);
  expect([...seen].sort()).toEqual([...Object.keys(weights.kinds), ...guests].sort());
});

test("a cycle is told in words", () => {
  expect(describeCycle({ kind: "create", to: { functions: [0, 2] }, under: { guest: "paused" } })).toBe(
    "create 0,2 at any slot, guest paused",
  );
  const under = { guest: "resumed", afterMs: 1500 } as const;
  expect(describeCycle({ kind: "move", to: { functions: [1, 3], bus: "pci.2" }, under })).toBe(
    "move 1,3 at pci.2, guest paused, resumed after 1500 ms",
  );
  expect(describeCycle({ kind: "reset", booted: false })).toBe("reset, not waited for");
});
