import { attachmentLab, OTHER_NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();

test("what guest2 has of the host is refused by its name", async () => {
  await lab.lab.exec("ip link set enp2s0f2 up");
  await lab.virsh("attach-interface guest2 direct enp2s0f2 --model virtio --live");
  await lab.virsh("attach-disk guest2 /dev/vda vdz --sourcetype block --mode readonly --live");
  const card = await lab.failureOf(lab.create({ device: OTHER_NIC }));
  expect(card.code).toBe("FUNCTION_USED_BY_HOST");
  expect(card.message).toContain(
    `${OTHER_NIC}.2 (e1000e) has interface enp2s0f2, which carries macvtap macvtap0, ` +
      "and has interface enp2s0f2, which carries an interface of guest guest2",
  );
  // the lab's root disk
  const disk = await lab.failureOf(lab.create({ device: "0000:00:03" }));
  expect(disk.message).toContain(
    "has disk vda, which is mounted on /, and has disk vda, which is a disk of guest guest2",
  );
  expect(await lab.leftBehind()).toEqual([]);
});
