import { parseOptions } from "../../../bench/options";

test("all pieces run unless named, except the piece that needs a commit", () => {
  expect(parseOptions([])).toEqual({
    pieces: ["lab", "fleet"],
    parallel: 8,
    quick: false,
    repeatMs: Infinity,
    records: true,
  });
  expect(parseOptions(["--against", "main"])).toMatchObject({ pieces: ["lab", "fleet", "change"] });
});

test("one piece runs alone", () => {
  expect(parseOptions(["--only", "fleet"])?.pieces).toEqual(["fleet"]);
});

test.each([["--quick"], ["--dry"]])("with %s nothing is written", (option) => {
  expect(parseOptions([option])?.records).toBe(false);
});

test.each([
  [["--only", "everything"], /--only takes lab, fleet, change, not "everything"/],
  [["--only", "change"], /needs --against/],
  [["--parallel", "0"], /--parallel takes a whole number from 1 on, not "0"/],
  [["--parallel", "many"], /not "many"/],
  [["--minutes", "soon"], /--minutes takes a number from 0 on, not "soon"/],
  [["--unknown"], /--unknown/],
])("%j is refused with the value and what it takes", (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});

test("help is no run", () => {
  expect(parseOptions(["--help"])).toBeUndefined();
});
