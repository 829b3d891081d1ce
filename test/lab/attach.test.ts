import { attachmentIdOf } from "../../provider/plan";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();

const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];
const vfio = ["vfio-pci", "vfio-pci", "vfio-pci", "vfio-pci"];

test("a whole device appears together in the highest slot, stays, and is returned", async () => {
  const { id, outs } = await lab.create();
  expect(id).toMatch(/^mfpci-[0-9a-f]{12}$/);
  expect(outs).toMatchObject({
    device: NIC,
    slot: { bus: "pci.8", slot: 0, kind: lab.slotKind },
    guestAddress: "0000:08:00",
    guestUuid: "11111111-1111-4111-8111-111111111111",
    held: [],
  });
  expect(outs["attached"]).toEqual(
    [0, 1, 2, 3].map((n) => ({
      hostAddress: `${NIC}.${n}`,
      guestFunction: n,
      qemuId: `${id}-f${n}`,
      vendorId: "0x8086",
      productId: "0x10d3",
      hostDriver: "e1000e",
      iommuGroup: expect.any(Number) as number,
    })),
  );
  await eventually(
    () => lab.pluggedFunctions(),
    [0, 1, 2, 3].map((n) => `0000:08:00.${n}`),
  );
  expect(await lab.driversOf(NIC)).toEqual(vfio);

  const { ownerToken } = outs as { ownerToken: string };
  const inputs = await lab.check(lab.inputs(), outs);
  expect(inputs["ownerToken"]).toBe(ownerToken);
  const diff = await lab.provider.diff(id, outs, inputs);
  expect(diff).toMatchObject({ changes: false, replaces: [] });
  const read = await lab.provider.read(id, outs);
  expect(read.id).toBe(id);
  expect(read.inputs).toEqual(inputs);
  // what is only told of the guest may change from look to look
  const told = { guestConfigured: true, guestState: [] };
  expect({ ...read.props, ...told }).toEqual({ ...outs, ...told });
  const taken = expect.stringMatching(/^(enumerated|driven)$/) as unknown;
  expect(read.props).toMatchObject({ guestState: Array(4).fill(taken) });

  await lab.provider.delete(id, outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await lab.leftBehind()).toEqual([]);
  expect(await lab.provider.read(id, outs)).toMatchObject({ id: "" });
});

test("a partial assignment is the user's decision; a change keeps the common functions", async () => {
  const refused = await lab.failureOf(lab.create({ functions: [1, 3] }));
  expect(refused.code).toBe("LEFTOVERS_REFUSED");
  expect(refused.message).toContain(`${NIC}.0 (e1000e), ${NIC}.2 (e1000e)`);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);

  const { id, outs } = await lab.create({ functions: [1, 3], leftovers: "hold" });
  expect(outs["attached"]).toMatchObject([
    { hostAddress: `${NIC}.1`, guestFunction: 0 },
    { hostAddress: `${NIC}.3`, guestFunction: 1 },
  ]);
  expect(outs["held"]).toMatchObject([
    { hostAddress: `${NIC}.0`, hostDriver: "e1000e" },
    { hostAddress: `${NIC}.2`, hostDriver: "e1000e" },
  ]);
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.1"]);

  const news = await lab.check(lab.inputs({ functions: [0, 2], leftovers: "hold" }), outs);
  lab.printed = [];
  expect(await lab.provider.diff(id, outs, news)).toMatchObject({ changes: true, replaces: [] });
  const plan = lab.printed.join("\n");
  expect(plan).toMatch(/unplug 0000:01:00\.1,3 from pci\.8/);
  expect(plan).toMatch(/plug 0000:01:00\.2 as function 2 of pci\.8/);
  expect(plan).toMatch(/The guest is without the device from its unplug until the last plug/);
  expect(plan).not.toMatch(/hold |release /);

  const updated = (await lab.provider.update(id, outs, news)).outs as Record<string, unknown>;
  expect(updated["slot"]).toEqual(outs["slot"]);
  expect(updated["attached"]).toMatchObject([
    { hostAddress: `${NIC}.0`, guestFunction: 0 },
    { hostAddress: `${NIC}.2`, guestFunction: 2 },
  ]);
  expect(updated["held"]).toMatchObject([{ hostAddress: `${NIC}.1` }, { hostAddress: `${NIC}.3` }]);
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.2"]);

  const refusing = await lab.check(lab.inputs({ functions: [0, 2] }), news);
  expect((await lab.failureOf(lab.provider.update(id, updated, refusing))).code).toBe("LEFTOVERS_REFUSED");
  await lab.provider.delete(id, updated);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("a new set that cannot be plugged leaves the old one plugged, as told", async () => {
  const { id, outs } = await lab.create({ functions: [0, 1], leftovers: "hold" });
  // someone's device in another slot bears the id that function 3 would get
  await lab.lab.qmp("guest1", "device_add", { driver: "virtio-rng-pci", id: `${id}-f3`, bus: "pci.7" });
  const news = await lab.check(lab.inputs({ functions: [0, 1, 2, 3], leftovers: "hold" }), outs);
  const failure = await lab.failureOf(lab.provider.update(id, outs, news));
  expect(failure.id).toBe(id);
  expect(failure.reasons?.join()).toMatch(
    /QEMU has a device mfpci-\w+-f3 already.*attached before are attached again/s,
  );
  expect(failure.properties).toMatchObject({
    functions: [0, 1],
    attached: outs["attached"],
    slot: outs["slot"],
  });
  await eventually(
    () => lab.pluggedFunctions().then((all) => all.filter((one) => one.includes(":08:"))),
    ["0000:08:00.0", "0000:08:00.1"],
  );
  await lab.provider.delete(id, failure.properties ?? {});
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

test("a create that cannot plug undoes everything and leaves no state", async () => {
  const id = attachmentIdOf(String(lab.inputs()["ownerToken"]));
  await lab.lab.qmp("guest1", "device_add", { driver: "virtio-rng-pci", id: `${id}-f0`, bus: "pci.7" });
  const failure = await lab.failureOf(lab.create());
  expect(failure.message).toMatch(/Everything was undone: every function is back on the host/);
  expect(failure.properties).toBeUndefined();
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect((await lab.leftBehind()).filter((line) => line !== `${id}-f0`)).toEqual([]);
});
