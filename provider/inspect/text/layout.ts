/**
 * Lines of words, none longer than the width unless there is no width to speak of; a word that is longer is
 * cut.
 */
export function wrap(text: string, width: number): string[] {
  const room = Math.max(width, 10);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((one) => piecesOf(one, room))) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** The further lines of an item of a list stand below its words. */
function wrapItem(text: string, width: number): string[] {
  if (!text.startsWith("- ")) return wrap(text, width);
  return wrap(text.slice(2), width - 2).map((line, index) => `${index === 0 ? "- " : "  "}${line}`);
}

function piecesOf(word: string, room: number): string[] {
  if (word.length <= room) return [word];
  return Array.from({ length: Math.ceil(word.length / room) }, (_, n) =>
    word.slice(n * room, (n + 1) * room),
  );
}

/** The text, or as much of it as there is room for and an ellipsis. */
export function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`;
}

/** `label  text`, with the text's further lines below its first. */
export function labelled(
  label: string,
  texts: readonly string[],
  labelWidth: number,
  width: number,
): string[] {
  const lines = texts.flatMap((text) => wrapItem(text, width - labelWidth));
  return lines.map((line, index) => `${(index === 0 ? label : "").padEnd(labelWidth)}${line}`.trimEnd());
}
