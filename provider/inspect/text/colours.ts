/** What stands out. */
export type Emphasis = "title" | "whole" | "part" | "no";

const CODES: Readonly<Record<Emphasis, string>> = { title: "1", whole: "32", part: "33", no: "31" };

/** Writes with SGR sequences where a terminal shows them, else the text alone. */
export function painter(hasColours: boolean): (emphasis: Emphasis, text: string) => string {
  return (emphasis, text) => (hasColours ? `\u001b[${CODES[emphasis]}m${text}\u001b[0m` : text);
}
