import { catalogue, joinParts, type ErrorCode, type ErrorParts } from "../../../provider/errors";
import { readText } from "../../support/documents/markdown";

/** Stands for any value of any details, and for the text that it becomes. */
const anyText = "\u2423";
const anyDetail: unknown = Object.assign([anyText], { toString: () => anyText });
const anyDetails = new Proxy({}, { get: () => anyDetail });

/** The message of a code as a list of what it is made of: single characters, and anyText for each detail. */
function partsOf(code: ErrorCode): string[] {
  const message = joinParts((catalogue[code] as (details: unknown) => ErrorParts)(anyDetails));
  // A reason may end with a full stop of its own.
  return Array.from(message.replaceAll(`${anyText}.`, anyText));
}

/**
 * Whether the text is the message of the code, or its beginning, with anything at the places of the details.
 * A beginning that ends with a detail has one word of it.
 */
function isMessage(text: string, code: ErrorCode): boolean {
  const patterns = partsOf(code).map((part) => (part === anyText ? ".+" : part.replace(/[^\w ]/, "\\$&")));
  const beginnings = patterns.map((_, index) =>
    patterns
      .slice(0, index + 1)
      .join("")
      .replace(/\.\+$/, "\\S+"),
  );
  return beginnings.some((pattern) => new RegExp(`^${pattern}$`).test(text));
}

const quoted = [...readText("docs/troubleshooting.md").matchAll(/^```text\n(.*?)```/gms)].map(([, block]) =>
  block!.trim().replace(/\s+/g, " "),
);

test("there are messages to compare", () => expect(quoted.length).toBeGreaterThan(15));

test.each(quoted)("docs/troubleshooting.md quotes what the provider says: %s", (block) => {
  const [, text = "", code = ""] = /^(.*?)(?: …)? \[([A-Z_]+)\]$/.exec(block) ?? [];
  expect(Object.keys(catalogue)).toContain(code);
  expect(isMessage(text, code as ErrorCode)).toBe(true);
});

test("a message of the provider is told from a message that it never says", () => {
  expect(isMessage("guest g is not running; a live attachment needs", "GUEST_NOT_RUNNING")).toBe(true);
  expect(isMessage("guest g is not running; a live attachment wants", "GUEST_NOT_RUNNING")).toBe(false);
  expect(isMessage("", "GUEST_NOT_RUNNING")).toBe(false);
});

test.each([
  "the host cannot be looked at, so the plan will be made at apply",
  "drift: what is there differs from the state",
])("docs/troubleshooting.md quotes what the preview says: %s", (line) => {
  expect(readText("docs/troubleshooting.md").replace(/\s+/g, " ")).toContain(line);
  expect(readText("provider/operations/preview.ts")).toContain(line);
});
