import { parseDomainXml } from "../../provider/hypervisor/libvirt/xml/domain-xml";
import { aliasOf, tagOf } from "../../provider/plan";
import { eventually } from "../support/eventually";
import { at } from "../support/desired";
import { attachmentLab, NIC, OTHER_NIC, type Kept } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const four = [0, 1, 2, 3];
const e1000e = four.map(() => "e1000e");
const vfio = four.map(() => "vfio-pci");
const inGuest = (...numbers: readonly number[]): string[] => numbers.map((n) => `0000:08:00.${n}`);
const mapOf = (device: string, first: number) =>
  four.map((n) => ({ hostAddress: `${device}.${n}`, guestFunction: first + n }));

async function destroy({ id, outs }: Kept): Promise<void> {
  await lab.provider.delete(id, outs);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await lab.leftBehind()).toEqual([]);
}

/** Which of the NIC's functions libvirt holds without having plugged them. */
async function unassigned(): Promise<boolean[]> {
  const { holdings } = parseDomainXml(await lab.virsh("dumpxml guest1"));
  return [...holdings]
    .sort((a, b) => a.hostAddress.localeCompare(b.hostAddress))
    .map((one) => one.isUnassigned);
}

test("one function is plugged by libvirt, becomes one of four, and comes back", async () => {
  const one = { functions: [0], leftovers: "hold" };
  const kept = await lab.create(one);
  const alias = aliasOf(tagOf(String(kept.outs["ownerToken"])), at(`${NIC}.0`));
  expect(kept.outs).toMatchObject({
    slot: { bus: "pci.8", slot: 0, kind: lab.slotKind },
    attached: [{ hostAddress: `${NIC}.0`, guestFunction: 0, qemuId: alias, hostDriver: "e1000e" }],
    held: [{ hostAddress: `${NIC}.1` }, { hostAddress: `${NIC}.2` }, { hostAddress: `${NIC}.3` }],
  });
  await eventually(() => lab.pluggedFunctions(), inGuest(0));
  expect(await unassigned()).toEqual([false, true, true, true]);
  expect(await lab.preview(kept, one)).toMatchObject({ changes: false, plan: "" });

  const grown = await lab.up(kept, { functions: four });
  expect(grown.did).toBe("update");
  await eventually(() => lab.pluggedFunctions(), inGuest(...four));
  expect(await unassigned()).toEqual([true, true, true, true]);

  const shrunk = await lab.up(grown.kept, one);
  await eventually(() => lab.pluggedFunctions(), inGuest(0));
  expect(await lab.preview(shrunk.kept, one)).toMatchObject({ changes: false, plan: "" });
  await destroy(shrunk.kept);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);

  await destroy(await lab.create(one));
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

test("the functions of two cards come to one slot, and go back to theirs", async () => {
  const functionMap = [...mapOf(NIC, 0), ...mapOf(OTHER_NIC, 4)];
  const kept = await lab.create({ functionMap });
  await eventually(() => lab.pluggedFunctions(), inGuest(0, 1, 2, 3, 4, 5, 6, 7));
  const groups = (kept.outs["attached"] as { iommuGroup: number }[]).map((one) => one.iommuGroup);
  expect(new Set(groups).size).toBe(2);

  const { kept: changed } = await lab.up(kept, { functionMap: mapOf(OTHER_NIC, 0) });
  await eventually(() => lab.pluggedFunctions(), inGuest(...four));
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.driversOf(OTHER_NIC)).toEqual(vfio);
  await destroy(changed);
  expect(await lab.driversOf(OTHER_NIC)).toEqual(e1000e);
});

test("a function without a ROM BAR is told apart, and changes plug all", async () => {
  const withRom = mapOf(NIC, 0);
  const without = withRom.map((one) => (one.guestFunction === 0 ? { ...one, romBar: false } : one));
  const kept = await lab.create({ functionMap: without });
  const path = `/machine/peripheral/${kept.id}-f0-rom`;
  expect(await lab.lab.qmp("guest1", "qom-get", { path, property: "rombar" })).toBe(0);
  expect(await lab.preview(kept, { functionMap: without })).toMatchObject({ changes: false, plan: "" });

  const changed = await lab.up(kept, { functionMap: withRom });
  expect(changed.plan).toMatch(/unplug 0000:01:00\.0-3/);
  await eventually(() => lab.pluggedFunctions(), inGuest(...four));
  await destroy(changed.kept);
});

test("a ROM file unknown to QEMU fails the attach, and everything is undone", async () => {
  const functionMap = mapOf(NIC, 0).map((one) =>
    one.guestFunction === 0 ? { ...one, romFile: "/usr/share/qemu/there-is-none.rom" } : one,
  );
  const failure = await lab.failureOf(lab.create({ functionMap }));
  expect(failure.message).toMatch(/there-is-none\.rom.*Everything was undone/s);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("a function on vfio-pci before stays there; the others get their drivers back", async () => {
  const device = `/sys/bus/pci/devices/${NIC}.3`;
  const { code, stderr } = await lab.lab.exec(
    `modprobe vfio-pci && echo vfio-pci > ${device}/driver_override && echo ${NIC}.3 > ${device}/driver/unbind && ` +
      `echo ${NIC}.3 > /sys/bus/pci/drivers_probe`,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const kept = await lab.create();
  await eventually(() => lab.pluggedFunctions(), inGuest(...four));
  await destroy(kept);
  expect(await lab.driversOf(NIC)).toEqual(["e1000e", "e1000e", "e1000e", "vfio-pci"]);
});
