import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/** Top folder of the repository. */
export const repository = join(__dirname, "..", "..", "..");

/** Folders without documents of this project. */
const foreign = new Set(["node_modules", "dist", "coverage", ".git"]);

/** A file of the repository as text; the path is relative to its top folder. */
export function readText(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

/** Every document of the repository, relative to its top folder. */
export function listDocuments(folder = repository): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return foreign.has(entry.name) ? [] : listDocuments(path);
    return entry.name.endsWith(".md") ? [relative(repository, path)] : [];
  });
}

/** The text without fenced blocks and code spans, where brackets are no links. */
export function withoutCode(text: string): string {
  return text.replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "");
}

/** Targets of all links in a document, as written. */
export function linkTargets(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
}

/**
 * The anchor that a renderer gives to each heading (GitHub's rule: lower case, blanks to hyphens), and those
 * written out.
 */
export function headingAnchors(text: string): string[] {
  const prose = text.replace(/^```.*?^```/gms, "");
  const headings = [...prose.matchAll(/^#+ +(.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
  return [...headings, ...[...prose.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1]!)];
}

/** The part of a document below one heading, up to the next of the same or a higher level. */
export function section(text: string, heading: string): string {
  const [marks = ""] = heading.split(" ");
  const start = text.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`there is no heading "${heading}"`);
  const rest = text.slice(start + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${marks.length}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** The names in the first column of the first table in a text: the code spans of each row, in order. */
export function firstColumn(text: string): string[] {
  const lines = text.split("\n");
  const head = lines.findIndex((line) => line.startsWith("|---"));
  if (head < 0) throw new Error("there is no table");
  const rows = lines.slice(head + 1);
  const end = rows.findIndex((line) => !line.startsWith("|"));
  return rows.slice(0, end < 0 ? rows.length : end).flatMap((row) => {
    const [cell = ""] = row.slice(1).split("|");
    return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  });
}
