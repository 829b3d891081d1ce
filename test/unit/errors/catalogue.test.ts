import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  catalogue,
  causeText,
  providerError,
  hasCode,
  ProviderError,
  refusalCodes,
  type ErrorCode,
} from "../../../provider/errors";

const root = join(__dirname, "..", "..", "..");
const codes = Object.keys(catalogue) as ErrorCode[];
const documentation = readFileSync(join(root, "docs", "errors.md"), "utf8");
/** Each chapter of docs/errors.md that bears a code: [code, its text]. */
const chapters = documentation
  .split(/^### /m)
  .slice(1)
  .map((chapter) => [chapter.slice(0, chapter.indexOf("\n")).trim(), chapter] as const);

/** Stands for any value of any details: a text, a list, a number or a flag. */
const anyDetail: unknown = Object.assign(["DETAIL"], { toString: () => "DETAIL" });
const anyDetails = new Proxy({}, { get: () => anyDetail });

function messageOf(code: ErrorCode): string {
  return (catalogue[code] as (details: unknown) => string)(anyDetails);
}

describe("docs/errors.md", () => {
  it("lists each code of the catalogue, once, and no other", () => {
    expect(chapters.map(([code]) => code).sort()).toEqual([...codes].sort());
  });

  it("has the refusals, and nothing else, in its chapter on planning", () => {
    const planning = /^## Planning$(.*?)^## /ms.exec(documentation)?.[1] ?? "";
    const codesThere = [...planning.matchAll(/^### (.*)$/gm)].map(([, code]) => code);
    expect(codesThere.sort()).toEqual([...refusalCodes].sort());
  });

  it.each(chapters)("says of %s what it means, where it comes from and what to do", (_code, chapter) => {
    for (const part of ["Meaning", "Cause", "Cure"])
      expect(chapter).toMatch(new RegExp(`^- \\*\\*${part}:\\*\\* \\S`, "m"));
  });
});

describe("the catalogue", () => {
  it.each(codes)("%s has the form of a code, and a message made of its details", (code) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
    const message = messageOf(code);
    expect(message).toContain("DETAIL");
    expect(message).not.toMatch(/undefined|\[object|NaN/);
    expect(message.length).toBeLessThan(600);
  });

  it("has no code that nothing throws", () => {
    const sources = readdirSync(join(root, "provider"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.endsWith("catalogue.ts"))
      .map((name) => readFileSync(join(root, "provider", name), "utf8"))
      .join("\n");
    expect(
      codes.filter((code) => !sources.includes(`providerError("${code}"`) && !sources.includes(`"${code}",`)),
    ).toEqual([]);
  });
});

describe("an error of the provider", () => {
  const cause = new Error("connection refused");
  const error = providerError(
    "SSH_DIAL_FAILED",
    { target: "root@hv1:22", attempts: 3, reason: "refused" },
    cause,
  );

  it("ends with its code, and keeps its cause", () => {
    expect(error.message).toMatch(/root@hv1:22.*3 attempt.*refused.*\[SSH_DIAL_FAILED\]$/);
    expect(error.cause).toBe(cause);
    expect("cause" in providerError("GUEST_NOT_FOUND", { guest: "g" })).toBe(false);
  });

  it("is told by its code, from whichever copy of the package it comes", () => {
    const foreign = Object.assign(new Error("x"), { code: "SSH_DIAL_FAILED" });
    expect(hasCode(error, "SSH_DIAL_FAILED")).toBe(true);
    expect(hasCode(error, "GUEST_NOT_FOUND", "SSH_DIAL_FAILED")).toBe(true);
    expect(hasCode(foreign, "SSH_DIAL_FAILED")).toBe(true);
    expect(hasCode(error, "GUEST_NOT_FOUND")).toBe(false);
    expect(hasCode(new Error("SSH_DIAL_FAILED"), "SSH_DIAL_FAILED")).toBe(false);
    expect(hasCode({ code: "SSH_DIAL_FAILED" }, "SSH_DIAL_FAILED")).toBe(false);
    expect(hasCode(undefined, "SSH_DIAL_FAILED")).toBe(false);
  });

  it("ends a quoted reason with one full stop, or with the quoted error's code", () => {
    const told = (reason: string): string =>
      providerError("ATTACH_FAILED", { guest: "guest1", reason, outcome: "Nothing was changed." }).message;
    expect(told("it closed the connection")).toMatch(/ it closed the connection\. Nothing was changed\. \[/);
    expect(told("not exposed to guest.")).toMatch(/ not exposed to guest\. Nothing/);
    expect(told("was refused. [PLUG_FAILED]")).toMatch(/ was refused\. \[PLUG_FAILED\] Nothing/);
  });

  it("gives its text to the reason of another, as any thrown value does", () => {
    expect(causeText(error)).toBe(error.message);
    expect(causeText("text")).toBe("text");
    expect(causeText(undefined)).toBe("undefined");
    expect(new ProviderError("GUEST_NOT_FOUND", "m").message).toBe("m [GUEST_NOT_FOUND]");
  });
});
