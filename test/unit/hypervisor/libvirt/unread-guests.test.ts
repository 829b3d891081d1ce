import { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import type { LibvirtDomain } from "../../../../provider/libvirt-rpc";
import type { Observation } from "../../../../provider/plan";
import { ledgerMetadata } from "../../../support/libvirt-metadata";
import { nothingUsed } from "../../../support/host-facts";
import { readRecording } from "../../../support/recordings/guest-recording";
import { guest1, recordedLibvirt, TRANSIENT_DOMAINS } from "../support/scripted-libvirt";

const idle = readRecording("idle");
const guest2: LibvirtDomain = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222", id: 2 };
const broken = "<domain type='kvm' id='2'><name>guest2</name><metadata><a></b></metadata></domain>";
const laterLedger = (xml: string): string =>
  xml.replace("</uuid>", `</uuid>${ledgerMetadata('<attachments form="2"/>').toString()}`);

/** A look at guest1 of a host with two, each as it is described here. */
function observe(
  described: { own?: string; other?: string; persistent?: string },
  olderVersion?: string,
): Promise<Observation> {
  const { own = idle.domainXml, other = idle.domainXml, persistent = idle.persistentXml } = described;
  const { session } = recordedLibvirt("idle", {
    listDomains: (flags: number) => (flags === TRANSIENT_DOMAINS ? [] : [guest1, guest2]),
    domainXml: ({ uuid }: LibvirtDomain, options: { inactive?: boolean } = {}) => {
      if (uuid === guest2.uuid) return other;
      return options.inactive ? persistent : own;
    },
  });
  Object.assign(session, { olderVersion: () => Promise.resolve(olderVersion) });
  const monitor = new LibvirtMonitor(session, () => guest1);
  const readHostFacts = () => Promise.resolve(nothingUsed);
  const host = new LibvirtHost({
    session,
    monitor,
    guest: "guest1",
    onDomain: () => undefined,
    readHostFacts,
  });
  return host.observe({ addresses: ["0000:01:00"] }, new AbortController().signal);
}

describe("a look at a guest, where something cannot be read", () => {
  it.each([broken, laterLedger(idle.domainXml)])(
    "of another guest, names that and goes on",
    async (other) => {
      const { guest, unreadGuests, functions } = await observe({ other });
      expect(guest).toMatchObject({ name: "guest1", runState: "running" });
      expect(functions.size).toBeGreaterThan(0);
      const { name, uuid } = guest2;
      expect(unreadGuests).toMatchObject([{ guest: { name, uuid } }]);
    },
  );

  it("of the guest itself, is an error", async () => {
    const own = idle.domainXml.replace("<uuid>", "<a></b><uuid>");
    await expect(observe({ own })).rejects.toMatchObject({ code: "XML_UNREADABLE" });
    for (const described of [
      { own: laterLedger(idle.domainXml) },
      { persistent: laterLedger(idle.persistentXml) },
    ])
      await expect(observe(described)).rejects.toMatchObject({ code: "LEDGER_UNREADABLE" });
  });

  it("of any guest is an error with an older libvirt, which protects nothing", async () => {
    await expect(observe({ other: broken }, "7.0.0")).rejects.toMatchObject({ code: "XML_UNREADABLE" });
    await expect(observe({ other: laterLedger(idle.domainXml) }, "7.0.0")).rejects.toMatchObject({
      code: "LEDGER_UNREADABLE",
    });
  });

  it("of none, names none", async () => {
    expect(await observe({})).not.toHaveProperty("unreadGuests");
  });
});
