import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];
const four = [0, 1, 2, 3].map((n) => `0000:08:00.${n}`);

test("another owner is refused by name, until adopt; the former's delete is harmless", async () => {
  const mine = await lab.create();
  const renamed = { ownerToken: "organization/lab/test/renamed" };
  const refused = await lab.failureOf(lab.create(renamed));
  expect(refused.code).toBe("ATTACHMENT_OWNED_BY_ANOTHER");
  expect(refused.message).toContain("organization/lab/test/nic");
  await eventually(() => lab.pluggedFunctions(), four);

  const elsewhere = await lab.failureOf(lab.create({ ...renamed, guest: { domain: "guest2" }, adopt: true }));
  expect(elsewhere.code).toBe("ATTACHMENT_OWNED_BY_ANOTHER");

  const adopted = await lab.create({ ...renamed, adopt: true });
  expect(adopted.id).not.toBe(mine.id);
  expect(adopted.outs["attached"]).toEqual(mine.outs["attached"]);
  await lab.provider.delete(mine.id, mine.outs);
  expect(await lab.pluggedFunctions()).toEqual(four);
  expect(await lab.provider.read(mine.id, mine.outs)).toMatchObject({ id: "" });

  await lab.provider.delete(adopted.id, adopted.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("another stack of one name is refused another set, and shares the same", async () => {
  const first = await lab.create();
  const two = { functions: [0, 1], leftovers: "hold" };
  expect((await lab.failureOf(lab.create(two))).code).toBe("ATTACHMENT_EXISTS");
  expect(await lab.pluggedFunctions()).toEqual(four);

  lab.printed = [];
  const second = await lab.create();
  expect(second.outs["attached"]).toEqual(first.outs["attached"]);
  expect(second.outs["incarnation"]).toMatch(/^[0-9a-f]{32}$/);
  expect(second.outs["incarnation"]).not.toBe(first.outs["incarnation"]);
  expect(lab.printed.join("\n")).toMatch(/It stands since \d{4}-\d\d-\d\dT.*; this resource takes it over/);
  expect(lab.printed.join("\n")).not.toMatch(/unplug|plug 0000|hold|release/);

  const inputs = await lab.check(lab.inputs(two), first.outs);
  expect(await lab.provider.diff(first.id, first.outs, inputs)).toMatchObject({
    changes: true,
    replaces: [],
  });
  expect(lab.printed.join("\n")).toContain("ATTACHMENT_TAKEN_OVER");
  const update = await lab.failureOf(lab.provider.update(first.id, first.outs, inputs));
  expect(update.message).toContain("ATTACHMENT_TAKEN_OVER");
  const read = await lab.failureOf(lab.provider.read(first.id, first.outs));
  expect(read.message).toContain("ATTACHMENT_TAKEN_OVER");
  await lab.provider.delete(first.id, first.outs);
  expect(lab.printed.join("\n")).toMatch(/left alone: 0000:01:00\.0-3 in guest guest1/);
  expect(await lab.pluggedFunctions()).toEqual(four);

  await lab.provider.delete(second.id, second.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("what a crash left half done is found by the next create, and finished", async () => {
  const whole = await lab.create();
  // a create that died before function 0: the slot half plugged, the ledger and the holds there
  await lab.lab.qmp("guest1", "device_del", { id: `${whole.id}-f0` });
  await eventually(() => lab.leftBehind().then((all) => all.filter((line) => line.endsWith("-f3"))), []);
  await lab.lab.qmp("guest1", "device_add", {
    driver: "vfio-pci",
    id: `${whole.id}-f2`,
    host: `${NIC}.2`,
    bus: "pci.8",
    addr: "0x0.2",
  });
  const resumed = await lab.create();
  expect(resumed.outs["attached"]).toEqual(whole.outs["attached"]);
  await eventually(() => lab.pluggedFunctions(), four);
  await lab.provider.delete(resumed.id, resumed.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("drift is seen without a refresh and repaired by the same inputs' update", async () => {
  const { id, outs } = await lab.create();
  await lab.lab.qmp("guest1", "device_del", { id: `${id}-f0` });
  await eventually(() => lab.pluggedFunctions(), []);
  const inputs = await lab.check(lab.inputs(), outs);
  lab.printed = [];
  expect(await lab.provider.diff(id, outs, inputs)).toMatchObject({ changes: true, replaces: [] });
  expect(lab.printed.join("\n")).toMatch(/drift: what is there differs from the state/);
  const read = await lab.provider.read(id, outs);
  expect(read.props).toMatchObject({ attached: [], held: expect.any(Array) as unknown[] });
  const repaired = (await lab.provider.update(id, outs, inputs)).outs as Record<string, unknown>;
  expect(repaired["attached"]).toEqual(outs["attached"]);
  await eventually(() => lab.pluggedFunctions(), four);
});

test("a host is known again by the owner's entry or its SSH key", async () => {
  const { id, outs } = await lab.create();
  // libvirt makes up another UUID at its next start where the firmware has none
  const another = "99999999-9999-4999-8999-999999999999";
  const before = { ...outs, hostUuid: another, hostKeyFingerprint: `SHA256:${"A".repeat(43)}` };
  const inputs = await lab.check(lab.inputs(), before);
  expect(await lab.provider.diff(id, before, inputs)).toMatchObject({ changes: true, replaces: [] });
  const updated = await lab.provider.update(id, before, inputs);
  expect(updated.outs).toMatchObject({ hostUuid: outs["hostUuid"], attached: outs["attached"] });

  await lab.lab.exec("virsh destroy guest1");
  const strange = await lab.failureOf(lab.provider.delete(id, before));
  expect(strange.message).toMatch(/ANOTHER_HOST/);
  // by the key that its sshd shows, the host is known again without the entry too
  await lab.provider.delete(id, { ...outs, hostUuid: another });
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.provider.read(id, outs)).toMatchObject({ id: "" });
});
