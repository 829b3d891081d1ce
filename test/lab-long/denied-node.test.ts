import { QmpGuest } from "../../provider/hypervisor/qemu";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";
import { ByHand } from "../support/attachment-lab/by-hand";

const lab = attachmentLab();
const byHand = new ByHand(lab);

/** An ordinary attach of a function of the group that is not held, to a place that QEMU knows as taken. */
async function failToAttach(): Promise<void> {
  await lab.lab.qmp("guest1", "device_add", { driver: "virtio-rng-pci", id: "taker", bus: "pci.6" });
  const address = "<address type='pci' domain='0' bus='6' slot='0' function='0'/>";
  await expect(byHand.attachHostdev("guest1", 3, address)).rejects.toThrow(/in use by virtio-rng-pci/);
}

test("a node that somebody's failed attach has closed is held anew", async () => {
  const device = `/sys/bus/pci/devices/${NIC}.3`;
  await lab.lab.exec(
    `modprobe vfio-pci; echo vfio-pci >${device}/driver_override; echo ${NIC}.3 >${device}/driver/unbind; ` +
      `echo ${NIC}.3 >/sys/bus/pci/drivers_probe`,
  );
  const plug = Reflect.get<QmpGuest, "plug">(QmpGuest.prototype, "plug");
  jest.spyOn(QmpGuest.prototype, "plug").mockImplementationOnce(async function (this: QmpGuest, ...args) {
    await failToAttach();
    return plug.apply(this, args);
  });
  const kept = await lab.create({ functions: [0, 1, 2] });
  expect(lab.printed.join("\n")).toMatch(/may not open \/dev\/vfio\/.*Permission denied.*Trying once more/s);
  expect(kept.outs["attached"]).toHaveLength(3);
  await lab.lab.qmp("guest1", "device_del", { id: "taker" });
  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(["e1000e", "e1000e", "e1000e", "vfio-pci"]);
  expect(await lab.leftBehind()).toEqual([]);
});
