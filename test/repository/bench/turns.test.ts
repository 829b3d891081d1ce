import { inTurns, type Turn } from "../../../bench/fleet/turns";
import { middleOf } from "../../../bench/median";

interface Figures {
  readonly seconds: number;
}

const calls: string[] = [];
beforeEach(() => (calls.length = 0));

/** A way whose runs come to these figures, one after the other. */
function way(name: string, figures: readonly (number | "fails")[], more: Partial<Turn<Figures>> = {}) {
  const left = [...figures];
  const run = async (): Promise<Figures> => {
    calls.push(name);
    const seconds = left.shift() ?? Number.NaN;
    if (seconds === "fails") throw new Error(`${name} failed`);
    return { seconds };
  };
  return { name, runs: figures.length, run, ...more };
}

const options = { mayRepeat: () => true, isEnding: () => false, onRun: () => undefined };

test("ways take turns, and each comes to its median", async () => {
  const turned = await inTurns([way("a", [3, 9, 4]), way("b", [1]), way("c", [5, 2, 8])], options);
  expect(calls).toEqual(["a", "b", "c", "a", "c", "a", "c"]);
  expect(turned).toEqual([
    { name: "a", runs: 3, outcome: { result: { seconds: 4 } } },
    { name: "b", runs: 1, outcome: { result: { seconds: 1 } } },
    { name: "c", runs: 3, outcome: { result: { seconds: 5 } } },
  ]);
});

test("a way that failed is not run again, and the others go on", async () => {
  const turned = await inTurns([way("a", [3, "fails", 4]), way("b", [1, 1, 1])], options);
  expect(calls).toEqual(["a", "b", "a", "b", "b"]);
  expect(turned[0]).toEqual({ name: "a", runs: 1, outcome: { failure: "a failed" } });
  expect(turned[1]).toMatchObject({ name: "b", runs: 3 });
});

test("without time each is run once, and the dear not at all", async () => {
  const ways = [way("a", [3, 3]), way("dear", [9], { isDear: true })];
  const turned = await inTurns(ways, { ...options, mayRepeat: () => false });
  expect(calls).toEqual(["a"]);
  expect(turned.map(({ name }) => name)).toEqual(["a"]);
});

test("at the end nothing more is begun, and what was measured is told", async () => {
  const isEnding = (): boolean => calls.length >= 3;
  const turned = await inTurns([way("a", [3, 5, 4]), way("b", [1, 1, 1])], { ...options, isEnding });
  expect(calls).toEqual(["a", "b", "a"]);
  expect(turned.map(({ name, runs }) => [name, runs])).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
});

test("each figure has a median of its own, in groups too", () => {
  const runs = [
    { attach: { seconds: 1, processes: 60 }, bytes: 7 },
    { attach: { seconds: 3, processes: 58 }, bytes: 7 },
    { attach: { seconds: 2, processes: 59 }, bytes: 8 },
  ];
  expect(middleOf(runs)).toEqual({ attach: { seconds: 2, processes: 59 }, bytes: 7 });
});
