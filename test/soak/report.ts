import type { FlatnessRow } from "./flatness";
import type { SoakResult } from "./soak";

/** Where a soak can take place; each has its own part of the report. */
export const places = ["lab", "qemu", "qemu-native"] as const;
export type Place = (typeof places)[number];

/** A soak that is over. */
export interface SoakRecord {
  readonly place: Place;
  readonly result: SoakResult;
  readonly rows: readonly FlatnessRow[];
  readonly commit: string;
  readonly now: Date;
}

const kinds = ["create", "change", "move", "destroy", "refresh", "reset"] as const;

/** The document with this place's part written anew; everything else in it stays. */
export function recordSoak(document: string, record: SoakRecord): string {
  const begin = `<!-- soak:${record.place}, written by npm run soak -- --record -->`;
  const end = `<!-- end of soak:${record.place} -->`;
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the document has no part between "${begin}" and "${end}"`);
  return `${document.slice(0, from)}${begin}\n\n${describeSoak(record)}\n\n${document.slice(to)}`;
}

/** One sentence and a table. */
export function describeSoak({ result, rows, commit, now }: Omit<SoakRecord, "place">): string {
  const { times, seed, runAgain, minutes } = result;
  const counts = kinds.map((kind) => `${times.filter((one) => one.kind === kind).length} ${kind}`).join(", ");
  const cells = rows.map(({ what, start, firstQuarter, lastQuarter, end, bar }) =>
    [what, start ?? "", firstQuarter, lastQuarter, end ?? "", bar ?? ""].join(" | "),
  );
  return [
    `${times.length} cycles with seed ${seed} on ${now.toISOString().slice(0, 10)} at commit ${commit}, in ${Math.round(minutes)} minutes: ${counts}.`,
    `${runAgain} of the operations had to be run again, because the guest was paused until their deadline or was booting.`,
    "",
    "| What | Start | First quarter | Last quarter | End | Flat up to |",
    "| --- | --- | --- | --- | --- | --- |",
    ...cells.map((line) => `| ${line} |`),
  ].join("\n");
}
