import fc from "fast-check";
import { hasCode, ProviderError } from "../../../../provider/errors";
import { parseDomainXml } from "../../../../provider/hypervisor/libvirt/xml/domain-xml";
import { LibvirtSession } from "../../../../provider/hypervisor/libvirt/libvirt-session";
import {
  MAX_GROUP_MEMBERS,
  parseNodeDeviceXml,
} from "../../../../provider/hypervisor/libvirt/xml/node-device-xml";
import { MAX_XML_DEPTH, MAX_XML_PARTS } from "../../../../provider/hypervisor/libvirt/xml/xml-reader";
import { parseXml } from "../../../../provider/hypervisor/libvirt/xml/xml";
import { expectProcessorSeconds } from "../../../support/processor-time";
import { at } from "../../../support/desired";
import { withinBounds } from "../../../support/within-bounds";
import { readRecording } from "../../../support/recordings/guest-recording";

const bounds = { seconds: 5, mebibytes: 256 };
/** The longest text that libvirt's protocol lets through. */
const LONGEST = 4_194_304;
const filled = (piece: string, less = 0): string => piece.repeat(Math.floor((LONGEST - less) / piece.length));

function problemOf(xml: string): string {
  try {
    parseXml(xml, "it");
    return "";
  } catch (error) {
    expect(hasCode(error, "XML_UNREADABLE")).toBe(true);
    return (error as Error).message;
  }
}

describe("A document of libvirt", () => {
  it.each(["idle", "attached", "half-plugged"])("as recorded (%s) is read whole", (scenario) => {
    const { domainXml, persistentXml, capabilitiesXml, nodeDeviceXml } = readRecording(scenario);
    for (const xml of [domainXml, persistentXml, capabilitiesXml, ...Object.values(nodeDeviceXml)])
      expect(problemOf(xml)).toBe("");
  });

  it("that is cut off, wherever, is unreadable, and never half a guest", () => {
    const xml = readRecording("attached").domainXml.trim();
    for (let length = 0; length < xml.length; length += 7)
      expect(problemOf(xml.slice(0, length))).toMatch(/\[XML_UNREADABLE\]$/);
    expect(problemOf(xml.slice(0, -1))).toMatch(/\[XML_UNREADABLE\]$/);
  });

  it.each<[string, string]>([
    ["elements that cross", "<a><b></a></b>"],
    ["an end without a start", "<a></a></b>"],
    ["two roots", "<a/><b/>"],
    ["text before the root", "x<a/>"],
    ["text after the root", "<a/>x"],
    ["CDATA beside the root", "<a/><![CDATA[x]]>"],
    ["an attribute without quotes", "<a b=c/>"],
    ["an attribute without a value", "<a b/>"],
    ["an attribute that never ends", "<a b='c/>"],
    ["a tag within a value", "<a b='<c/>'/>"],
    ["a comment that never ends", "<a><!-- </a>"],
    ["CDATA that never ends", "<a><![CDATA[ </a>"],
    ["an instruction that never ends", "<a><?x </a>"],
    ["a name of punctuation", "<]]>/>"],
    ["a document type", "<!DOCTYPE a><a/>"],
    ["an entity", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'],
    ["an escape sequence", "<a>\u001b[2J</a>"],
    ["a NUL", "<a b='\u0000'/>"],
    ["a noncharacter", "<a>\uffff</a>"],
    ["only a comment", "<!-- a -->"],
    ["nothing", ""],
    ["an attribute twice", "<a b='' b=''/>"],
    ["an ampersand by itself", "<a b='&'/>"],
    ["a reference to a surrogate", "<a>&#xD83D;&#xDE42;</a>"],
    ["an escape sequence by a reference", "<a b='&#27;[2J'/>"],
  ])("with %s is unreadable, and not shown", (_name, xml) => {
    expect(problemOf(xml)).toMatch(
      /^libvirt sent it in a form that cannot be read: [ -~]+\[XML_UNREADABLE\]$/,
    );
  });

  it.each<[string, string]>([
    ["a declaration and white space", '<?xml version="1.0" encoding="UTF-8"?>\n<a/>\n'],
    ["comments and instructions", "<!-- x --><a><?y z?><!-- <b> --></a><!-- end -->"],
    ["CDATA with markup", "<a><![CDATA[<b>]] > & </a>]]></a>"],
    ["either quote within the other", `<a b='"' c="'" d='>' e="/>"/>`],
    ["prefixes", "<x:a xmlns:x='urn:x'><x:b/></x:a>"],
    ["letters of any script", "<a b='网卡'>Gerät 👩‍💻</a>"],
    ["white space within tags", "<a\n b = 'c'\t></a\n>"],
    ["names of a prototype", "<__proto__ constructor='x'><prototype __proto__='y'/></__proto__>"],
  ])("with %s is read", (_name, xml) => {
    expect(problemOf(xml)).toBe("");
  });

  it("is read as deep as libvirt itself reads, and no deeper", () => {
    const nested = (depth: number): string => "<a>".repeat(depth) + "</a>".repeat(depth);
    expect(problemOf(nested(MAX_XML_DEPTH))).toBe("");
    expect(problemOf(nested(MAX_XML_DEPTH + 1))).toContain("deep");
    expect(problemOf(nested(100_000))).toContain("deep");
  });

  it("is read up to so many elements and attributes, and no more", () => {
    const wide = (elements: number): string => `<a>${"<b c='d'/>".repeat(elements)}</a>`;
    expect(problemOf(wide((MAX_XML_PARTS - 2) / 2))).toBe("");
    expect(problemOf(wide(MAX_XML_PARTS / 2))).toContain(String(MAX_XML_PARTS));
  });

  it.each<[string, () => string]>([
    ["elements", () => `<d>${filled("<a/>", 7)}</d>`],
    ["different elements", () => `<d>${Array.from({ length: 400_000 }, (_, i) => `<a${i}/>`).join("")}</d>`],
    ["elements between texts", () => `<d>${filled("x<a/>", 7)}</d>`],
    ["attributes", () => `<d ${Array.from({ length: 300_000 }, (_, i) => `a${i}=''`).join(" ")}/>`],
    ["one attribute, again and again", () => `<d ${filled("a='' ", 5)}/>`],
    ["instructions", () => `<d>${filled("<?a?>", 7)}</d>`],
    ["comments", () => `<d>${filled("<!---->", 7)}</d>`],
    ["comments that never end", () => `<d>${filled("<!--", 3)}`],
    ["tags that never end", () => filled("<a ")],
    ["brackets", () => filled("<")],
    ["CDATA", () => `<d>${filled("x<![CDATA[x]]>", 7)}</d>`],
    ["ampersands", () => `<d>${filled("&", 7)}</d>`],
    ["entities", () => `<d>${filled("&#65;", 7)}</d>`],
    ["namespaces", () => `<d>${filled("<a xmlns:b=''/>", 7)}</d>`],
    [
      "namespaces of one element",
      () => `<d ${Array.from({ length: 190_000 }, (_, i) => `xmlns:a${i}=''`).join(" ")}/>`,
    ],
    ["a reference that never ends", () => `<d>&#${filled("0", 9)}</d>`],
    ["one value", () => `<d a='${filled("x", 9)}'/>`],
    ["one name", () => `<${filled("x", 3)}/>`],
    ["one blank", () => `<d ${filled(" ", 5)}/>`],
    ["equals signs", () => `<d ${filled("=", 5)}/>`],
  ])("of four megabytes of %s is read or refused, in little time and memory", async (_name, make) => {
    const xml = make();
    expect(xml.length).toBeLessThanOrEqual(LONGEST);
    await withinBounds(bounds, () => problemOf(xml));
  });

  it("made of pieces of XML in any order is a description or unreadable", () => {
    const pieces =
      "<domain>,</domain>,<devices>,</devices>,<hostdev type='pci'>,</hostdev>,<source>,</source>,<address type='pci' bus='0x1' slot='0'/>,<address bus='&x;' slot='NaN'/>,<metadata>,</metadata>,<attachments>,<attachment,</attachments>, owner='o', tag='0123456789ab',/>,>,<!--,-->,<![CDATA[,]]>,<?,?>,<!DOCTYPE,&lt;,&#x1b;,\u009b,x";
    const document = fc
      .array(fc.constantFrom(...pieces.split(",")), { maxLength: 24 })
      .map((parts) => `<domain>${parts.join("")}</domain>`);
    fc.assert(
      fc.property(document, (xml) => {
        try {
          parseDomainXml(xml);
        } catch (error) {
          expect(error).toBeInstanceOf(ProviderError);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("The dearest description of a guest that is read", () => {
  const guest = (devices: string): string =>
    `<domain type="kvm" id="1"><name>g</name><uuid>u</uuid><devices>${devices}</devices></domain>`;
  const some = (count: number, make: (n: number) => string): string =>
    Array.from({ length: count }, (_, n) => make(n)).join("");
  const parts = MAX_XML_PARTS - 100;

  it.each<[string, string]>([
    ["of addresses on one bus", some(parts / 5, () => `<x><address type="pci" slot="0x01"/></x>`)],
    [
      "of sources within sources",
      `${"<source>".repeat(200)}${"<a/>".repeat(parts - 500)}${"</source>".repeat(200)}`,
    ],
    [
      "of host functions",
      some(parts / 8, () => `<hostdev type="pci"><source><address bus="1"/></source></hostdev>`),
    ],
    ["of attributes", `<x ${some(parts, (n) => `a${n}="1" `)}/>`],
    ["of names", some(parts, (n) => `<a${n}/>`)],
  ])("%s holds other hosts up for less than half a second", (_what, devices) => {
    const xml = guest(devices);
    expect(() => parseDomainXml(xml)).not.toThrow();
    expectProcessorSeconds(() => parseDomainXml(xml), { below: 0.5 });
  });
});

describe("The description of a host function", () => {
  const device = (group: string): string =>
    `<device><capability type='pci'><iommuGroup ${group}</iommuGroup></capability></device>`;
  const parse = (xml: string) => parseNodeDeviceXml(xml, at("0000:01:00.0"));

  it.each(["", "x", "NaN", "-1", "1e30", "0x5", "Infinity", " 5", "5; reboot", "../5"])(
    "with the IOMMU group %j is unreadable",
    (number) => {
      expect(() => parse(device(`number='${number.trim() === number ? number : "+5"}'>`))).toThrow(
        /XML_UNREADABLE/,
      );
    },
  );

  it("with more group members than can be looked at is unreadable", () => {
    const members = (count: number): string =>
      device(`number='5'>${"<address domain='0' bus='1' slot='0' function='0'/>".repeat(count)}`);
    expect(parse(members(MAX_GROUP_MEMBERS)).groupMembers).toHaveLength(MAX_GROUP_MEMBERS);
    expect(() => parse(members(MAX_GROUP_MEMBERS + 1))).toThrow(/XML_UNREADABLE/);
  });
});

describe("The host's UUID", () => {
  const sessionSaying = (xml: string): LibvirtSession => {
    const session = new LibvirtSession(
      {
        label: "root@hv1:22",
        openUnixSocket: () => Promise.reject(new Error("unused")),
        openCommand: () => Promise.reject(new Error("unused")),
      },
      "qemu:///system",
    );
    const client = { capabilities: () => Promise.resolve(xml) };
    jest.spyOn(session, "client").mockResolvedValue(client as never);
    return session;
  };

  it.each(["", "x", "11111111-1111-4111-8111-11111111111", "$(reboot)", "\u009b2J"])(
    "that is %j is unreadable, and reaches no state",
    async (uuid) => {
      const xml = `<capabilities><host><uuid>${uuid}</uuid></host></capabilities>`;
      await expect(sessionSaying(xml).hostUuid()).rejects.toMatchObject({ code: "XML_UNREADABLE" });
    },
  );
});
