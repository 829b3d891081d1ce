import type { ObservationQuery } from "../../../../provider/apply";
import { parsePlaces } from "../../../../provider/host/facts/guest-devices";
import { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import { LibvirtErrorCode, type LibvirtDomain } from "../../../../provider/libvirt-rpc";
import { describeHostUse, type Observation } from "../../../../provider/plan";
import { nothingUsed } from "../../../support/host-facts";
import { readRecording } from "../../../support/recordings/guest-recording";
import { guest1, libvirtError, recordedLibvirt, RUNNING_DOMAINS } from "../support/scripted-libvirt";

const idle = readRecording("idle");
const nas: LibvirtDomain = { name: "nas", uuid: "22222222-2222-4222-8222-222222222222", id: 2 };
const windows: LibvirtDomain = { name: "win11", uuid: "33333333-3333-4333-8333-333333333333", id: -1 };
const OFF_DOMAINS = 2;
const forPlug = { buses: [] };
const ofOther = (devices: string, { name, uuid, id }: LibvirtDomain): string =>
  `<domain${id < 0 ? "" : ` id='${id}'`}><name>${name}</name><uuid>${uuid}</uuid><devices>${devices}</devices></domain>`;
const disk = (path: string): string => `<disk type='block'><source dev='${path}'/></disk>`;

interface Others {
  /** Devices of a running guest. */
  readonly running?: string;
  /** The description of a guest that is shut off; an Error is thrown. */
  readonly off?: unknown;
}

/** A look at guest1, which runs, beside others; with the keys that the host was asked for. */
async function observe(
  { running = "", off = "" }: Others,
  query: ObservationQuery = { addresses: [], forPlug },
): Promise<{ observation: Observation; keys: readonly string[]; flags: readonly number[] }> {
  const asked: string[] = [];
  const flags: number[] = [];
  const { session } = recordedLibvirt("idle", {
    listDomains: (flag: number) => {
      flags.push(flag);
      return flag === RUNNING_DOMAINS ? [guest1, nas] : flag === OFF_DOMAINS ? [windows] : [];
    },
    domainXml: ({ uuid }: LibvirtDomain, options: { inactive?: boolean } = {}) => {
      if (uuid === nas.uuid) return ofOther(running, nas);
      if (uuid === windows.uuid) return off;
      return options.inactive ? idle.persistentXml : idle.domainXml;
    },
  });
  const host = new LibvirtHost({
    session,
    monitor: new LibvirtMonitor(session, () => guest1),
    guest: "guest1",
    onDomain: () => undefined,
    readHostFacts: () => Promise.resolve(nothingUsed),
    findPlaces: (keys) => {
      asked.push(...keys);
      return Promise.resolve(
        parsePlaces(["at /dev/sdb /sys/devices/pci0000:00/0000:03:00.0/ata1/block/sdb"]),
      );
    },
  });
  const observation = await host.observe(query, new AbortController().signal);
  return { observation, keys: asked, flags };
}

describe("what another running guest has of the host", () => {
  it("is asked of the host, and is a use of its function", async () => {
    const { observation, keys } = await observe({ running: disk("/dev/sdb") + disk("/dev/gone") });
    expect(keys).toEqual(["/dev/sdb", "/dev/gone"]);
    expect(observation.hostUses.map((one) => `${one.hostAddress} ${describeHostUse(one)}`)).toEqual([
      "0000:03:00.0 has disk sdb, which is a disk of guest nas",
    ]);
    expect(observation.hostNotes).toMatchObject([
      { kind: "unlocated-devices", devices: [{ key: "/dev/gone" }] },
    ]);
  });

  it("is not asked for where there is none, or nothing is to be plugged", async () => {
    expect((await observe({})).keys).toEqual([]);
    const { observation, keys } = await observe({ running: disk("/dev/sdb") }, { addresses: [] });
    expect(keys).toEqual([]);
    expect(observation.hostUses).toEqual([]);
  });
});

describe("guests that are shut off", () => {
  const hostdev =
    "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' function='2'/></source></hostdev>";
  const asking = { addresses: ["0000:01:00"], forPlug: { ...forPlug, offGuests: true } };

  it("are told by name with what their configurations have, where that is asked", async () => {
    const { observation } = await observe({ off: ofOther(hostdev, windows) }, asking);
    expect(observation.configuredElsewhere).toEqual([
      { guest: { name: "win11", uuid: windows.uuid }, hostAddress: "0000:01:00.2", alias: "" },
    ]);
    expect(observation.guest).toMatchObject({ runState: "running" });
    expect(observation.guest).not.toHaveProperty("hasSavedState");
  });

  it("are not looked at for an operation", async () => {
    const { observation, flags } = await observe({ off: ofOther(hostdev, windows) });
    expect(observation).not.toHaveProperty("configuredElsewhere");
    expect(flags).not.toContain(OFF_DOMAINS);
  });

  it("are named where they cannot be read, and passed over where they are gone", async () => {
    const broken = await observe({ off: "<domain><a></b></domain>" }, asking);
    expect(broken.observation.unreadGuests).toMatchObject([{ guest: { name: "win11" } }]);
    const gone = await observe({ off: libvirtError(LibvirtErrorCode.NO_DOMAIN) }, asking);
    expect(gone.observation.configuredElsewhere).toEqual([]);
    expect(gone.observation).not.toHaveProperty("unreadGuests");
  });
});
