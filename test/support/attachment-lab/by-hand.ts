import { parseDomainXml } from "../../../provider/hypervisor/libvirt/xml/domain-xml";
import { aliasOf, qemuIdOf, tagOf } from "../../../provider/plan";
import { eventually } from "../eventually";
import { at } from "../desired";
import { NIC, type AttachmentLab, type Kept } from "./attachment-lab";

const OWNER = "organization/lab/test/nic";
const TAG = tagOf(OWNER);

/** The function numbers of the lab's device. */
export const ALL = [0, 1, 2, 3];
/** A `pulumi up` by itself, and one after a `pulumi refresh`. */
export const WAYS = ["up", "refresh, up"] as const;

/** What people do to an attachment by hand, and whether it is whole again afterwards. */
export class ByHand {
  constructor(private readonly fixture: AttachmentLab) {}

  /** What is kept when the `up` of this way begins. */
  before(way: (typeof WAYS)[number], kept: Kept): Promise<Kept | undefined> {
    return way === "up" ? Promise.resolve(kept) : this.fixture.refresh(kept);
  }

  /** Ids of all devices in guest1's QEMU that were given one. */
  async idsInQemu(): Promise<string[]> {
    const devices = await this.fixture.lab.qmp("guest1", "qom-list", { path: "/machine/peripheral" });
    return (devices as { name: string }[]).map((one) => one.name).sort();
  }

  async ownIdsInQemu(): Promise<string[]> {
    return (await this.idsInQemu()).filter((name) => name.startsWith("mfpci-"));
  }

  /** One device_del, which empties a slot with ACPI hotplug whatever function it is for. */
  async unplug(id = ownId(0)): Promise<void> {
    await this.fixture.lab.qmp("guest1", "device_del", { id });
    await eventually(async () => (await this.idsInQemu()).includes(id), false);
  }

  /** Functions into one slot; the last of them becomes the guest's function 0. */
  async plug(bus: string, numbers: readonly number[], idOf = ownId): Promise<void> {
    for (const [index, n] of numbers.entries()) {
      const isLast = index === numbers.length - 1;
      await this.fixture.lab.qmp("guest1", "device_add", {
        driver: "vfio-pci",
        id: idOf(n),
        host: `${NIC}.${n}`,
        bus,
        addr: `0x0.${isLast ? 0 : n}`,
        ...(isLast && index > 0 && { multifunction: true }),
      });
    }
  }

  /** `virsh detach-device` of each, named by its address on the host. */
  async detachHostdevs(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) await this.device("detach-device guest1", hostdev(n));
  }

  /** A function to a guest, by default held for it and shown to it by nobody. */
  attachHostdev(guest: string, n: number, inGuest = "<address type='unassigned'/>"): Promise<void> {
    return this.device(`attach-device ${guest}`, hostdev(n, inGuest));
  }

  /** A virsh command with a device's XML, for the running guest. */
  async device(command: string, xml: string): Promise<void> {
    await this.fixture.lab.exec("cat > /run/device.xml", { input: xml });
    await this.fixture.virsh(`${command} /run/device.xml --live`);
  }

  /** All four functions are in one slot of the guest, as QEMU, libvirt, the ledger and the state have it. */
  async expectWhole(kept: Kept, bus = "pci.8", overrides: Record<string, unknown> = {}): Promise<void> {
    const slot = { bus, slot: 0, kind: this.fixture.slotKind };
    const address = `0000:0${bus.slice("pci.".length)}:00`;
    const inSlot = async (): Promise<string[]> =>
      (await this.fixture.pluggedFunctions()).filter((one) => one.startsWith(address));
    await eventually(
      inSlot,
      ALL.map((n) => `${address}.${n}`),
    );
    expect(await this.ownIdsInQemu()).toEqual(ALL.map(ownId));
    const { holdings, ledger } = parseDomainXml(await this.fixture.virsh("dumpxml guest1"));
    expect(holdings.map((one) => [one.hostAddress, one.alias, one.isUnassigned]).sort()).toEqual(
      ALL.map((n) => [`${NIC}.${n}`, aliasOf(TAG, at(`${NIC}.${n}`)), true]),
    );
    const functions = ALL.map((n) => ({
      hostAddress: `${NIC}.${n}`,
      guestFunction: n,
      hostDriver: "e1000e",
    }));
    const since: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const { incarnation } = kept.outs;
    expect(ledger).toEqual([{ owner: OWNER, tag: TAG, slot, functions, incarnation, since }]);
    expect(kept.outs).toMatchObject({ slot, held: [], attached: functions });
    const again = await this.fixture.preview(kept, overrides);
    expect(again).toMatchObject({ changes: false, replaces: [], plan: "" });
  }

  /** Destroys it; nothing of it is left. */
  async expectDestroyed(kept: Kept): Promise<void> {
    await this.fixture.provider.delete(kept.id, kept.outs);
    expect(await this.fixture.driversOf(NIC)).toEqual(ALL.map(() => "e1000e"));
    expect(await this.fixture.leftBehind()).toEqual([]);
  }
}

function ownId(n: number): string {
  return qemuIdOf(TAG, n);
}

function hostdev(n: number, inGuest = ""): string {
  const source = `<source><address domain='0' bus='1' slot='0' function='${n}'/></source>`;
  return `<hostdev mode='subsystem' type='pci' managed='yes'>${source}${inGuest}</hostdev>`;
}
