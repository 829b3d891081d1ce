import type { Piece } from "./options";

/** The document with what a run says of a piece; everything else in it stays. */
export function withPart(document: string, piece: Piece, lines: readonly string[]): string {
  const begin = `<!-- bench:${piece}, written by npm run bench -->`;
  const end = `<!-- end of bench:${piece} -->`;
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document has no part between "${begin}" and "${end}"`);
  return [document.slice(0, from) + begin, "", ...lines, "", document.slice(to)].join("\n");
}

/** A table of Markdown; numbers stand on the right. */
export function tableOf(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const isNumber = (column: number): boolean => rows.some((row) => /^[\d.]+$/.test(String(row[column])));
  return [line(head), `|${head.map((_, n) => (isNumber(n) ? "--:" : "---")).join("|")}|`, ...rows.map(line)];
}

/** Where and when, for whoever reads the figures. */
export function provenance(run: {
  readonly now: Date;
  readonly commit: string;
  readonly processors: number;
  /** From 0 to 1. */
  readonly othersShare: number;
}): string {
  const { now, commit, processors, othersShare } = run;
  return (
    `Measured on ${now.toISOString().slice(0, 10)} at commit ${commit} with ${processors} processors, of which other work ` +
    `on the machine had ${Math.round(100 * othersShare)} % meanwhile.`
  );
}
