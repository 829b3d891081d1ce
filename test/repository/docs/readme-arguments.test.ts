import { argumentTable, outputTable } from "../../../provider/resource";
import { firstColumn, readText, section } from "../../support/documents/markdown";

const readme = readText("README.md");
const groups = argumentTable();
const given = groups.map((group) => ({
  name: group.name,
  arguments: group.arguments.filter((one) => one.computed !== true),
}));

test("the README's table of arguments names exactly those of the table", () => {
  const named = firstColumn(section(readme, "## Arguments"));
  const paths = given
    .filter((group) => group.name !== "Connection")
    .flatMap((group) => group.arguments.map((one) => one.path.replace("[]", "")));
  expect(named.sort()).toEqual(paths.sort());
});

test("the README's table of connection fields names exactly those of the table", () => {
  const named = firstColumn(section(readme, "### connection"));
  const fields = given.filter((group) => group.name === "Connection").flatMap((group) => group.arguments);
  expect(named.sort()).toEqual(fields.map((one) => one.name).sort());
});

test("the README's table of outputs names exactly what there is beside the arguments", () => {
  const [own] = outputTable();
  const computed = groups.flatMap((group) => group.arguments.filter((one) => one.computed === true));
  const outputs = [...(own?.outputs ?? []), ...computed].map((one) => one.name);
  const named = firstColumn(section(readme, "## Outputs"));
  expect(named.sort()).toEqual(outputs.sort());
});
