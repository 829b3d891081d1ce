import { argumentTable, findInputFailures, outputTable } from "../../../provider/resource";
import { lenient, valid } from "./inputs/arbitrary-inputs";

const groups = argumentTable();
const everyOne = groups.flatMap((group) => group.arguments);

it("is plain data", () => {
  expect(JSON.parse(JSON.stringify(groups))).toEqual(groups);
  expect(JSON.parse(JSON.stringify(outputTable()))).toEqual(outputTable());
});

it("has each place once", () => {
  const paths = everyOne.map((one) => one.path);
  expect(new Set(paths).size).toBe(paths.length);
});

it("says bounds, words and lists as the schema has them", () => {
  const typeAt = (path: string) => everyOne.find((one) => one.path === path)?.type;
  expect(typeAt("connection.port")).toEqual({ kind: "integer", minimum: 1, maximum: 65535 });
  expect(typeAt("connection.dialErrorLimit")).toEqual({ kind: "integer" });
  expect(typeAt("timeouts.attachSeconds")).toEqual({ kind: "number", minimum: 1, maximum: 86400 });
  expect(typeAt("leftovers")).toEqual({ kind: "enum", values: ["refuse", "hold"] });
  expect(typeAt("functionMap")).toEqual({ kind: "list", of: { kind: "object", name: "FunctionMapping" } });
  expect(typeAt("connection.proxy")).toEqual({ kind: "object", name: "Connection" });
});

it("says of each top-level argument of a program what a change of it does", () => {
  const [top] = groups;
  const given = top?.arguments.filter((one) => one.computed !== true) ?? [];
  expect(given.filter((one) => one.onChange === undefined).map((one) => one.name)).toEqual([]);
  expect(given.filter((one) => one.onChange === "replace").map((one) => one.name)).toEqual([
    "connection",
    "guest",
  ]);
});

it.each(groups.map((group) => [group.path, group] as const))(
  'names at "%s" what a refusal of an unknown argument offers',
  (path, group) => {
    const names = group.arguments.filter((one) => one.computed !== true).map((one) => one.name);
    const unknown = { hots: 1 };
    const entry = path === "functionMap[]" ? { functionMap: [unknown] } : { [path]: unknown };
    const [failure] = findInputFailures({ ...valid, ...(path === "" ? unknown : entry) }, lenient)
      .map((one) => one.reason)
      .filter((reason) => reason.startsWith('unknown argument "hots"'));
    expect(failure).toMatch(new RegExp(`; it takes ${names.join(", ")}$`));
  },
);
