import fs from "node:fs";
import path from "node:path";
import ts from "typescript";

const ROOT = path.join(__dirname, "../../..");
const GLOSSARY = fs.readFileSync(path.join(ROOT, "docs/internals/glossary.md"), "utf8");

/** Words that the field has others for; a name in the code that is one of these has come back. */
const OLD_NAMES = [
  ...["Reality", "realityOf", "findReality", "composeReality", "reality"],
  ...["RememberedAttachment", "rememberedOf", "remembered", "WantedAttachment", "wantedOf", "wanted"],
  ...["Look", "LOOK_SECONDS", "openForLook", "foretell", "lookAt", "lookForHolders"],
  ...["HostSurvey", "HostSession", "HostHelperProcess", "HostPicture", "Judgement", "judgeDevice"],
  ...["introduce", "withdraw", "handback", "planHandback", "comesBackByItself"],
  ...["Confinement", "confinement", "refuseConfined", "hasNumbered", "isBusNumbered", "GuestSideView"],
  ...["HoldingWay", "HoldingParts", "MonitorWay", "NotingAgent", "shakeHands", "Bundle"],
  ...["WaitingClocks", "LockClock", "WaitingClock", "waitUnlessAborted", "unlessAborted", "noLongerThan"],
  ...["unlessGone", "unlessRefusedWith", "Mailbox", "carryOut", "tellTime"],
  ...[
    "GuestPlace",
    "PlainPlace",
    "SocketPlace",
    "LibvirtPlace",
    "BusPlace",
    "LedgerPlace",
    "ConfiguredPlace",
  ],
  ...["OwnedPart", "concerned", "isAnother", "foundBy", "outwardError", "surviveBrokenOutput", "areNone"],
  ...["openMade", "tellsOfRom", "busesWithAMeaning", "throwWhatFailed", "strikeOffMissing", "heldInNameOnly"],
];

const FOLDERS = ["provider", "sdk", "cli", "test", "tools", "lab", "bench"];

function sourceFiles(folder: string): string[] {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/(^|[/\\])(node_modules|fixtures)[/\\]/.test(file))
    .map((file) => path.join(folder, file));
}

function parse(file: string): ts.SourceFile {
  const text = fs.readFileSync(path.join(ROOT, file), "utf8");
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
}

/** The identifiers of a file by name. */
function identifiersIn(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) names.add(node.text.replace(/^#/, ""));
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** Exported names of the provider, each with the first sentence of its comment. */
function exportedSentences(): Map<string, string> {
  const sentences = new Map<string, string>();
  for (const source of sourceFiles("provider").map(parse))
    for (const statement of source.statements) {
      const isExported =
        ts.getCombinedModifierFlags(statement as unknown as ts.Declaration) & ts.ModifierFlags.Export;
      const named = statement as unknown as { readonly name?: ts.Identifier };
      if (isExported === 0 || named.name === undefined) continue;
      const [doc] = ts.getJSDocCommentsAndTags(statement);
      const text = doc === undefined ? "" : (ts.getTextOfJSDocComment(doc.comment) ?? "");
      sentences.set(named.name.text, firstSentence(text));
    }
  return sentences;
}

function firstSentence(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return (/^.*?\.(?= |$)/.exec(line)?.[0] ?? line).replace(/\.$/, "");
}

const inCode = /^## Names in the code$([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(GLOSSARY)?.[1] ?? "";
const rows = [...inCode.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, name, meaning]) => ({
  name: name!,
  meaning: meaning!.trim(),
}));

test("the glossary has the names in the code", () => {
  expect(rows.length).toBeGreaterThan(30);
});

test("each name is exported, and its comment begins as the glossary says", () => {
  const sentences = exportedSentences();
  const written = rows.map(({ name }) => ({ name, meaning: sentences.get(name) }));
  expect(written).toEqual(rows);
});

test("no old word has come back as a name", () => {
  const old = new Set(OLD_NAMES);
  const back = FOLDERS.flatMap(sourceFiles).flatMap((file) =>
    [...identifiersIn(parse(file))].filter((name) => old.has(name)).map((name) => `${file}: ${name}`),
  );
  expect(back).toEqual([]);
});

test("every table of the glossary is whole: a row stands under its head", () => {
  const lines = GLOSSARY.split("\n");
  const orphans = lines.filter(
    (line, index) =>
      line.startsWith("|") &&
      !lines[index - 1]?.startsWith("|") &&
      !/^\|[-|]+\|$/.test(lines[index + 1] ?? ""),
  );
  expect(orphans).toEqual([]);
});
