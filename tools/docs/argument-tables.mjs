/**
 * The tables of arguments and outputs in docs/reference.md, from the schema by which the provider judges them
 * (provider/resource).
 */
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { buildSync } from "esbuild";
import { root } from "../setup/root.mjs";

/** What provider/resource exports; its sources are TypeScript. */
function loadResource() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-resource-"));
  try {
    const outfile = path.join(folder, "resource.cjs");
    const entryPoints = [path.join(root, "provider/resource/index.ts")];
    buildSync({ entryPoints, outfile, bundle: true, platform: "node", format: "cjs" });
    return createRequire(import.meta.url)(outfile);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const row = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
const table = (head, rows) => [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n");

/** A type in words. `interfaceOf` gives the name of an object's type in the SDK. */
function typeInWords(type, interfaceOf) {
  switch (type.kind) {
    case "string":
      return "text";
    case "boolean":
      return "`true` or `false`";
    case "integer":
    case "number":
      return `${type.kind === "integer" ? "whole number" : "number"}${range(type)}`;
    case "enum":
      return alternatives(type.values.map((value) => `\`"${value}"\``));
    case "list":
      return `list of ${typeInWords(type.of, interfaceOf).replace(/^(text|whole number|number)\b/, "$1s")}`;
    case "object": {
      const name = interfaceOf(type.name);
      return `[${name}](#${name.toLowerCase()})`;
    }
    default:
      throw new Error(`there are no words for the type ${type.kind}`);
  }
}

function range({ minimum, maximum }) {
  if (minimum === undefined) return "";
  return maximum === undefined ? `, at least ${minimum}` : `, ${minimum} to ${maximum}`;
}

function alternatives(words) {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

const whenChanged = {
  replace: "replaces the attachment where it leads to another host or guest; else no device is touched",
  replug: "the guest loses the functions and gets the new ones, in place",
  "in place": "the guest's functions stay as they are",
};

function argumentRow(one) {
  const secret = one.secret ? " Secret." : "";
  const refused = one.refused === undefined ? "" : ` Refused: ${one.refused}.`;
  const unit = one.unit === undefined ? "" : `, in ${one.unit}`;
  return [
    `\`${one.name}\``,
    `${typeInWords(one.type, (name) => `${name}Args`)}${unit}`,
    one.required ? "required" : (one.default ?? ""),
    `${one.description}${secret}${refused}`,
  ];
}

function argumentSection(group) {
  const given = group.arguments.filter((one) => !one.computed);
  const heading = group.path === "" ? "Top level" : `\`${group.path}\``;
  const rows = given.map(argumentRow);
  return `### ${heading}\n\n${group.description}\n\n${table(["Name", "Type", "Default", "Meaning"], rows)}`;
}

function changesSection(group) {
  const rows = group.arguments
    .filter((one) => one.onChange !== undefined)
    .map((one) => [`\`${one.name}\``, whenChanged[one.onChange]]);
  return `### When an argument changes\n\n${table(["Argument", "What an update does"], rows)}`;
}

function outputSection({ outputs, description }) {
  const rows = outputs.map((one) => [
    `\`${one.name}\``,
    typeInWords(one.type, (name) => name),
    `${one.description}${one.informational ? " Informational: a change of it is no difference." : ""}`,
  ]);
  return `## Outputs\n\n${description}\n\n${table(["Name", "Type", "Meaning"], rows)}`;
}

/** The chapters about arguments and outputs, as Markdown. */
export function argumentTables() {
  const { argumentTable, outputTable } = loadResource();
  const [top, ...nested] = argumentTable();
  const [outputs] = outputTable();
  return [
    "## Arguments",
    ...[top, ...nested].map(argumentSection),
    changesSection(top),
    outputSection(outputs),
  ].join("\n\n");
}
