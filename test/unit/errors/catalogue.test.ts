import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  catalogue,
  causeText,
  providerError,
  hasCode,
  joinParts,
  ProviderError,
  refusalCodes,
  withOthers,
  type ErrorCode,
  type ErrorParts,
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

/** A part may be a detail as it is, which is no text here. */
function partsOf(code: ErrorCode): ErrorParts {
  const parts = Object.entries((catalogue[code] as (details: unknown) => ErrorParts)(anyDetails));
  return Object.fromEntries(
    parts.flatMap(([name, part]) => (part === undefined ? [] : [[name, String(part)]])),
  ) as unknown as ErrorParts;
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
    const message = joinParts(partsOf(code));
    expect(message).toContain("DETAIL");
    expect(message).not.toMatch(/undefined|\[object|NaN/);
    expect(message.length).toBeLessThan(600);
  });

  it.each(codes)("%s has parts that are sentences of their own", (code) => {
    const { what, touched = "nothing", cure = "Cure it." } = partsOf(code);
    for (const part of [what, touched, cure]) {
      expect(joinParts({ what: part })).toMatch(/^\S.*[^ ]$/s);
      expect(part).not.toContain("Nothing was touched. ");
    }
    expect(what).toMatch(/[.\]]$|DETAIL$/);
    expect(cure).toMatch(/^[A-Z]|^DETAIL/);
  });

  it("says what to do next, unless that depends on reason or outcome", () => {
    expect(codes.filter((code) => partsOf(code).cure === undefined).sort()).toEqual([
      "ATTACH_FAILED",
      "BIND_FAILED",
      "CONFIGURE_FAILED",
      "HOLD_FAILED",
      "PLUG_FAILED",
      "RELEASE_FAILED",
      "SSH_KEY_UNUSABLE",
      "UNBIND_FAILED",
      "UNCONFIGURE_FAILED",
    ]);
  });

  it("has no code that nothing throws", () => {
    const sources = readdirSync(join(root, "provider"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.startsWith(join("errors", "catalogue")))
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

  it("has the parts that its message is made of", () => {
    const parts = { what: "it broke.", touched: "nothing", cure: "Mend it." };
    const whole = new ProviderError("PLUG_FAILED", parts);
    expect(whole).toMatchObject(parts);
    expect(whole.message).toBe("it broke. Nothing was touched. Mend it. [PLUG_FAILED]");
    const told = { what: "it broke.", touched: "One part is gone." };
    expect(new ProviderError("PLUG_FAILED", told).message).toBe("it broke. One part is gone. [PLUG_FAILED]");
    expect(new ProviderError("PLUG_FAILED", { what: "it broke.", cure: "Mend it." }).message).toBe(
      "it broke. Mend it. [PLUG_FAILED]",
    );
  });

  it("has parts that a terminal shows and does not obey", () => {
    const parts = { what: "a\u001bb", touched: "c\nd", cure: "e\u009bf" };
    const shown = { what: "a\\u001bb", touched: "c d", cure: "e\\u009bf" };
    expect(new ProviderError("PLUG_FAILED", parts)).toMatchObject(shown);
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
    expect(new ProviderError("GUEST_NOT_FOUND", { what: "m" }).message).toBe("m [GUEST_NOT_FOUND]");
  });
});

describe("an error with others", () => {
  const first = providerError("GUEST_NEVER_RAN", { guest: "g1" }, new Error("seen"));
  const second = providerError("DEVICE_NOT_FOUND", { device: "0000:01:00" });
  const third = providerError("GUEST_IS_TRANSIENT", { guest: "g1" });

  it("has the first's code and cause, and a line with code for each other", () => {
    const error = withOthers(first, [second, third]);
    expect(error.code).toBe("GUEST_NEVER_RAN");
    expect(error.cause).toBe(first.cause);
    expect(error.others).toEqual([second, third]);
    expect(error.message.split("\n")).toEqual([first.message, second.message, third.message]);
  });

  it("is the first itself if there are none", () => {
    expect(withOthers(first, [])).toBe(first);
    expect(first.others).toEqual([]);
  });

  it("says each line once if it is made of errors that have others", () => {
    const error = withOthers(withOthers(first, [second]), [withOthers(third, [first])]);
    expect(error.message.split("\n")).toEqual([first.message, second.message, third.message, first.message]);
    expect(error.others.map((one) => one.message)).toEqual([second.message, third.message, first.message]);
  });

  it("has at most 32 lines for refusals, and says how many more there are", () => {
    const lines = withOthers(
      first,
      Array.from({ length: 1_000 }, () => second),
    ).message.split("\n");
    expect(lines).toHaveLength(33);
    expect(lines.at(-1)).toBe("and 969 more");
    expect(
      withOthers(
        first,
        Array.from({ length: 31 }, () => second),
      ).message,
    ).not.toContain("more");
  });

  it("has no line but those, whatever a peer has said", () => {
    const forged = providerError("DEVICE_NOT_FOUND", { device: "x\nDone. [OK]" });
    expect(withOthers(first, [forged]).message.split("\n")).toHaveLength(2);
  });
});
