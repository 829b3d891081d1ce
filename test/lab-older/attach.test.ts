import { inspectHost } from "../../provider/dynamic/inspect-host";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

/** libvirt 7.0 and QEMU 5.2 with native slots (docs/older-libvirt.md). */
const lab = attachmentLab();

const four = [0, 1, 2, 3];
const e1000e = four.map(() => "e1000e");
const vfio = four.map(() => "vfio-pci");
const inGuest = (...numbers: readonly number[]): string[] => numbers.map((n) => `0000:08:00.${n}`);
/** A member of the group libvirt, who is not root. */
const operator = { connection: { user: "operator" } };

/** Who has the NIC's functions, as a look at the host without a guest in mind tells it. */
async function ownersOnHost(): Promise<(string | null | undefined)[]> {
  const { devices } = await inspectHost({ connection: lab.inputs()["connection"] });
  return (devices.find((one) => one.address === NIC)?.functions ?? []).map((one) => one.heldBy?.owner);
}

test("a set is attached, changed and detached by an operator under AppArmor", async () => {
  const kept = await lab.create(operator);
  expect(lab.printed.join("\n")).toMatch(/it sees 0000:01:00\.3 alone for some seconds/);
  expect(kept.outs).toMatchObject({ slot: { bus: "pci.8", kind: "pcie-native" }, held: [] });
  await eventually(() => lab.pluggedFunctions(), inGuest(...four));
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  const profiles = (
    await lab.lab.exec("aa-status | grep -c '/qemu-system-x86_64 .*libvirt-'; aa-status --complaining")
  ).stdout;
  expect(profiles.trim().split(/\s+/)).toEqual(["2", "0"]);
  expect(await lab.preview(kept, operator)).toMatchObject({ changes: false, plan: "" });

  await lab.lab.exec("systemctl restart libvirtd");
  const partial = { ...operator, functions: [0, 2], leftovers: "hold" };
  const changed = await lab.up(await lab.refresh(kept), partial);
  expect(changed.plan).toMatch(/have libvirt attach 0000:01:00\.0 alone to pci\.7/);
  await eventually(() => lab.pluggedFunctions(), inGuest(0, 2));
  expect(await lab.driversOf(NIC)).toEqual(vfio);

  await lab.provider.delete(changed.kept.id, changed.kept.outs);
  await eventually(() => lab.pluggedFunctions(), []);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
  expect((await lab.configuration()).owners).toEqual([]);
});

test("what a guest was held stays held when it ends, and comes back", async () => {
  const kept = await lab.create();
  expect(await ownersOnHost()).toEqual(four.map(() => "organization/lab/test/nic"));
  await lab.virsh("destroy guest1");
  expect(await ownersOnHost()).toEqual(four.map(() => "organization/lab/test/nic"));
  const refreshed = await lab.refresh(kept);
  expect(refreshed?.outs["attached"]).toEqual([]);
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  expect((await lab.configuration()).owners).toEqual(["organization/lab/test/nic"]);
  expect((await lab.failureOf(lab.create())).code).toBe("GUEST_NOT_RUNNING");

  await lab.provider.delete(kept.id, refreshed?.outs ?? kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect((await lab.configuration()).owners).toEqual([]);
  expect(await ownersOnHost()).toEqual(four.map(() => undefined));
});

test("without a spare port it is refused, and nothing is touched", async () => {
  for (let port = 2; port <= 7; port++)
    await lab.lab.qmp("guest1", "device_add", {
      driver: "virtio-rng-pci",
      id: `rng${port}`,
      bus: `pci.${port}`,
    });
  const failure = await lab.failureOf(lab.create());
  expect(failure.code).toBe("STEPPING_STONE_IMPOSSIBLE");
  expect(failure.message).toMatch(/no second free hotplug slot.*Nothing was touched/s);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("one function goes libvirt's ordinary way, becomes one of four, and one again", async () => {
  const one = { functions: [1], leftovers: "hold" };
  const kept = await lab.create(one);
  await eventually(() => lab.pluggedFunctions(), inGuest(0));
  const grown = await lab.up(kept, { functions: four });
  await eventually(() => lab.pluggedFunctions(), inGuest(...four));
  const shrunk = await lab.up(grown.kept, one);
  await eventually(() => lab.pluggedFunctions(), inGuest(0));
  await lab.provider.delete(shrunk.kept.id, shrunk.kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});
