import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { linkTargets } from "../support/documents/markdown";
import { pack, repository } from "../support/packed";

/** Each file of the package, or all of a folder, and why it is there. */
const reasons = {
  "package.json": "npm's",
  LICENSE: "Apache-2.0 asks for it",
  "README.md": "the page on the registry",
  "CHANGELOG.md": "what an update brings",
  "CONTRIBUTING.md": "the README leads to it",
  "dist/sdk/index.js": "what programs import",
  "dist/sdk/index.d.ts": "its types",
  "dist/sdk/attachment-args.d.ts": "its types",
  "dist/sdk/attachment-outputs.d.ts": "its types",
  "dist/sdk/connection-args.d.ts": "its types",
  "dist/sdk/multifunction-pci-attachment.d.ts": "its types",
  "dist/sdk/get-pci-devices.d.ts": "its types",
  "dist/sdk/pci-devices.d.ts": "its types",
  "dist/sdk/owner-token.d.ts": "written with the others, no program reaches it",
  "dist/sdk/seal-credentials.d.ts": "written with the others, no program reaches it",
  "dist/sdk/resolvable.d.ts": "written with the others, no program reaches it",
  "dist/sdk/shim.d.ts": "written with the others, no program reaches it",
  "dist/cli/index.js": "the command pulumi-multifunction-pci",
  "dist/provider.js": "the provider, which the shim in a state asks for",
  "dist/provider.d.ts": "its type",
  "dist/multifunction-pci-host": "installed on hosts without libvirt for accounts with sudo",
  "dist/LICENCES-OF-BUNDLED.txt": "the notices of what is bundled",
  "docs/":
    "errors name pages of it; without a network it is there. The records of decisions are for maintainers",
  "examples/": "the README leads to them; to be copied",
} as const;

/** Upper bounds in bytes. Growth beyond them is looked at: what is it, and does a user need it? */
const budgets = {
  tarball: 500 * 1024,
  unpacked: 1800 * 1024,
  "dist/provider.js": 1280 * 1024,
  "dist/sdk/index.js": 16 * 1024,
  "docs/": 500 * 1024,
} as const;

/** The shim is in every resource of every state. */
const mostBytesOfShim = 3 * 1024;

/** Of whom something is in dist/provider.js, and why. */
const bundled = {
  "this provider": "",
  zod: "judges arguments and states",
} as const;

const folder = mkdtempSync(join(tmpdir(), "multifunction-pci-contents-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const packed = pack(folder);
const paths = packed.files.map((file) => file.path);
const isOf = (path: string, place: string) => (place.endsWith("/") ? path.startsWith(place) : path === place);
const read = (path: string) => readFileSync(join(repository, path), "utf8");

test("the package has exactly what there is a reason for", () => {
  const places = Object.keys(reasons);
  expect(paths.filter((path) => !places.some((place) => isOf(path, place)))).toEqual([]);
  expect(places.filter((place) => !paths.some((path) => isOf(path, place)))).toEqual([]);
});

test("no source, test, lab, key, stack or recording goes out with it", () => {
  const wrong =
    /(^|\/)(test|lab|tools|bench|node_modules|\.[^/]*)\/|\.(key|pem|log|cast|map)$|id_ed25519|Pulumi\.[^/]+\.yaml$|^provider\//;
  expect(paths.filter((path) => wrong.test(path))).toEqual([]);
});

test.each(Object.entries(budgets))("%s stays within its %d bytes", (what, most) => {
  const sizes = packed.files.filter((file) => isOf(file.path, what)).map((file) => file.size);
  const bytes =
    what === "tarball"
      ? packed.size
      : what === "unpacked"
        ? packed.unpackedSize
        : sizes.reduce((sum, size) => sum + size, 0);
  expect(bytes).toBeGreaterThan(most / 4);
  expect(bytes).toBeLessThanOrEqual(most);
});

test("the text of the shim stays small, because every stored resource has it", () => {
  expect(Buffer.byteLength(read("test/unit/sdk/shim.golden.txt"))).toBeLessThanOrEqual(mostBytesOfShim);
});

test("only packages that there is a reason for are bundled, each with its notice", () => {
  const names = [
    ...read("dist/provider.js").matchAll(/^\/\/ (?:node_modules\/((?:@[^/]+\/)?[^/\n]+)|provider)\//gm),
  ];
  const found = [...new Set(names.map(([, name]) => name ?? "this provider"))];
  expect(found.sort()).toEqual(Object.keys(bundled).sort());
  const notices = [...read("dist/LICENCES-OF-BUNDLED.txt").matchAll(/^(\S+) [\d.]+ \(MIT\)$/gm)];
  expect(["this provider", ...notices.map(([, name]) => name)].sort()).toEqual(Object.keys(bundled).sort());
});

test("what a program imports has no library in it", () => {
  expect(read("dist/sdk/index.js")).not.toContain("// node_modules/");
});

test("a link in a packaged document leads into the package or the repository", () => {
  const documents = paths.filter((path) => path.endsWith(".md"));
  expect(documents).toEqual(expect.arrayContaining(["README.md", "docs/errors.md", "CONTRIBUTING.md"]));
  const broken = documents.flatMap((document) =>
    linkTargets(read(document))
      .filter((target) => !/^([a-z]+:|#)/.test(target))
      .map((target) => posix.join(posix.dirname(document), target.split("#")[0]!))
      .filter(
        (target) => target !== "docs/demo.cast" && !/^(test|etc|docs\/internals\/decisions)\//.test(target),
      )
      .filter(
        (target) =>
          !paths.some((path) => path === target || path.startsWith(`${target.replace(/\/$/, "")}/`)),
      )
      .map((target) => `${document}: ${target}${existsSync(join(repository, target)) ? "" : " (nowhere)"}`),
  );
  expect(broken).toEqual([]);
});
