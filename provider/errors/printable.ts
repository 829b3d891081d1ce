/**
 * Longest text that is shown at once. The longest message of the catalogue has some 600 characters of its
 * own, and quotes others; what is longer is a peer's flood, and a terminal or a log is no place for it.
 */
export const MAX_SHOWN_CHARACTERS = 8_000;

/** Most texts: nothing in them has to be written otherwise. */
const PLAIN = /^[ -~]*$/;

/** Ends a line, or moves within it: a peer could begin a line that looks like ours. */
const LINE_BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/**
 * What a terminal obeys instead of showing it: C0, DEL and C1 (escape sequences begin there), and the marks
 * of format, which turn the order of others round or have no width (Cf: U+200B, U+202E, U+FEFF, tags). What
 * else has no shape by itself (Default_Ignorable_Code_Point: fillers, variation selectors) would make two
 * names look alike. Halves of a surrogate pair are no text at all.
 */
const OBEYED = /[\p{Cc}\p{Cf}\p{Cs}\p{DI}]/gu;

/**
 * Any text as one line that a terminal shows and does not obey; for whatever may hold words of a peer. Line
 * breaks and tabs become a blank, other control characters are written out (`\u001b`), everything else stays
 * as it is. What is longer than {@link MAX_SHOWN_CHARACTERS} is cut and ends with an ellipsis.
 */
export function printable(text: string): string {
  const shown = shorten(text, MAX_SHOWN_CHARACTERS);
  if (PLAIN.test(shown)) return shown;
  return shown.replace(LINE_BREAKS, " ").replace(OBEYED, writtenOut);
}

/** `\u001b`; beyond four digits in braces, as JavaScript writes it. */
function writtenOut(character: string): string {
  const digits = (character.codePointAt(0) ?? 0).toString(16).padStart(4, "0");
  return digits.length > 4 ? `\\u{${digits}}` : `\\u${digits}`;
}

/** The beginning of a text, with an ellipsis where something is missing. */
export function shorten(text: string, maxCharacters: number): string {
  return text.length <= maxCharacters ? text : `${text.slice(0, maxCharacters)}…`;
}
