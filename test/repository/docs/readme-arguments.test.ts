import ts from "typescript";
import { firstColumn, readText, section } from "../../support/documents/markdown";

const readme = readText("README.md");
const argumentFiles = ["sdk/nodejs/attachment-args.ts", "sdk/nodejs/connection-args.ts"];

/** Members of every interface in the files: interface → key → text of its type. */
function readInterfaces(): Map<string, Map<string, string>> {
  const found = new Map<string, Map<string, string>>();
  for (const file of argumentFiles) {
    const source = ts.createSourceFile(file, readText(file), ts.ScriptTarget.ES2022, true);
    source.forEachChild((node) => {
      if (!ts.isInterfaceDeclaration(node)) return;
      const members = node.members.filter(ts.isPropertySignature);
      found.set(
        node.name.text,
        new Map(members.map((one) => [one.name.getText(source), one.type?.getText(source) ?? ""])),
      );
    });
  }
  return found;
}

const interfaces = readInterfaces();

function keysOf(name: string): Map<string, string> {
  const members = interfaces.get(name);
  if (members === undefined) throw new Error(`there is no interface ${name}`);
  return members;
}

/**
 * `guest`, `guest.domain`, …: every key, and below a key those of the interface it takes, except
 * ConnectionArgs.
 */
function pathsOf(name: string, prefix = ""): string[] {
  return [...keysOf(name)].flatMap(([key, type]) => {
    const nested = [...interfaces.keys()].find((one) => new RegExp(`\\b${one}\\b`).test(type));
    const below =
      nested === undefined || nested === "ConnectionArgs" ? [] : pathsOf(nested, `${prefix}${key}.`);
    return [`${prefix}${key}`, ...below];
  });
}

test("the README's table of arguments names exactly those of MultifunctionPciAttachmentArgs", () => {
  const named = firstColumn(section(readme, "## Arguments"));
  expect(named.sort()).toEqual(pathsOf("MultifunctionPciAttachmentArgs").sort());
});

test("the README's table of connection fields names exactly those of ConnectionArgs", () => {
  const named = firstColumn(section(readme, "### connection"));
  expect(named.sort()).toEqual([...keysOf("ConnectionArgs").keys()].sort());
});

test("the README's table of outputs names exactly what the class has beside its arguments", () => {
  const source = readText("sdk/nodejs/multifunction-pci-attachment.ts");
  const declared = [...source.matchAll(/declare readonly (\w+):/g)].map((match) => match[1]!);
  const args = [...keysOf("MultifunctionPciAttachmentArgs").keys()];
  const named = firstColumn(section(readme, "## Outputs"));
  expect(named.filter((name) => declared.includes(name)).sort()).toEqual(
    declared.filter((name) => !args.includes(name)).sort(),
  );
});
