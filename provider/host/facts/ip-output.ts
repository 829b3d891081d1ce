/** What one command of `ip -j` has printed. */
export interface IpList {
  readonly elements: readonly unknown[];
  /** What of it is not known: a phrase that follows what was asked. */
  readonly unread?: string;
}

/**
 * Most values in what `ip` prints, counted by what stands before them: their number is what reading costs. A
 * port of a bridge has some eighty.
 */
const MAX_VALUES = 150_000;
const [LIST, OBJECT, OBJECT_END, COMMA, COLON, QUOTE, BACKSLASH, BLANK] = [
  ...["[", "{", "}", ",", ":", '"', "\\", " "],
].map((one) => one.charCodeAt(0));

/**
 * Most names of values: several times what `ip` knows for all kinds of links together. A parser of JSON has a
 * cost of its own for each name that it has not met.
 */
const MAX_NAMES = 1_000;

/** Most control characters: an interface's description has a few. Each is written out before it is read. */
const MAX_CONTROL_CHARACTERS = 10_000;

/** Elements that cannot be read; after that many the rest is not tried. */
const MOST_UNREAD = 100;

/** @throws Error where reading these would cost more than what any host prints */
export function requireFewValues(lines: readonly string[]): void {
  let [count, controls] = [0, 0];
  const names = new Set<string>();
  for (const line of lines)
    for (let at = 0; at < line.length; at++) {
      const code = line.charCodeAt(at);
      if (code === COLON && line.charCodeAt(at - 1) === QUOTE) {
        names.add(line.slice(line.lastIndexOf('"', at - 2) + 1, at - 1));
        if (names.size > MAX_NAMES) throw new Error(`"ip" prints more than ${MAX_NAMES} names`);
      }
      if ((code === COMMA || code === OBJECT || code === LIST) && ++count > MAX_VALUES)
        throw new Error(`"ip" prints more than ${MAX_VALUES} values`);
      if (code < (BLANK ?? 0) && ++controls > MAX_CONTROL_CHARACTERS)
        throw new Error(`"ip" prints more than ${MAX_CONTROL_CHARACTERS} control characters`);
    }
}

/**
 * Reads one line of `ip -j -batch`, which has one list for each command. What is no JSON is read as far as it
 * can be: what iproute2 is known to get wrong is put right, and of the rest each element that is whole is
 * taken.
 */
export function readIpList(line: string): IpList {
  if (line === "") return { elements: [], unread: "was not answered" };
  const list = findJson(line) ?? findJson(repaired(line));
  if (Array.isArray(list)) return { elements: list };
  return wholeElements(repaired(line));
}

function findJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * What iproute2 prints otherwise than JSON does (lib/json_writer.c: jsonw_puts): before 6.1 `\'` for an
 * apostrophe; before 7.0 most control characters as they are. Both come from names and descriptions that
 * somebody has given.
 */
function repaired(line: string): string {
  // The pairs of backslashes before it are text of their own.
  let text = line.replace(/(?<!\\)((?:\\\\)*)\\'/g, "$1'");
  for (let code = 0; code < 0x20; code++) {
    const character = String.fromCharCode(code);
    if (text.includes(character))
      text = text.replaceAll(character, `\\u${code.toString(16).padStart(4, "0")}`);
  }
  return text;
}

/** The elements of a list that was cut off, or is broken between them. Braces in texts do not count. */
function wholeElements(text: string): IpList {
  const elements: unknown[] = [];
  let [depth, start, unread, isText] = [0, 0, 0, false];
  for (let at = 0; at < text.length && unread < MOST_UNREAD; at++) {
    const code = text.charCodeAt(at);
    if (isText) {
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) isText = false;
    } else if (code === QUOTE) isText = true;
    else if (code === OBJECT && depth++ === 0) start = at;
    else if (code === OBJECT_END && depth > 0 && --depth === 0) {
      const element = findJson(text.slice(start, at + 1));
      if (element === undefined) unread += 1;
      else elements.push(element);
    }
  }
  return {
    elements,
    unread: unread === 0 && elements.length > 0 ? "has no end" : "is not JSON in every part",
  };
}

/** The fields of an object; none of anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** A list, empty if it is anything else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * Linux's own limits for names of interfaces and their kinds are 15 characters; `ip` prints nothing longer
 * than a route.
 */
const MAX_TEXT_CHARACTERS = 255;

/** What is longer is none of `ip`'s. */
export function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT_CHARACTERS;
}

/** The field of this name, if the value is a text. */
export function textAs<K extends string>(key: K, value: unknown): Partial<Record<K, string>> {
  return isText(value) ? ({ [key]: value } as Record<K, string>) : {};
}
