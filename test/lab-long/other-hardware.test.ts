import { startLab } from "../../lab";
import { eventually } from "../support/eventually";
import { AttachmentLab } from "../support/attachment-lab/attachment-lab";

/**
 * A lab of its own: in place of one four-function card a card with SR-IOV, whose virtual functions the kernel
 * makes.
 */
const lab = new AttachmentLab();
const PHYSICAL = "0000:01:00.0";
const VIRTUAL = ["0000:01:10.0", "0000:01:10.2", "0000:01:10.4", "0000:01:10.6"];
const functionMap = [
  { hostAddress: "0000:01:10.2", guestFunction: 0 },
  { hostAddress: "0000:01:10.6", guestFunction: 1 },
];
/** Where the cache has no saved state of this machine, its host and guests boot first. */
const FIRST_START_MS = 30 * 60_000;

beforeAll(async () => {
  lab.lab = await startLab({ hardware: { nic: "igb" } });
  // as docs/virtual-functions.md has it
  const { code, stderr } = await lab.lab.exec(
    `echo 4 > /sys/bus/pci/devices/${PHYSICAL}/sriov_numvfs && udevadm settle`,
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  lab.begin();
}, FIRST_START_MS);

afterAll(async () => {
  await lab.end();
  await lab.lab.close();
});

async function drivers(): Promise<(string | null | undefined)[]> {
  const all = await lab.lab.hostDrivers();
  return VIRTUAL.map((address) => all[address]);
}

test("virtual functions with groups of their own become one device, and go back", async () => {
  expect(await drivers()).toEqual(["igbvf", "igbvf", "igbvf", "igbvf"]);
  const kept = await lab.create({ functionMap });
  const attached = kept.outs["attached"] as { iommuGroup: number }[];
  expect(attached).toMatchObject(
    functionMap.map((one) => ({ ...one, hostDriver: "igbvf", vendorId: "0x8086", productId: "0x10ca" })),
  );
  expect(new Set(attached.map((one) => one.iommuGroup)).size).toBe(2);
  expect(kept.outs["held"]).toEqual([]);
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.1"]);
  const ids = await lab.lab.guestConsole(
    "guest1",
    "cat /sys/bus/pci/devices/0000:08:00.*/vendor /sys/bus/pci/devices/0000:08:00.*/device",
  );
  expect(ids.trim().split("\n")).toEqual(["0x8086", "0x8086", "0x10ca", "0x10ca"]);
  expect(await drivers()).toEqual(["igbvf", "vfio-pci", "igbvf", "vfio-pci"]);
  expect(await lab.preview(kept, { functionMap })).toMatchObject({ changes: false, plan: "" });

  const refused = await lab.failureOf(
    lab.create({ device: "0000:01:00", ownerToken: "organization/lab/test/physical" }),
  );
  expect(refused.code).toBe("PHYSICAL_FUNCTION_NEEDED");
  expect(await lab.lab.hostDriver(PHYSICAL)).toBe("igb");

  await lab.provider.delete(kept.id, kept.outs);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await drivers()).toEqual(["igbvf", "igbvf", "igbvf", "igbvf"]);
  expect(await lab.leftBehind()).toEqual([]);
});
