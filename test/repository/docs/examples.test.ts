import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { linkTargets, readText, repository } from "../../support/documents/markdown";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(repository, folder, "package.json"), "utf8")) as Manifest;

const own = manifestIn(".");
const examples = readdirSync(join(repository, "examples"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test("the list of the examples names each of them, and no other", () => {
  const listed = linkTargets(readText("examples/README.md")).filter((target) =>
    target.endsWith("/README.md"),
  );
  expect(listed.map((target) => target.split("/")[0]).sort()).toEqual([...examples].sort());
});

test.each(examples)("%s is a whole project, for this release and its Pulumi", (example) => {
  // an inline program of the Automation API has no project file
  const project = example === "automation-api" ? [] : ["Pulumi.yaml"];
  for (const file of ["README.md", "index.ts", "tsconfig.json", ...project])
    expect([file, existsSync(join(repository, "examples", example, file))]).toEqual([file, true]);
  const { name, dependencies, devDependencies } = manifestIn(`examples/${example}`);
  expect(name).toBe(`multifunction-pci-${example}`);
  expect(dependencies).toEqual({
    "@pulumi/pulumi": own.peerDependencies["@pulumi/pulumi"],
    "pulumi-multifunction-pci": `^${own.version}`,
  });
  for (const [tool, version] of Object.entries(devDependencies))
    expect([tool, version]).toEqual([tool, own.devDependencies[tool]]);
});
