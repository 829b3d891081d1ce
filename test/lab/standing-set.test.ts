import { eventually } from "../support/eventually";
import { attachmentLab, NIC, OTHER_NIC, type Kept } from "../support/attachment-lab/attachment-lab";
import { ByHand } from "../support/attachment-lab/by-hand";

const lab = attachmentLab();
const byHand = new ByHand(lab);
let attached: Kept;

beforeAll(async () => {
  attached = await lab.beginAttached();
});

/** Gives the slot where the attachment stands to an ordinary device, at the guest's next cold boot. */
async function giveSlotAwayAtBoot(): Promise<void> {
  const address = "<address type='pci' domain='0' bus='8' slot='0' function='0'/>";
  const rng = `<rng model='virtio'><backend model='random'>/dev/urandom</backend>${address}</rng>`;
  await lab.lab.exec("cat > /run/rng.xml", { input: rng });
  await lab.virsh("attach-device guest1 /run/rng.xml --config");
}

test("a device given the attachment's slot for the next boot is no difference", async () => {
  await giveSlotAwayAtBoot();
  for (const overrides of [{}, { guestSlot: { bus: "pci.8" } }])
    expect(
      await lab.preview({ ...attached, outs: { ...attached.outs, ...overrides } }, overrides),
    ).toMatchObject({
      changes: false,
      plan: "",
    });
  await byHand.expectWhole(attached);

  // libvirt itself would refuse a second device in that slot of the configuration
  const persistent = await lab.preview(attached, { persistent: true });
  expect(persistent.plan).toMatch(
    /would be refused: .*pci\.8 of guest1.*another device at its next boot.*guestSlot/s,
  );
  const refused = await lab.failureOf(lab.provider.update(attached.id, attached.outs, persistent.news));
  expect(refused.code).toBe("SLOT_CONFIGURED_OTHERWISE");
  await byHand.expectWhole(attached);
  await byHand.expectDestroyed(attached);
});

test("a function that someone plugged through sysfs is seen; a destroy touches nothing", async () => {
  await byHand.unplug();
  const sysfsdev = `/sys/bus/pci/devices/${NIC}.2`;
  const device = { driver: "vfio-pci", id: "by-hand", bus: "pci.7", sysfsdev };
  await lab.lab.qmp("guest1", "device_add", device);
  expect(
    await lab.lab.qmp("guest1", "qom-get", { path: "/machine/peripheral/by-hand", property: "host" }),
  ).toBe("ffff:ff:ff.f");
  const refused = await lab.failureOf(lab.provider.delete(attached.id, attached.outs));
  expect(refused.message).toMatch(/FUNCTION_PLUGGED_OTHERWISE/);
  expect(refused.message).toContain(`${NIC}.2 (by-hand in pci.7 slot 0)`);
  await byHand.unplug("by-hand");
  await byHand.expectDestroyed(attached);
});

test("a device no longer wanted, without its driver, costs the guest one interruption", async () => {
  const host = (device: string, n: number): string => `${device}.${n}`;
  const both = {
    functionMap: [
      { hostAddress: host(NIC, 0), guestFunction: 0 },
      { hostAddress: host(OTHER_NIC, 0), guestFunction: 1 },
    ],
    leftovers: "hold",
  };
  const one = { functionMap: [{ hostAddress: host(NIC, 0), guestFunction: 0 }], leftovers: "hold" };
  await lab.provider.delete(attached.id, attached.outs);
  const { id, outs } = await lab.create(both);
  // the smaller devices need the driver too, and get it back at the end
  await lab.lab.exec(`echo 'install e1000e /bin/false' > /etc/modprobe.d/test.conf; modprobe -r e1000e`);

  const news = await lab.check(lab.inputs(one), outs);
  const failure = await lab.failureOf(lab.provider.update(id, outs, news));
  expect(failure.reasons?.join("")).toMatch(/ATTACHED_WITH_LEFTOVERS/);
  expect(failure.reasons?.join("")).toContain(`${host(OTHER_NIC, 0)} (was on e1000e)`);
  const state = failure.properties!;
  expect(state).toMatchObject({ functionMap: one.functionMap, attached: [{ hostAddress: host(NIC, 0) }] });
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0"]);

  const again = await lab.preview({ id, outs: state }, one);
  expect(again.changes).toBe(true);
  expect(again.plan).toContain("The guest is not interrupted.");
  lab.printed = [];
  await lab.failureOf(lab.provider.update(id, state, again.news));
  expect(lab.printed.join("\n")).not.toMatch(/plug /);

  await lab.lab.exec("rm /etc/modprobe.d/test.conf; modprobe e1000e");
  const done = (await lab.provider.update(id, state, again.news)).outs as Record<string, unknown>;
  expect(await lab.driversOf(OTHER_NIC)).toEqual(Array(4).fill("e1000e"));
  expect(await lab.preview({ id, outs: done }, one)).toMatchObject({
    changes: false,
  });
  await lab.provider.delete(id, done);
  expect(await lab.driversOf(NIC)).toEqual(Array(4).fill("e1000e"));
  expect(await lab.leftBehind()).toEqual([]);
});
