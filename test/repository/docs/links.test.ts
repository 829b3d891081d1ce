import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  headingAnchors,
  linkTargets,
  listDocuments,
  readText,
  repository,
} from "../../support/documents/markdown";

const documents = listDocuments();
const isExternal = (target: string) => /^[a-z]+:/.test(target);

test("the documents are found at all", () => {
  expect(documents).toEqual(expect.arrayContaining(["README.md", "CONTRIBUTING.md", "docs/errors.md"]));
  expect(linkTargets(readText("README.md")).filter((target) => !isExternal(target))).not.toHaveLength(0);
});

test.each(documents)("every relative link in %s leads to a file, and to its heading", (document) => {
  const broken = linkTargets(readText(document))
    .filter((target) => !isExternal(target))
    .filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? document : join(dirname(document), decodeURIComponent(path));
      if (relative(repository, join(repository, file)).startsWith("..")) return true;
      if (!existsSync(join(repository, file))) return true;
      return anchor !== undefined && !headingAnchors(readText(file)).includes(anchor);
    });
  expect(broken).toEqual([]);
});

test("a heading's anchor is what a renderer makes of it", () => {
  expect(headingAnchors("# What it is\n\n```sh\n# no heading\n```\n\n### SSH_DIAL_FAILED\n")).toEqual([
    "what-it-is",
    "ssh_dial_failed",
  ]);
});

test("brackets in code are no links", () => {
  expect(linkTargets("`a[0](b)` [c](d.md)\n```\n[e](f.md)\n```\n")).toEqual(["d.md"]);
});
