import type { ObservationQuery } from "../../../../provider/apply";
import { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import { LibvirtErrorCode, type LibvirtDomain } from "../../../../provider/libvirt-rpc";
import { planAttach, type Observation } from "../../../../provider/plan";
import { outline, wants } from "../../../support/desired";
import { nothingUsed } from "../../../support/host-facts";
import { readRecording } from "../../../support/recordings/guest-recording";
import {
  guest1,
  libvirtError,
  PERSISTENT_DOMAINS,
  recordedLibvirt,
  RUNNING_DOMAINS,
  SAVED_DOMAINS,
} from "../support/scripted-libvirt";

const { persistentXml } = readRecording("idle");
const running: LibvirtDomain = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222", id: 2 };
const stopped: LibvirtDomain = { name: "guest3", uuid: "33333333-3333-4333-8333-333333333333", id: -1 };
const forStart = { addresses: ["0000:01:00"], forPlug: { buses: [], atNextStart: true } };
const hostdev = (n: number, alias = ""): string =>
  `<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='${n}'/></source>${alias}</hostdev>`;
const withDevices = (devices: string): string => persistentXml.replace("</devices>", `${devices}</devices>`);

/** A look at guest1, which is shut off, on a host with two further guests, the first of which runs. */
async function observe(
  others: { readonly running?: unknown; readonly stopped?: unknown; readonly saved?: boolean } = {},
  query: ObservationQuery = forStart,
): Promise<{ observation: Observation; asked: readonly string[]; inactive: readonly string[] }> {
  const inactive: string[] = [];
  const { session, asked } = recordedLibvirt("idle", {
    listDomains: (flags: number) =>
      flags === RUNNING_DOMAINS
        ? [running]
        : flags === PERSISTENT_DOMAINS
          ? [guest1, running, stopped]
          : flags === SAVED_DOMAINS && others.saved
            ? [stopped, guest1]
            : [],
    domainXml: (domain: LibvirtDomain, options: { inactive?: boolean } = {}) => {
      if (options.inactive) inactive.push(domain.name);
      if (domain.uuid === guest1.uuid) return persistentXml;
      const described = domain.uuid === running.uuid ? others.running : others.stopped;
      return options.inactive ? (described ?? persistentXml) : persistentXml;
    },
  });
  const host = new LibvirtHost({
    session,
    monitor: new LibvirtMonitor(session, () => guest1),
    guest: "guest1",
    onDomain: () => undefined,
    readHostFacts: () => Promise.resolve(nothingUsed),
  });
  return { observation: await host.observe(query, new AbortController().signal), asked, inactive };
}

describe("a look at a guest that is shut off", () => {
  it("has the buses of its configuration, enough to plan an attach, without its monitor", async () => {
    const { observation, asked } = await observe();
    expect(asked).not.toContain("monitorCommand");
    expect(observation.guest).toMatchObject({ runState: "off", qemuVersion: "" });
    expect(observation.guest).not.toHaveProperty("hasSavedState");
    const plan = planAttach(observation, wants(undefined, { persistent: true }));
    expect(outline(plan)).toEqual(["record configuration", "configure .1@1 .2@2 .3@3 .0@0"]);
    expect(plan.target?.slot).toEqual({ bus: "pci.8", slot: 0, kind: "pcie-acpi" });
  });

  it("has what other guests' configurations have, running or not", async () => {
    const { observation } = await observe({
      running: withDevices(hostdev(0, "<alias name='ua-gpu'/>")),
      stopped: withDevices(
        `${hostdev(2)}<interface type='hostdev'><source><address bus='2' slot='0'/></source></interface>`,
      ),
    });
    const identity = ({ name, uuid }: LibvirtDomain) => ({ name, uuid });
    expect(observation.configuredElsewhere).toEqual([
      { guest: identity(running), hostAddress: "0000:01:00.0", alias: "ua-gpu" },
      { guest: identity(stopped), hostAddress: "0000:01:00.2", alias: "" },
      { guest: identity(stopped), hostAddress: "0000:02:00.0", alias: "" },
    ]);
    expect(observation).not.toHaveProperty("unreadGuests");
  });

  it("tells of a guest that cannot be read, and passes over one gone", async () => {
    const { observation } = await observe({
      running: "<domain><name>guest2</name><a></b></domain>",
      stopped: libvirtError(LibvirtErrorCode.NO_DOMAIN),
    });
    expect(observation.configuredElsewhere).toEqual([]);
    expect(observation.unreadGuests).toMatchObject([{ guest: { name: "guest2" } }]);
    const undefinedMeanwhile = await observe({ running: libvirtError(LibvirtErrorCode.OPERATION_INVALID) });
    expect(undefinedMeanwhile.observation).not.toHaveProperty("unreadGuests");
  });

  it("asks for others' configurations only where its next start is to have something", async () => {
    for (const query of [{ addresses: [] }, { addresses: [], forPlug: { buses: [] } }]) {
      const { observation, inactive } = await observe({ running: withDevices(hostdev(0)) }, query);
      expect([observation.configuredElsewhere, inactive]).toEqual([[], ["guest1"]]);
    }
  });

  it("knows whether its state is saved", async () => {
    expect((await observe({ saved: true })).observation.guest.hasSavedState).toBe(true);
  });
});
