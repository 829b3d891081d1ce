import fc from "fast-check";
import { causeText, providerError, printable, ProviderError } from "../../../provider/errors";
import { MAX_SHOWN_CHARACTERS } from "../../../provider/errors/printable";
import { anyText } from "../../support/any-text";

/** What a terminal would obey; tabs and line ends included. */
const obeyed = /[\p{Cc}\p{Cf}\p{Cs}\p{DI}\u2028\u2029]/u;
const hostileText = fc.oneof(
  anyText(),
  fc.string({
    unit: fc.constantFrom(
      "\u001b",
      "[2J",
      "\u009b",
      "\u007f",
      "\r",
      "\n",
      "\u202e",
      "\u2066",
      "\u200b",
      "\u{e0041}",
      "\ud83d",
      "a",
      "ä",
    ),
  }),
);

describe("a text made printable", () => {
  it("holds nothing that a terminal obeys, whatever it was", () => {
    fc.assert(fc.property(hostileText, (text) => expect(printable(text)).not.toMatch(obeyed)));
  });

  it("made printable again is the same", () => {
    fc.assert(fc.property(hostileText, (text) => expect(printable(printable(text))).toBe(printable(text))));
  });

  it.each([
    ["\u001b]0;owned\u0007\u001b[2J", "\\u001b]0;owned\\u0007\\u001b[2J"],
    ["a\r\nerror: forged\n\tline", "a error: forged line"],
    ["c1 \u009b31m, del \u007f", "c1 \\u009b31m, del \\u007f"],
    ["\u202egpj.exe\u2069", "\\u202egpj.exe\\u2069"],
    ["half \ud83d", "half \\ud83d"],
    ["zero\u200b width\u2060 \ufeffand \u00adsoft", "zero\\u200b width\\u2060 \\ufeffand \\u00adsoft"],
    ["מחשב \u200f1", "מחשב \\u200f1"],
    ["tags \u{e0041}\u{e007f}", "tags \\u{e0041}\\u{e007f}"],
    ["fillers \u3164\u115f, variants \ufe0f", "fillers \\u3164\\u115f, variants \\ufe0f"],
    ["👩\u200d💻", "👩\\u200d💻"],
  ])("%j is %j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it.each([
    "Gerät für Wägung",
    "网卡 0",
    "מחשב 1",
    "👩 💻 🇫🇮",
    "e\u0301",
    "\u00a0non-breaking",
    "C:\\path \\u001b",
  ])("%s stays as it is", (text) => {
    expect(printable(text)).toBe(text);
  });

  it("is cut where it is a flood", () => {
    const shown = printable("x".repeat(10_000_000));
    expect(shown).toHaveLength(MAX_SHOWN_CHARACTERS + 1);
    expect(shown.endsWith("…")).toBe(true);
  });
});

describe("the message of an error", () => {
  it("holds nothing that a terminal obeys, and ends with the code", () => {
    fc.assert(
      fc.property(hostileText, hostileText, (guest, reason) => {
        const { message } = providerError("HOLD_FAILED", { hostAddress: "0000:01:00.0", guest, reason });
        expect(message).not.toMatch(obeyed);
        expect(message).toMatch(/\[HOLD_FAILED\]$/);
      }),
    );
    expect(new ProviderError("GUEST_NOT_FOUND", { what: "a\u001bb" }).message).toBe(
      "a\\u001bb [GUEST_NOT_FOUND]",
    );
  });

  it("tells its advice also where a peer has said megabytes", () => {
    const reason = causeText(new Error("x".repeat(4_000_000)));
    const { message } = providerError("ATTACH_FAILED", {
      guest: "g",
      reason,
      outcome: "Everything was undone.",
    });
    expect(message).toMatch(/Everything was undone\. \[ATTACH_FAILED\]$/);
    expect(message.length).toBeLessThan(5_000);
  });
});
