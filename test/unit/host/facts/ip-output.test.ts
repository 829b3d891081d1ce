import { readIpList } from "../../../../provider/host/facts/ip-output";

/**
 * What iproute2 prints of a description (lib/json_writer.c: jsonw_puts): before 6.1 with `\'`, before 7.0
 * with control characters as they are, then as JSON is.
 */
const printed = (text: string, version: "5.10" | "6.1" | "7.0"): string => {
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\t", "\\t")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\f", "\\f")
    .replaceAll("\b", "\\b");
  if (version === "5.10") return escaped.replaceAll("'", "\\'");
  if (version === "6.1") return escaped;
  return escaped.replace(
    // eslint-disable-next-line no-control-regex -- they are what this is about
    /[\0-\x1f\x7f]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
};

describe("A list that ip printed", () => {
  const texts = [
    "Bob's uplink",
    "it's 'here'",
    "ends with \\",
    "\\'",
    "\\\\'",
    "say \"hi\" to 'them'",
    "red \u001b[31m, bell \u0007, del \u007f",
    "a\ttab, a\nbreak, a\rreturn, a\fform, a\bback",
    "lan\u3000zwei, Müller, 👩‍💻, \u202e, \u2028",
    "\u0001'\\\u0002",
    ":,[]{}",
  ];

  it.each(
    texts.flatMap((text) => (["5.10", "6.1", "7.0"] as const).map((version) => [text, version] as const)),
  )("has the description %j as it is, printed by %s", (text, version) => {
    const line = `[{"ifname":"eth0","ifalias":"${printed(text, version)}"},{"ifname":"eth1"}]`;
    expect(readIpList(line)).toEqual({ elements: [{ ifname: "eth0", ifalias: text }, { ifname: "eth1" }] });
  });

  it.each<[string, string, unknown[], RegExp]>([
    ["a cut list", '[{"ifname":"a"},{"ifname":"b","x":[1,{"y":"}"', [{ ifname: "a" }], /no end/],
    ["a list cut between elements", '[{"ifname":"a"},', [{ ifname: "a" }], /no end/],
    ["a list in a list that was begun", '[[{"ifname":"a"}]', [{ ifname: "a" }], /no end/],
    [
      "an element that is none",
      '[{"ifname":"a"},{"ifname":b},{"ifname":"c"}]',
      [{ ifname: "a" }, { ifname: "c" }],
      /not JSON/,
    ],
    [
      "a warning in the middle",
      '[{"ifname":"a"}Dump was interrupted.,{"ifname":"c"}]',
      [{ ifname: "a" }, { ifname: "c" }],
      /no end/,
    ],
    ["a text without its end", '[{"ifname":"a"},{"ifname":"b},{"ifname":"c"}]', [{ ifname: "a" }], /no end/],
    ["words", "Object nexthop is unknown", [], /not JSON/],
    ["nothing", "", [], /not answered/],
    ["something else than a list", "7", [], /not JSON/],
  ])("has of %s what is whole, and says so", (_what, line, elements, unread) => {
    const found = readIpList(line);
    expect(found.elements).toEqual(elements);
    expect(found.unread).toMatch(unread);
  });

  it("has the last of two values of one name, as JSON is read everywhere", () => {
    expect(readIpList('[{"ifname":"a","ifname":"b"}]')).toEqual({ elements: [{ ifname: "b" }] });
  });
});
