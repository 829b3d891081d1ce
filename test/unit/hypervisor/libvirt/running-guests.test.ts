import { readRunningGuests } from "../../../../provider/hypervisor/libvirt";
import { writeLedger } from "../../../../provider/hypervisor/libvirt/xml/ledger-xml";
import { LibvirtErrorCode } from "../../../../provider/libvirt-rpc";
import { tagOf, type LedgerEntry } from "../../../../provider/plan";
import { ledgerMetadata } from "../../../support/libvirt-metadata";
import { OWNER } from "../../../support/scenarios";
import { at } from "../../../support/desired";
import { guest1, HOST_UUID, libvirtError, ScriptedLibvirt } from "../support/scripted-libvirt";

const { signal } = new AbortController();
const guest2 = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222", id: 2 };

const xmlOf = ({ name, uuid }: typeof guest1, rest: string, id = "id='1'"): string =>
  `<domain type='kvm' ${id}><name>${name}</name><uuid>${uuid}</uuid>${rest}</domain>`;

const hostdev = `<devices><hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x2'/></source>
  <alias name='hostdev0'/><address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
</hostdev></devices>`;

test("all that run are told with what they have, except those that end meanwhile", async () => {
  const libvirt = new ScriptedLibvirt(
    { call: "listDomains", having: "1", reply: [guest1, guest2] },
    { call: "domainXml", having: "guest1", reply: xmlOf(guest1, hostdev) },
    { call: "domainXml", having: "guest2", reply: libvirtError(LibvirtErrorCode.NO_DOMAIN) },
  );
  expect(await readRunningGuests(libvirt.session, signal)).toEqual({
    hostUuid: HOST_UUID,
    guests: [{ name: "guest1", uuid: guest1.uuid }],
    holdings: [
      {
        guest: { name: "guest1", uuid: guest1.uuid },
        hostAddress: "0000:01:00.2",
        alias: "hostdev0",
        isUnassigned: false,
      },
    ],
    ledger: [],
  });
  libvirt.finish();
});

test("a guest just shut off is no running one; another error is an error", async () => {
  const off = new ScriptedLibvirt(
    { call: "listDomains", reply: [guest1] },
    { call: "domainXml", reply: xmlOf(guest1, "", "") },
  );
  expect((await readRunningGuests(off.session, signal)).guests).toEqual([]);
  const broken = new ScriptedLibvirt(
    { call: "listDomains", reply: [guest1] },
    { call: "domainXml", reply: libvirtError(LibvirtErrorCode.ACCESS_DENIED) },
  );
  await expect(readRunningGuests(broken.session, signal)).rejects.toMatchObject({
    code: LibvirtErrorCode.ACCESS_DENIED,
  });
});

test("with an older libvirt, what a stopped guest has on record is told too", async () => {
  const entry: LedgerEntry = {
    owner: OWNER,
    tag: tagOf(OWNER),
    slot: { bus: "pci.8", slot: 0, kind: "pcie-native" },
    functions: [{ hostAddress: at("0000:01:00.0"), guestFunction: 0, hostDriver: "e1000e" }],
  };
  const libvirt = new ScriptedLibvirt(
    { call: "listDomains", having: "0", reply: [guest1] },
    {
      call: "domainXml",
      reply: xmlOf(guest1, ledgerMetadata(writeLedger([entry])).toString(), ""),
    },
  );
  libvirt.olderVersion = "7.0.0";
  expect(await readRunningGuests(libvirt.session, signal)).toEqual({
    hostUuid: HOST_UUID,
    guests: [],
    holdings: [],
    ledger: [{ guest: { name: "guest1", uuid: guest1.uuid }, entry }],
    olderLibvirt: { version: "7.0.0" },
  });
});

describe("a guest of which something cannot be read", () => {
  const form2 = ledgerMetadata('<attachments form="2"/>').toString();
  const script = (xml: string, which: string) => [
    { call: "listDomains", having: which, reply: [guest1, guest2] },
    { call: "domainXml", having: "guest1", reply: xmlOf(guest1, hostdev) },
    { call: "domainXml", having: "guest2", reply: xml },
  ];
  const broken = xmlOf(guest2, "<metadata><a></b></metadata>");

  it.each([
    ["its description", broken, /form that cannot be read/],
    ["a later form of the ledger", xmlOf(guest2, form2), /newer release/],
  ])("(%s) is named with the reason, and the others are told all the same", async (_name, xml, reason) => {
    const libvirt = new ScriptedLibvirt(...script(xml, "1"));
    const { guests, holdings, unreadGuests } = await readRunningGuests(libvirt.session, signal);
    expect(guests.map((one) => one.name).sort()).toEqual(["guest1", "guest2"]);
    expect(holdings.map((one) => one.guest.name)).toEqual(["guest1"]);
    const { name, uuid } = guest2;
    expect(unreadGuests).toEqual([
      { guest: { name, uuid }, reason: expect.stringMatching(reason) as string },
    ]);
  });

  it("tells what it has where the ledger alone is of a later form", async () => {
    const libvirt = new ScriptedLibvirt(...script(xmlOf(guest2, form2 + hostdev), "1"));
    const { holdings } = await readRunningGuests(libvirt.session, signal);
    expect(holdings.map((one) => one.guest.name)).toEqual(["guest1", "guest2"]);
  });

  it.each([broken, xmlOf(guest2, form2)])(
    "is an error with an older libvirt, which knows only the ledger: %s",
    async (xml) => {
      const libvirt = new ScriptedLibvirt(...script(xml, "0"));
      libvirt.olderVersion = "7.0.0";
      await expect(readRunningGuests(libvirt.session, signal)).rejects.toMatchObject({
        code: expect.stringMatching(/^(XML|LEDGER)_UNREADABLE$/) as string,
      });
    },
  );

  it.each([
    "<prototype/>",
    "<constructor a='b'/>",
    "<__proto__><x/></__proto__>",
    "<x:hasOwnProperty xmlns:x='urn:x' toString='y'>&#xFC;</x:hasOwnProperty>",
  ])("is none whose metadata have %s", async (metadata) => {
    const libvirt = new ScriptedLibvirt(
      ...script(xmlOf(guest2, `<metadata>${metadata}</metadata>${hostdev}`), "1"),
    );
    const { holdings, unreadGuests } = await readRunningGuests(libvirt.session, signal);
    expect(holdings.map((one) => one.guest.name)).toEqual(["guest1", "guest2"]);
    expect(unreadGuests).toBeUndefined();
  });
});
