import { compile } from "../../support/documents/compile";
import { listDocuments, readText } from "../../support/documents/markdown";

/** What the examples leave to the reader's program. */
const prelude = `declare const config: import("@pulumi/pulumi").Config;
declare const connection: import("pulumi-multifunction-pci").ConnectionArgs;
`;
const classImport =
  'import { getPciDevices, MultifunctionPciAttachment, type ConnectionArgs } from "pulumi-multifunction-pci";\n';

const example = /```ts\n(.*?)```/s.exec(readText("README.md"))?.[1];
if (example === undefined) throw new Error("README.md has no example");

/** Each program in a document, by a name for the compiler; one that imports nothing gets the class. */
const programs = Object.fromEntries(
  listDocuments()
    .filter((document) => !document.startsWith("etc/"))
    .flatMap((document) =>
      [...readText(document).matchAll(/^```ts\n(.*?)^```/gms)].map(([, text], index) => {
        // await outside of a function is for ES modules
        const extension = /^(?:\w.*)?\bawait /m.test(text!) ? "mts" : "ts";
        const name = `program-of-${document.replace(/\W/g, "-")}-${index}.${extension}`;
        const declared = text!.includes("const connection") ? prelude.split("\n")[0]! : prelude;
        return [name, declared + (text!.includes("import ") ? "" : classImport) + text!];
      }),
    ),
);

test("every program in the documents compiles, and would not with a misspelt argument", () => {
  expect(Object.keys(programs).length).toBeGreaterThan(4);
  const messages = compile({ ...programs, "misspelt.ts": prelude + example.replace("device:", "devise:") });
  for (const name of Object.keys(programs))
    expect({ name, messages: messages[name] }).toEqual({ name, messages: [] });
  expect(messages["misspelt.ts"]?.join("\n")).toContain("'devise' does not exist");
}, 60_000);

test("the README's example is no longer than its heading says", () => {
  expect(example.trim().split("\n").length).toBeLessThanOrEqual(10);
});

test("the line of the shim in docs/versioning.md is in the text that states have", () => {
  const line = /^```js\n(.*?)\n```/ms.exec(readText("docs/versioning.md"))?.[1] ?? "";
  expect(line).toMatch(/^return require/);
  expect(readText("test/unit/sdk/shim.golden.txt")).toContain(line);
});

test("a block in a document is a program, commands, or text", () => {
  const languages = listDocuments()
    .filter((document) => !document.startsWith("etc/"))
    .flatMap((document) =>
      [...readText(document).matchAll(/^```([^\n]*)\n.*?^```/gms)].map(([, one]) => `${document}: ${one}`),
    );
  expect(languages.filter((one) => !/: (ts|sh|text|console)$/.test(one))).toEqual(["docs/versioning.md: js"]);
});
