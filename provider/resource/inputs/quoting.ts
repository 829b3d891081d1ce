import { isQuotableHost } from "./host-name";
import type { Path } from "./paths";

const LONGEST_QUOTE = 60;

/** Jump hosts nest, and each has the fields of a connection. */
const isOfConnection = ([first, ...rest]: Path): boolean =>
  first === "connection" && rest.slice(0, -1).every((key) => key === "proxy");

/**
 * All that is quoted below `connection`, by field. Whatever else stands there may be a credential: the value
 * of its own field, or one that was written to the wrong field, of whatever type.
 */
const quotableOfConnection: Readonly<Record<string, (value: unknown) => boolean>> = {
  // the ways in which a host is written elsewhere
  host: isQuotableHost,
  port: isNumber,
  dialErrorLimit: isNumber,
  perDialTimeout: isNumber,
  // the words of OpenSSH, and what looks like them
  strictHostKeyChecking: (value) =>
    typeof value === "boolean" || (typeof value === "string" && /^[a-z-]{1,12}$/i.test(value)),
};

/**
 * The value as a message may hold it; undefined where it may not. Objects and lists of them are never quoted:
 * a whole connection may have been written in place of another argument.
 */
export function findQuote(value: unknown, path: Path): string | undefined {
  if (!isPlain(value)) return undefined;
  if (path[0] === "connection") {
    const field = String(path.at(-1));
    if (!isOfConnection(path) || !Object.hasOwn(quotableOfConnection, field)) return undefined;
    if (quotableOfConnection[field]?.(value) !== true) return undefined;
  }
  const text = JSON.stringify(value);
  return text.length <= LONGEST_QUOTE ? text : undefined;
}

/**
 * The property that a failure is reported on. Pulumi prints the value of a property of the top level beside
 * the reason, and nothing for a nested one: so one that may hold a credential is never named there.
 */
export function reportedProperty(path: string, value: unknown): string {
  if (path === "connection") return "connection.host";
  return path.includes(".") || path.includes("[") || isPlain(value) ? path : "";
}

/** What a value is that ought to be a text, in words; undefined of a text. */
export function findTypeWord(value: unknown): string | undefined {
  if (typeof value === "string") return undefined;
  if (typeof value === "number") return "it is a number";
  if (typeof value === "boolean") return "it is true or false";
  return Array.isArray(value) ? "it is a list" : "it is an object";
}

/**
 * What elsewhere names the same things; quoted, because the name is what has to be corrected. In lower case.
 */
const namesElsewhere: ReadonlySet<string> = new Set([
  "username",
  "hostname",
  "address",
  "hostaddress",
  "ip",
  "identityfile",
  "keyfile",
  "privatekeyfile",
  "privatekeypath",
  "sshkey",
  "passphrase",
  "timeout",
  "retries",
  "jumphost",
  "bastion",
  "knownhosts",
  "agent",
]);

/**
 * Whether the name of an unknown argument may be quoted. Below `connection` it may be a credential itself,
 * where a text was written as a key; so it has to be like a name that there is, or one of other tools'.
 */
export function isQuotableName(name: string, path: Path, known: readonly string[]): boolean {
  if (path[0] !== "connection") return name.length <= LONGEST_QUOTE;
  const lower = name.toLowerCase();
  if (namesElsewhere.has(lower)) return true;
  return known.some((one) => {
    const most = one.length > 4 ? 2 : 1;
    return Math.abs(one.length - lower.length) <= most && distanceOf(one.toLowerCase(), lower) <= most;
  });
}

/**
 * How many letters are to be changed, put in, left out or swapped with their neighbour (optimal string
 * alignment).
 */
function distanceOf(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + (isSame ? 0 : 1),
          isSwapped ? at(i - 2, j - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(a.length, b.length);
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}

/** A scalar, or a list of scalars. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return value.every((one) => typeof one !== "object" || one === null);
  return typeof value !== "object" || value === null;
}
