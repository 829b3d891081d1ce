import { judgeFlatness, type FlatnessRow } from "../../soak/flatness";
import type { CycleTime, SoakResult } from "../../soak/soak";

/** A soak whose creates take, and whose descriptors are, what the functions say of each cycle. */
function soakOf(seconds: (cycle: number) => number, descriptors: (cycle: number) => number): SoakResult {
  const numbers = Array.from({ length: 100 }, (_, n) => n + 1);
  return {
    seed: 1,
    times: numbers.map((number): CycleTime => ({
      number,
      kind: "create",
      guest: "runs",
      seconds: seconds(number),
      processorSeconds: 0.1,
    })),
    samples: numbers.map((cycle) => ({
      cycle,
      figures: {
        descriptors: { value: descriptors(cycle), unit: "", mayGrow: 0 },
        memory: { value: cycle, unit: "MiB" },
      },
    })),
    runAgain: 0,
    minutes: 1,
  };
}

const rowOf = (result: SoakResult, what: string): FlatnessRow =>
  judgeFlatness(result).find((row) => row.what === what)!;

test("what stays as it was is flat, despite warm-up and one costly cycle", () => {
  const result = soakOf(
    (cycle) => (cycle === 90 ? 60 : 1),
    (cycle) => (cycle < 10 ? 3 : 20),
  );
  expect(judgeFlatness(result).filter((row) => !row.isFlat)).toEqual([]);
  expect(rowOf(result, "descriptors")).toMatchObject({
    start: "3",
    firstQuarter: "20",
    lastQuarter: "20",
    end: "20",
  });
});

test("a descriptor that is lost now and then is not flat", () => {
  expect(
    rowOf(
      soakOf(
        () => 1,
        (cycle) => 20 + Math.floor(cycle / 40),
      ),
      "descriptors",
    ).isFlat,
  ).toBe(false);
});

test("an operation that takes longer with each cycle is not flat", () => {
  expect(
    rowOf(
      soakOf(
        (cycle) => 0.5 + cycle / 25,
        () => 20,
      ),
      "create",
    ).isFlat,
  ).toBe(false);
});

test("what is only told is not judged, nor what there were too few of", () => {
  const result = soakOf(
    () => 1,
    () => 20,
  );
  expect(rowOf(result, "memory")).toMatchObject({ isFlat: true });
  expect(rowOf(result, "memory").bar).toBeUndefined();
  const few = { ...result, times: result.times.filter((one) => one.number % 20 === 0) };
  expect(rowOf(few, "create").bar).toBeUndefined();
});
