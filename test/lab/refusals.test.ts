import { attachmentLab, OTHER_NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();

test("every refusal comes before anything is touched and names what it is about", async () => {
  const cases: [code: string, names: RegExp, overrides: Record<string, unknown>][] = [
    ["DEVICE_NOT_FOUND", /0000:7f:00/, { device: "7f:00" }],
    ["FUNCTION_NOT_FOUND", /0000:01:00\.5.*0000:01:00\.0, 0000:01:00\.1/, { functions: [0, 5] }],
    ["FUNCTION_IS_BRIDGE", /0000:00:1f\.0/, { device: "00:1f", functions: [0] }],
    [
      "FUNCTION_USED_BY_HOST",
      /0000:00:02\.0 \(virtio-pci\) carries this SSH connection/,
      { device: "00:02" },
    ],
    ["FUNCTION_USED_BY_HOST", /0000:00:03\.0 \(virtio-pci\).*mounted on \//, { device: "00:03" }],
    ["LEFTOVERS_REFUSED", /0000:01:00\.1 \(e1000e\)/, { functions: [0] }],
    ["GUEST_NOT_FOUND", /guest9/, { guest: { domain: "guest9" } }],
    ["GUEST_NOT_RUNNING", /asleep/, { guest: { domain: "asleep" } }],
    ["GUEST_NEVER_RAN", /newborn/, { guest: { domain: "newborn" } }],
    ["SLOT_REFUSED", /pci\.77.*has no such bus/, { guestSlot: { bus: "pci.77" } }],
    ["SLOT_REFUSED", /pci\.1.*usb/, { guestSlot: { bus: "pci.1" } }],
    ["SLOT_REFUSED", /slots 0 to 0 only/, { guestSlot: { bus: "pci.8", slot: 3 } }],
  ];
  await lab.lab.exec(
    `virsh dumpxml guest2 --inactive | grep -v uuid | sed 's/guest2/asleep/' > /run/asleep.xml; virsh define /run/asleep.xml; ` +
      `sed 's/asleep/newborn/; s/393216/131072/' /run/asleep.xml > /run/newborn.xml; virsh define /run/newborn.xml; virsh start newborn --paused`,
  );
  const before = await lab.lab.hostDrivers();
  for (const [code, names, overrides] of cases) {
    const failure = await lab.failureOf(lab.create(overrides));
    expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(names)]);
  }
  expect(await lab.lab.hostDrivers()).toEqual(before);
  expect(await lab.leftBehind()).toEqual([]);
});

test("a function that another guest holds is refused with that guest's name", async () => {
  await lab.create({ guest: { domain: "guest2" } });
  const inOther = await lab.failureOf(lab.create({ ownerToken: "organization/lab/other/nic" }));
  expect([inOther.code, inOther.message]).toEqual([
    "ATTACHMENT_OWNED_BY_ANOTHER",
    expect.stringMatching(/guest2.*organization\/lab\/test\/nic/s),
  ]);
  await lab.lab.exec(
    `for f in 0 1 2 3; do virsh nodedev-detach pci_0000_02_00_$f; done; ` +
      `printf '%s' "<hostdev mode='subsystem' type='pci' managed='no'><source><address domain='0' bus='2' slot='0' function='0'/></source></hostdev>" > /run/h.xml; ` +
      `virsh attach-device guest2 /run/h.xml --live`,
  );
  const byHand = await lab.failureOf(lab.create({ device: OTHER_NIC }));
  expect([byHand.code, byHand.message]).toEqual([
    "FUNCTION_HELD_BY_GUEST",
    expect.stringMatching(new RegExp(`${OTHER_NIC}\\.0.*guest2`)),
  ]);
});
