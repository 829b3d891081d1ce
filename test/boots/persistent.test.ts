import { attachmentIdOf } from "../../provider/plan";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";
import {
  allConfigured,
  attachedIdsInQemu,
  coldIds,
  e1000e,
  nothingConfigured,
  OWNER,
  twoConfigured,
  twoHeld,
  vfio,
} from "../support/attachment-lab/persistent";

const lab = attachmentLab();
// each of these boots a guest, some of them twice
jest.setTimeout(900_000);

const four = [0, 1, 2, 3].map((n) => `0000:08:00.${n}`);

const ownIds = (...numbers: readonly number[]): string[] =>
  numbers.map((n) => `${attachmentIdOf(OWNER)}-f${n}`);

/** What `pulumi up` would say with these arguments: whether there is a change, and the lines it prints. */
async function preview(
  id: string,
  outs: Record<string, unknown>,
  overrides: Record<string, unknown>,
): Promise<{ news: Record<string, unknown>; changes: boolean | undefined; plan: string }> {
  const news = await lab.check(lab.inputs(overrides), outs);
  lab.printed = [];
  const { changes, replaces } = await lab.provider.diff(id, outs, news);
  expect(replaces).toEqual([]);
  return { news, changes, plan: lab.printed.join("\n") };
}

async function expectNoTrace(): Promise<void> {
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
  expect(await lab.configuration()).toEqual(nothingConfigured);
}

test("a persistent attachment is there after a cold boot, and is changed and destroyed", async () => {
  const { id, outs } = await lab.create({ persistent: true });
  expect(await lab.configuration()).toEqual({ functions: allConfigured, owners: [OWNER] });
  expect(await attachedIdsInQemu(lab)).toEqual(ownIds(0, 1, 2, 3));

  await lab.coldBoot();
  await eventually(() => lab.pluggedFunctions(), four);
  expect(await attachedIdsInQemu(lab)).toEqual(coldIds(0, 1, 2, 3));
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  expect(await preview(id, outs, { persistent: true })).toMatchObject({ changes: false, plan: "" });
  const read = await lab.provider.read(id, outs);
  expect(read.props).toMatchObject({
    slot: outs["slot"],
    attached: coldIds(0, 1, 2, 3).map((qemuId, n) => ({
      qemuId,
      guestFunction: n,
      hostAddress: `${NIC}.${n}`,
      hostDriver: "e1000e",
    })),
  });

  const { news, changes, plan } = await preview(id, outs, twoHeld);
  expect(changes).toBe(true);
  expect(plan).toMatch(/unplug 0000:01:00\.0-3.*wait until libvirt has handed.*hold 0000:01:00\.1/s);
  const updated = (await lab.provider.update(id, outs, news)).outs as Record<string, unknown>;
  expect(updated["slot"]).toEqual(outs["slot"]);
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.2"]);
  expect(await attachedIdsInQemu(lab)).toEqual(ownIds(0, 2));
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  expect(await lab.configuration()).toEqual({ functions: twoConfigured, owners: [OWNER] });
  expect(await preview(id, updated, twoHeld)).toMatchObject({ changes: false });

  await lab.provider.delete(id, updated);
  await expectNoTrace();
  await eventually(() => lab.pluggedFunctions(), []);
});

test("what a cold boot has plugged is destroyed, live and in the configuration", async () => {
  const { id, outs } = await lab.create(twoHeld);
  expect(await lab.configuration()).toEqual({ functions: twoConfigured, owners: [OWNER] });
  await lab.coldBoot();
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.2"]);
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  expect(await preview(id, outs, twoHeld)).toMatchObject({ changes: false });
  await lab.provider.delete(id, outs);
  await expectNoTrace();
});

test("persistent is switched on and off in place, without an unplug", async () => {
  const { id, outs } = await lab.create();
  expect(await lab.configuration()).toEqual(nothingConfigured);
  const on = await preview(id, outs, { persistent: true });
  expect(on.changes).toBe(true);
  expect(on.plan).toMatch(/The guest is not interrupted/);
  expect(on.plan).not.toMatch(/unplug|plug |hold |release /);
  const withIt = (await lab.provider.update(id, outs, on.news)).outs as Record<string, unknown>;
  expect(await lab.configuration()).toEqual({ functions: allConfigured, owners: [OWNER] });
  expect(withIt["attached"]).toEqual(outs["attached"]);
  expect(await attachedIdsInQemu(lab)).toEqual(ownIds(0, 1, 2, 3));

  const off = await preview(id, withIt, {});
  expect(off.plan).toMatch(/The guest is not interrupted/);
  const without = (await lab.provider.update(id, withIt, off.news)).outs as Record<string, unknown>;
  expect(await lab.configuration()).toEqual(nothingConfigured);
  expect(await attachedIdsInQemu(lab)).toEqual(ownIds(0, 1, 2, 3));
  await lab.provider.delete(id, without);
  await expectNoTrace();
});

test("a stopped guest's configuration counts: no drift, changed in place, there at boot", async () => {
  const { id, outs } = await lab.create({ persistent: true });
  await lab.virsh("destroy guest1");
  await eventually(() => lab.driversOf(NIC), e1000e);
  expect(await preview(id, outs, { persistent: true })).toMatchObject({ changes: false, plan: "" });
  const read = await lab.provider.read(id, outs);
  expect(read.id).toBe(id);
  expect(read.props).toMatchObject({ attached: coldIds(0, 1, 2, 3).map((qemuId) => ({ qemuId })) });

  const { news, plan } = await preview(id, outs, twoHeld);
  expect(plan).not.toMatch(/unplug|plug |hold |release /);
  const updated = (await lab.provider.update(id, outs, news)).outs as Record<string, unknown>;
  expect(await lab.configuration()).toEqual({ functions: twoConfigured, owners: [OWNER] });
  await lab.start();
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.2"]);
  expect(await preview(id, updated, twoHeld)).toMatchObject({ changes: false });
});

test("a persistent attachment is destroyed in a stopped guest, which boots without it", async () => {
  const { id, outs } = await lab.create({ persistent: true });
  await lab.virsh("destroy guest1");
  await lab.provider.delete(id, outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.configuration()).toEqual(nothingConfigured);
  expect(await lab.provider.read(id, outs)).toMatchObject({ id: "" });
  await lab.start();
  expect(await lab.pluggedFunctions()).toEqual([]);
  await expectNoTrace();
});

test("a part removed by hand, on either side, returns with the next update", async () => {
  const { id, outs } = await lab.create({ persistent: true });
  await lab.lab.exec(
    `printf '%s' "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0' bus='1' slot='0' function='2'/></source></hostdev>" > /run/h.xml`,
  );
  await lab.virsh("detach-device guest1 /run/h.xml --config");
  const repair = await preview(id, outs, { persistent: true });
  expect(repair.changes).toBe(true);
  expect(repair.plan).toMatch(/drift.*The guest is not interrupted/s);
  const repaired = (await lab.provider.update(id, outs, repair.news)).outs as Record<string, unknown>;
  expect(await lab.configuration()).toEqual({ functions: allConfigured, owners: [OWNER] });

  await lab.lab.qmp("guest1", "device_del", { id: ownIds(0)[0] });
  await eventually(() => lab.pluggedFunctions(), []);
  await lab.provider.update(id, repaired, repair.news);
  await eventually(() => lab.pluggedFunctions(), four);
  await lab.provider.delete(id, repaired);
  await expectNoTrace();
});
