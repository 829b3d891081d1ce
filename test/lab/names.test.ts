import { parseDomainXml } from "../../provider/hypervisor/libvirt/xml/domain-xml";
import { LEDGER_PREFIX, LEDGER_URI } from "../../provider/hypervisor/libvirt/xml/ledger-xml";
import { tagOf } from "../../provider/plan";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC, OTHER_NIC, type Kept } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = [0, 1, 2, 3].map(() => "e1000e");
/** Project, parent and resource, in scripts of which libvirt prints none as it is. */
const before = "organization/网络/dev/ns:för:Typ/كرت/karte-für-gäste";
const beside = "organization/e\u0301te\u0301/dev/ns:\u0301:Type/שלום/🙂👩‍💻\u{1f1e9}\u{1f1ea}";
const ROM_FILE = "/usr/share/qemu/für-网卡-🙂.rom";

const functionMap = (romFile?: string) =>
  [0, 1, 2, 3].map((n) => ({
    hostAddress: `${NIC}.${n}`,
    guestFunction: n,
    ...(n === 0 && romFile !== undefined && { romFile }),
  }));

/** What libvirt prints for what is not ASCII, and what 0.1.0 took for the text. */
function asReferences(text: string): string {
  return text.replace(
    /[^\0-\u007f]/gu,
    (one) => `&#x${(one.codePointAt(0) ?? 0).toString(16).toUpperCase()};`,
  );
}

async function owners(): Promise<string[]> {
  const { ledger, unreadLedger } = parseDomainXml(await lab.virsh("dumpxml guest1"));
  expect(unreadLedger).toBeUndefined();
  return ledger.map((one) => one.owner);
}

/** Puts this in place of the owner's text in the ledger, as XML. */
async function rewriteOwner(written: string): Promise<void> {
  const answer = await lab.virsh(`metadata guest1 ${LEDGER_URI} --live`);
  const tag = tagOf(before);
  const xml = answer.trim().replace(new RegExp(`owner="[^"]*"(?= tag="${tag}")`), `owner="${written}"`);
  const set = `virsh -q metadata guest1 ${LEDGER_URI} --key ${LEDGER_PREFIX} --live --set "$(cat)"`;
  const { code, stderr } = await lab.lab.exec(set, { input: xml });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

/** A header of a ROM and nothing else. */
async function makeRom(): Promise<void> {
  const { code, stderr } = await lab.lab.exec(
    `(printf '\\125\\252\\004'; head -c 2045 /dev/zero) > '${ROM_FILE}' && chmod 644 '${ROM_FILE}'`,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

async function expectUnchanged(kept: Kept, overrides: Record<string, unknown>): Promise<void> {
  expect(await lab.preview(kept, overrides)).toMatchObject({ changes: false, replaces: [], plan: "" });
  const refreshed = await lab.refresh(kept);
  expect(refreshed?.outs["attached"]).toEqual(kept.outs["attached"]);
}

test("names in any script go through all operations, beside an entry of 0.1.0", async () => {
  const first = { ownerToken: before, device: OTHER_NIC };
  const kept = await lab.create(first);
  for (const written of [before, asReferences(before).replaceAll("&", "&amp;")]) {
    await rewriteOwner(written);
    expect(await owners()).toEqual([before]);
    await expectUnchanged(kept, first);
  }

  await makeRom();
  const second = { ownerToken: beside, functionMap: functionMap(ROM_FILE) };
  const other = await lab.create(second);
  expect((await owners()).sort()).toEqual([before, beside].sort());
  expect(await lab.virsh(`metadata guest1 ${LEDGER_URI} --live`)).toMatch(/^[\n -~]*$/);
  const path = `/machine/peripheral/${other.id}-f0-rom`;
  expect(await lab.lab.qmp("guest1", "qom-get", { path, property: "romfile" })).toBe(ROM_FILE);
  await expectUnchanged(kept, first);
  await expectUnchanged(other, second);

  const fewer = { ownerToken: beside, functionMap: functionMap(ROM_FILE).slice(0, 2), leftovers: "hold" };
  const changed = await lab.up(other, fewer);
  expect(changed.did).toBe("update");
  await expectUnchanged(changed.kept, fewer);

  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.driversOf(OTHER_NIC)).toEqual(e1000e);
  expect(await owners()).toEqual([beside]);
  await expectUnchanged(changed.kept, fewer);
  await lab.provider.delete(changed.kept.id, changed.kept.outs);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("another tool's metadata, of any name, hide no ledger and stay", async () => {
  const set = (uri: string, key: string, xml: string): Promise<unknown> =>
    lab.lab.exec(`virsh -q metadata guest1 ${uri} --key ${key} --live --config --set "$(cat)"`, {
      input: xml,
    });
  await set(
    "urn:x",
    "x",
    `<attachments><attachment owner='${before}' tag='${tagOf(before)}' bus='pci.8' slot='0' kind='pcie-acpi'/></attachments>`,
  );
  await set("urn:p", "p", "<prototype constructor='ü'><constructor/><__proto__>é</__proto__></prototype>");
  const others = async (): Promise<string[]> =>
    Promise.all(["urn:x", "urn:p"].map((uri) => lab.virsh(`metadata guest1 ${uri} --live`)));
  const found = await others();
  const kept = await lab.create();
  await expectUnchanged(kept, {});
  expect(await owners()).toEqual([kept.outs["ownerToken"]]);
  await lab.provider.delete(kept.id, kept.outs);
  expect(await others()).toEqual(found);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

test("a ROM with a path beyond ASCII is plugged by libvirt, and told", async () => {
  await makeRom();
  const alone = { functionMap: functionMap(ROM_FILE).slice(0, 1), leftovers: "hold" };
  const kept = await lab.create(alone);
  const { functions } = parseDomainXml(await lab.virsh("dumpxml guest1"));
  expect(functions.find((one) => one.hostAddress === `${NIC}.0`)?.romFile).toBe(ROM_FILE);
  await expectUnchanged(kept, alone);
  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});
