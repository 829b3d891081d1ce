import { readdirSync } from "node:fs";
import fc from "fast-check";
import { hasCode } from "../../../../provider/errors";
import { parseDomainXml } from "../../../../provider/hypervisor/libvirt/xml/domain-xml";
import {
  eraseFromLedger,
  findLedgerEntries,
  LEDGER_PREFIX,
  LEDGER_URI,
  recordInLedger,
  writeLedger,
} from "../../../../provider/hypervisor/libvirt/xml/ledger-xml";
import { child, parseXml } from "../../../../provider/hypervisor/libvirt/xml/xml";
import { tagOf, type LedgerEntry } from "../../../../provider/plan";
import { anyText } from "../../../support/any-text";
import { GuestMetadata, ledgerAnswer, ledgerMetadata } from "../../../support/libvirt-metadata";
import { at } from "../../../support/desired";
import { metadataFolder, readMetadata } from "../../../support/recordings/metadata-recording";

const ledgerOf = (metadata: string): LedgerEntry[] =>
  findLedgerEntries(child(parseXml(metadata, "it"), "metadata"), "guest1");

/** What a guest has after a write that starts from what libvirt answers. */
function after(metadata: GuestMetadata, change: (present: string | undefined) => string | undefined): string {
  metadata.set({ uri: LEDGER_URI, key: LEDGER_PREFIX, xml: change(metadata.element(LEDGER_URI)) });
  return metadata.toString();
}

const entryOf = (owner: string, n = 1, more: Partial<LedgerEntry> = {}): LedgerEntry => ({
  owner,
  tag: tagOf(owner),
  slot: { bus: `pci.${n}`, slot: 0, kind: "pcie-acpi" },
  functions: [
    { hostAddress: at(`0000:0${n}:00.0`), guestFunction: 0, hostDriver: "e1000e" },
    { hostAddress: at(`0000:0${n}:00.1`), hostDriver: "e1000e" },
  ],
  ...more,
});
const recordings = readdirSync(metadataFolder).map((file) => file.replace(/\.json$/, ""));

/** Names as people give them. */
const names = [
  "karte-für-gäste",
  "网卡",
  "e\u0301te\u0301",
  "\u00e9t\u00e9",
  "\u0301",
  "🙂👩‍💻\u{1f1e9}\u{1f1ea}",
  "שלום كرت",
  "\u{10fffd}",
  "&#xFC;",
  "a&b;ü<c>",
  "%C3%BC",
  "\u00a0\u2028",
];

describe("the libvirt of the tests", () => {
  it.each(recordings)("prints metadata (%s) as the recorded one does", (name) => {
    const { set, uri, printed } = readMetadata(name);
    const metadata = new GuestMetadata(...set);
    expect(metadata.element(uri)).toBe(printed.element);
    expect(metadata.toString()).toBe(printed.metadata);
  });
});

describe("what release 0.1.0 wrote", () => {
  const owners = [
    "organization/quickstart/dev/karte-für-gäste",
    "organization/网络/dev/网卡",
    "organization/e\u0301te\u0301/dev/\u0301lone",
    "organization/a/dev/🙂👩‍💻\u{1f1e9}\u{1f1ea}",
    "organization/كرت/dev/שלום",
    "organization/quickstart/dev/nic",
  ];
  const six = owners.map((owner, index) => {
    const entry = entryOf(owner, index + 1);
    const [first, ...others] = entry.functions;
    if (index > 0 || first === undefined) return entry;
    return { ...entry, functions: [{ ...first, romFile: "/usr/share/für-gäste.rom" }, ...others] };
  });

  it("is read as it was meant, from the description and from the one element", () => {
    const { printed } = readMetadata("0.1-written-once");
    expect(ledgerOf(printed.metadata)).toEqual(six);
    const again = recordInLedger(printed.element, entryOf("new", 9), "guest1");
    expect(ledgerOf(ledgerMetadata(again).toString())).toEqual([...six, entryOf("new", 9)]);
  });

  it("is healed where it wrote back what it had misread, by the tag", () => {
    const { printed } = readMetadata("0.1-written-again");
    const more = ["organization/quickstart/dev/second", "organization/quickstart/dev/third"];
    const all = [...six, ...more.map((owner, index) => entryOf(owner, index + 8))];
    expect(ledgerOf(printed.metadata)).toEqual(all);
  });

  it("is written in ASCII with the next change, as its own reader takes it", () => {
    for (const name of ["0.1-written-once", "0.1-written-again"]) {
      const { printed } = readMetadata(name);
      const xml = recordInLedger(printed.element, entryOf("new", 9), "guest1");
      expect(xml).toMatch(/^[ -~]*$/);
      // without references, of which 0.1 knows but five
      expect(xml).not.toContain("&");
      for (const owner of owners) expect(xml).toContain(`owner="${encodeURI(owner)}"`);
    }
  });

  it("is erased by its owner, and nothing else is", () => {
    const { set } = readMetadata("0.1-written-again");
    for (const entry of six) {
      const left = after(new GuestMetadata(...set), (present) => eraseFromLedger(present, entry, "guest1"));
      const expected = ledgerOf(new GuestMetadata(...set).toString()).filter((one) => one.tag !== entry.tag);
      expect(ledgerOf(left)).toEqual(expected);
    }
  });
});

describe("an owner whose name has references in it", () => {
  const written = (owner: string, tag: string): LedgerEntry[] =>
    ledgerOf(
      ledgerMetadata(
        `<attachments><attachment owner="${owner.replaceAll("&", "&amp;")}" tag="${tag}" bus="b" slot="0" kind="pseries"/></attachments>`,
      ).toString(),
    );

  it.each([
    ["f&#xFC;r", "für"],
    ["f&#252;r", "für"],
    ["f&amp;#xFC;r", "für"],
    ["f&amp;amp;#xFC;r", "für"],
    ["&#x1F642;&amp", "🙂&amp"],
    ["x&#65;&#xFC;", "x&#65;ü"],
    ["x&lt;&#xFC;", "x&lt;ü"],
  ])("%s is the owner %s where the tag says so", (owner, meant) => {
    expect(written(owner, tagOf(meant)).map((one) => one.owner)).toEqual([meant]);
  });

  it.each(["f&#xFC;r", "f&amp;#xFC;r", "&#65;", "&lt;"])(
    "%s is that where the tag is its own, or another's",
    (owner) => {
      expect(written(owner, tagOf(owner)).map((one) => one.owner)).toEqual([owner]);
      expect(written(owner, tagOf("somebody else")).map((one) => one.owner)).toEqual([owner]);
    },
  );

  it("is not decoded more than three times", () => {
    expect(written("f&amp;amp;amp;#xFC;r", tagOf("für"))[0]?.owner).toBe("f&amp;amp;amp;#xFC;r");
  });
});

describe("a ledger", () => {
  it.each(names)("with the name %j goes through libvirt as it is, beside that of others", (name) => {
    const owner = `organization/${name}/dev/${name}`;
    const mine = entryOf(owner, 2, {
      functions: [{ hostAddress: at("0000:02:00.0"), guestFunction: 0, romFile: `/usr/share/${name}.rom` }],
      incarnation: "0123456789abcdef0123456789abcdef",
      since: "2026-11-29T12:00:00Z",
    });
    const metadata = ledgerMetadata(writeLedger([entryOf("other")]));
    for (let time = 0; time < 3; time++)
      after(metadata, (present) => recordInLedger(present, mine, "guest1"));
    expect(ledgerOf(metadata.toString())).toEqual([entryOf("other"), mine]);
    expect(metadata.element(LEDGER_URI)).toMatch(/^[\n -~]*$/);
    after(metadata, (present) => recordInLedger(present, entryOf("third", 3), "guest1"));
    after(metadata, (present) => eraseFromLedger(present, mine, "guest1"));
    expect(ledgerOf(metadata.toString())).toEqual([entryOf("other"), entryOf("third", 3)]);
  });

  it("with any name goes through libvirt as it is, whatever is written beside it", () => {
    const text = anyText({ minLength: 1 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        fc.pre(one !== other);
        const metadata = ledgerMetadata(writeLedger([entryOf(one, 1)]));
        after(metadata, (present) => recordInLedger(present, entryOf(other, 2), "guest1"));
        expect(ledgerOf(metadata.toString())).toEqual([entryOf(one, 1), entryOf(other, 2)]);
      }),
      { numRuns: 500 },
    );
  });

  it("is found by its namespace, beside what others have, as recorded", () => {
    const { printed, set } = readMetadata("others");
    const owner = "organization/quickstart/dev/nic";
    expect(ledgerOf(printed.metadata)).toEqual([entryOf(owner, 1)]);
    const metadata = new GuestMetadata(...set);
    const without = (): string =>
      metadata.toString().replace(/ *<mfpci:attachments[^]*<\/mfpci:attachments>\n/, "");
    const before = without();
    after(metadata, (present) => recordInLedger(present, entryOf("new", 2), "guest1"));
    expect(without()).toBe(before);
    expect(ledgerOf(metadata.toString())).toEqual([entryOf(owner, 1), entryOf("new", 2)]);
  });

  const one = `<A owner='o' tag='0123456789ab' bus='b' slot='0' kind='pseries'/>`;
  const with_ = (prefix: string): string => one.replace("A", `${prefix}attachment`);
  const own = `<q:attachments xmlns:q='${LEDGER_URI}'>${with_("q:")}</q:attachments>`;
  it.each([
    ["another prefix", own],
    ["the default namespace", `<attachments xmlns='${LEDGER_URI}'>${with_("")}</attachments>`],
    ["a prefix of the domain's", own.replace(/ xmlns:q='[^']*'/, "")],
    [
      "another's attachments before it",
      `<x:attachments xmlns:x='urn:x'>${with_("x:")}</x:attachments>${own}`,
    ],
    ["another's under its own prefix before it", `${own.replace(LEDGER_URI, "urn:x")}${own}`],
    ["another's in no namespace before it", `<attachments>${with_("")}</attachments>${own}`],
    ["another's with it inside before it", `<x:y xmlns:x='urn:x'>${own.replace("'o'", "'p'")}</x:y>${own}`],
    ["the namespace written with references", own.replace("urn:pulumi", "&#117;rn:pulumi")],
    ["a second one behind it, which libvirt does not answer with", `${own}${own.replace("'o'", "'p'")}`],
    ["an entry of another's in it", own.replace("</q:", `<x:attachment xmlns:x='urn:x'/></q:`)],
  ])("under %s is the one in its namespace", (_name, metadata) => {
    const found = parseDomainXml(
      `<domain xmlns:q='${LEDGER_URI}'><name>g</name><metadata>${metadata}</metadata></domain>`,
    );
    expect(found.ledger.map((entry) => entry.owner)).toEqual(["o"]);
  });

  it.each([
    ["another's", own.replace(LEDGER_URI, `${LEDGER_URI}0`)],
    ["no namespace's", `<attachments>${with_("")}</attachments>`],
    ["one of a prefix that stands for nothing", own.replace(/ xmlns:q='[^']*'/, "")],
  ])("is not taken from %s, which looks alike", (_name, metadata) => {
    expect(parseDomainXml(`<domain><metadata>${metadata}</metadata></domain>`).ledger).toEqual([]);
  });

  it.each(["prototype", "constructor", "__proto__", "hasOwnProperty", "toString", "#text", "@owner"])(
    "is found beside an element called %s, and an attribute that is",
    (name) => {
      const isName = /^\w+$/.test(name);
      const strange = isName ? `<x:${name} xmlns:x='urn:x' ${name}='${name}'><${name}/></x:${name}>` : "";
      const other = isName ? strange : `<x:y xmlns:x='urn:x'>${name}</x:y>`;
      const found = parseDomainXml(`<domain><name>g</name><metadata>${other}${own}</metadata></domain>`);
      expect(found.ledger.map((entry) => entry.owner)).toEqual(["o"]);
      expect(found.identity.name).toBe("g");
    },
  );
});

describe("what a later release has put into the ledger", () => {
  const mine = entryOf("mine", 4, { tag: "0123456789ab", owner: "o" });

  it("is kept by a write beside it: elements, attributes and values", () => {
    const { set } = readMetadata("unknown-parts");
    const metadata = new GuestMetadata(...set);
    const before = metadata.element(LEDGER_URI);
    after(metadata, (present) => recordInLedger(present, entryOf("new", 9), "guest1"));
    after(metadata, (present) => eraseFromLedger(present, entryOf("new", 9), "guest1"));
    expect(metadata.element(LEDGER_URI)).toBe(before);
  });

  it("is kept in the own entry and its functions, below the known fields", () => {
    const { set } = readMetadata("unknown-parts");
    const metadata = new GuestMetadata(...set);
    const changed: LedgerEntry = {
      ...mine,
      slot: { bus: "pci.7", slot: 1, kind: "pcie-native" },
      functions: [{ hostAddress: at("0000:04:00.0") }, { hostAddress: at("0000:04:00.1"), guestFunction: 0 }],
    };
    after(metadata, (present) => recordInLedger(present, changed, "guest1"));
    expect(ledgerOf(metadata.toString())).toEqual([changed]);
    const element = metadata.element(LEDGER_URI) ?? "";
    for (const kept of [
      'colour="gr&#xFC;n"',
      'z:mark="1"',
      '<function address="0000:04:00.0" speed="schnell">',
      "<detail>ü &lt; 🙂</detail>",
      '<z:extra deep="&#xE9;">',
      "<prototype/>",
      '<attachment kind="later"/>',
      '<reservation slot="5">x</reservation>',
      'note="f&#xFC;r &amp; &#9; &#x1F642;"',
    ])
      expect(element).toContain(kept);
    expect(element).not.toContain('driver="e1000e"');
  });

  it("stays when the last entry that is known goes", () => {
    const { set } = readMetadata("unknown-parts");
    const metadata = new GuestMetadata(...set);
    after(metadata, (present) => eraseFromLedger(present, mine, "guest1"));
    expect(ledgerOf(metadata.toString())).toEqual([]);
    expect(metadata.element(LEDGER_URI)).toContain('<attachment kind="later"/>');
  });

  it.each(["2", "0", "", "1.1", "x"])("as the form %j is refused, and nothing is written", (form) => {
    const xml = writeLedger([mine])?.replace("<attachments", `<attachments form="${form}"`);
    const answer = ledgerAnswer(xml) ?? "";
    for (const write of [recordInLedger, eraseFromLedger])
      expect(() => write(answer, mine, "guest1")).toThrow(/guest1.*Nothing was touched.*LEDGER_UNREADABLE/);
    const { ledger, unreadLedger } = parseDomainXml(
      `<domain><name>g</name>${ledgerMetadata(xml).toString()}</domain>`,
    );
    expect(ledger).toEqual([]);
    expect(hasCode(unreadLedger, "LEDGER_UNREADABLE")).toBe(true);
  });

  it("as form 1 is the form that is known, and is kept", () => {
    const xml = writeLedger([mine])?.replace("<attachments", '<attachments form="1"');
    const written = recordInLedger(ledgerAnswer(xml), entryOf("new", 5), "guest1");
    expect(written).toContain('<attachments form="1">');
    expect(writeLedger([mine])).not.toContain("form");
  });
});

describe("two makings of one entry", () => {
  const [first, second] = ["1", "2"].map((digit) => digit.repeat(32));
  const since = "2026-11-29T12:00:00Z";
  const made = (incarnation?: string): LedgerEntry =>
    entryOf("mine", 1, incarnation === undefined ? {} : { incarnation, since });

  it.each<[string, LedgerEntry, LedgerEntry, boolean]>([
    ["the same", made(first), made(first), true],
    ["none in either", made(), made(), true],
    ["another", made(first), made(second), false],
    ["none in the ledger", made(), made(first), false],
    ["none in what is erased", made(first), made(), false],
  ])("(%s): an erasure takes its own making alone", (_name, present, erased, isGone) => {
    const metadata = ledgerMetadata(writeLedger([entryOf("other", 2), present]));
    const left = after(metadata, (answer) => eraseFromLedger(answer, erased, "guest1"));
    expect(ledgerOf(left)).toEqual(isGone ? [entryOf("other", 2)] : [entryOf("other", 2), present]);
  });

  it("a record replaces whatever is under the owner or the tag", () => {
    const metadata = ledgerMetadata(writeLedger([made(first), entryOf("heir", 1, { tag: "0".repeat(12) })]));
    const mine = { ...made(second), tag: "0".repeat(12) };
    expect(ledgerOf(after(metadata, (present) => recordInLedger(present, mine, "guest1")))).toEqual([mine]);
    expect(ledgerOf(after(metadata, (present) => recordInLedger(present, made(), "guest1")))).toEqual([
      made(),
    ]);
  });

  it.each([
    ["incarnation", "1".repeat(31)],
    ["incarnation", "A".repeat(32)],
    ["incarnation", ""],
    ["since", "2026-11-29T12:00:00.5Z"],
    ["since", "2026-99-99T12:00:00Z"],
    ["since", "yesterday"],
  ])("%s %j is passed over", (name, value) => {
    const xml = writeLedger([made()])?.replace(" tag=", ` ${name}="${value}" tag=`);
    expect(ledgerOf(ledgerMetadata(xml).toString())).toEqual([made()]);
  });
});
