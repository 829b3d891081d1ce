import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findResolutionProblem } from "../../../sdk/nodejs/resolvable";

/** A folder with the package in each of these places, as it is published: two entry points by `exports`. */
function folderWith(...places: readonly string[]): string {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-resolvable-"));
  for (const place of places) {
    const folder = path.join(root, place, "node_modules/pulumi-multifunction-pci");
    fs.mkdirSync(folder, { recursive: true });
    const exports = { ".": "./index.js", "./provider": "./provider.js" };
    fs.writeFileSync(
      path.join(folder, "package.json"),
      JSON.stringify({ name: "pulumi-multifunction-pci", exports }),
    );
    for (const file of ["index.js", "provider.js"]) fs.writeFileSync(path.join(folder, file), "");
  }
  return root;
}

describe("A program's folder", () => {
  const roots: string[] = [];
  const program = (...places: readonly string[]): string => {
    const root = folderWith(...places);
    roots.push(root);
    return root;
  };
  afterAll(() => roots.forEach((root) => fs.rmSync(root, { recursive: true })));

  it("that has the package, or a folder above it, has no problem", () => {
    const root = program("");
    fs.mkdirSync(path.join(root, "stacks/dev"), { recursive: true });
    expect(findResolutionProblem(root)).toBeUndefined();
    expect(findResolutionProblem(path.join(root, "stacks/dev"))).toBeUndefined();
  });

  it("with it below a component alone, as of pnpm, is told to add it", () => {
    const root = program("node_modules/.pnpm/component@1.0.0/node_modules/component");
    const problem = findResolutionProblem(root);
    expect(problem).toContain(root);
    expect(problem).toMatch(/[Aa]dd it to the program's package\.json/);
    expect(problem).toContain("pnpm add pulumi-multifunction-pci");
  });
});
