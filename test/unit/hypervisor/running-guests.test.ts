import { lookAtRunningGuests } from "../../../provider/hypervisor/libvirt";
import { writeLedger } from "../../../provider/hypervisor/libvirt/ledger-xml";
import { LibvirtErrorCode } from "../../../provider/libvirt-rpc";
import { tagOf, type LedgerEntry } from "../../../provider/plan";
import { OWNER } from "../../support/scenarios";
import { at } from "../../support/wanted";
import { guest1, HOST_UUID, libvirtError, ScriptedLibvirt } from "./support/scripted-libvirt";

const { signal } = new AbortController();
const guest2 = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222", id: 2 };

const xmlOf = ({ name, uuid }: typeof guest1, rest: string, id = "id='1'"): string =>
  `<domain type='kvm' ${id}><name>${name}</name><uuid>${uuid}</uuid>${rest}</domain>`;

const hostdev = `<devices><hostdev mode='subsystem' type='pci' managed='yes'>
  <source><address domain='0x0000' bus='0x01' slot='0x00' function='0x2'/></source>
  <alias name='hostdev0'/><address type='pci' domain='0x0000' bus='0x05' slot='0x00' function='0x0'/>
</hostdev></devices>`;

test("all that run are told with what they have, one that ends meanwhile is left out", async () => {
  const libvirt = new ScriptedLibvirt(
    { call: "listDomains", having: "1", reply: [guest1, guest2] },
    { call: "domainXml", having: "guest1", reply: xmlOf(guest1, hostdev) },
    { call: "domainXml", having: "guest2", reply: libvirtError(LibvirtErrorCode.NO_DOMAIN) },
  );
  expect(await lookAtRunningGuests(libvirt.session, signal)).toEqual({
    hostUuid: HOST_UUID,
    guests: [{ name: "guest1", uuid: guest1.uuid }],
    holdings: [
      {
        guest: { name: "guest1", uuid: guest1.uuid },
        address: "0000:01:00.2",
        alias: "hostdev0",
        isUnassigned: false,
      },
    ],
    ledger: [],
  });
  libvirt.finish();
});

test("one that has just been shut off is no running one, and another error is an error", async () => {
  const off = new ScriptedLibvirt(
    { call: "listDomains", reply: [guest1] },
    { call: "domainXml", reply: xmlOf(guest1, "", "") },
  );
  expect((await lookAtRunningGuests(off.session, signal)).guests).toEqual([]);
  const broken = new ScriptedLibvirt(
    { call: "listDomains", reply: [guest1] },
    { call: "domainXml", reply: libvirtError(LibvirtErrorCode.ACCESS_DENIED) },
  );
  await expect(lookAtRunningGuests(broken.session, signal)).rejects.toMatchObject({
    code: LibvirtErrorCode.ACCESS_DENIED,
  });
});

test("with an older libvirt, what is recorded of a guest that is off is told too: it stays held", async () => {
  const entry: LedgerEntry = {
    owner: OWNER,
    tag: tagOf(OWNER),
    slot: { bus: "pci.8", slot: 0, kind: "pcie-native" },
    functions: [{ address: at("0000:01:00.0"), guestFunction: 0, hostDriver: "e1000e" }],
  };
  const libvirt = new ScriptedLibvirt(
    { call: "listDomains", having: "0", reply: [guest1] },
    {
      call: "domainXml",
      reply: xmlOf(guest1, `<metadata>${writeLedger([entry])}</metadata>`, ""),
    },
  );
  libvirt.olderVersion = "7.0.0";
  expect(await lookAtRunningGuests(libvirt.session, signal)).toEqual({
    hostUuid: HOST_UUID,
    guests: [],
    holdings: [],
    ledger: [{ guest: { name: "guest1", uuid: guest1.uuid }, entry }],
    olderLibvirt: { version: "7.0.0" },
  });
});
