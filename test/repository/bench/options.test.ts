import { parseOptions } from "../../../bench/options";

test("all pieces run unless named, except the piece that needs a commit", () => {
  expect(parseOptions([])).toEqual({
    pieces: ["lab", "fleet"],
    parallel: 8,
    quick: false,
    repeatMs: Infinity,
    recorded: ["lab", "fleet"],
  });
  expect(parseOptions(["--against", "main"])).toMatchObject({ pieces: ["lab", "fleet", "change"] });
});

test("one piece runs alone", () => {
  expect(parseOptions(["--only", "fleet"])?.pieces).toEqual(["fleet"]);
});

test("sizes are attachments on hosts, and of some alone no fleet is written", () => {
  const options = parseOptions(["--against", "main", "--sizes", "1x1,16x4"]);
  expect(options?.sizes).toEqual([
    { attachments: 1, hosts: 1 },
    { attachments: 16, hosts: 4 },
  ]);
  expect(options?.recorded).toEqual(["lab", "change"]);
});

test.each([["--quick"], ["--dry"]])("with %s nothing is written", (option) => {
  expect(parseOptions([option])?.recorded).toEqual([]);
});

test.each([
  [["--only", "everything"], /--only takes lab, fleet, change, not "everything"/],
  [["--only", "change"], /needs --against/],
  [["--parallel", "0"], /--parallel takes a whole number from 1 on, not "0"/],
  [["--parallel", "many"], /not "many"/],
  [["--minutes", "soon"], /--minutes takes a number from 0 on, not "soon"/],
  [["--sizes", "4x8"], /an attachment for each host .* not "4x8"/],
  [["--sizes", "1x1,big"], /not "big"/],
  [["--sizes", "201x1"], /200 at most, not "201x1"/],
  [["--unknown"], /--unknown/],
])("%j is refused with the value and what it takes", (args, message) => {
  expect(() => parseOptions(args)).toThrow(message);
});

test("help is no run", () => {
  expect(parseOptions(["--help"])).toBeUndefined();
});
