import { NIC, attachmentLab, type Kept } from "../support/attachment-lab/attachment-lab";
import { eventually } from "../support/eventually";
import { ALL, ByHand, WAYS } from "../support/attachment-lab/by-hand";

const lab = attachmentLab();
const byHand = new ByHand(lab);
let attached: Kept;

beforeAll(async () => {
  attached = await lab.beginAttached();
});

/** An ordinary device that libvirt plugs itself. */
const rng = (address = ""): string =>
  `<rng model='virtio'><backend model='random'>/dev/urandom</backend><alias name='ua-rng'/>${address}</rng>`;
const rngInOurSlot = rng("<address type='pci' domain='0' bus='8' slot='0' function='0'/>");

interface Drift {
  readonly what: string;
  readonly comesAbout: () => Promise<unknown>;
  /** What the preview prints. */
  readonly plan: RegExp;
  readonly notInPlan?: RegExp;
  /** Where the device is in the end; default: where it was. */
  readonly bus?: string;
}

const repaired: readonly Drift[] = [
  {
    what: "all functions removed from the guest",
    comesAbout: () => byHand.unplug(),
    plan: /drift: .*plug 0000:01:00\.1 .*plug 0000:01:00\.0 as function 0 of pci\.8/s,
    notInPlan: /hold |release |unplug /,
  },
  {
    // QEMU takes no single function out of a slot: whoever wants one out plugs the others again
    what: "one function removed from the guest, the others plugged again",
    comesAbout: async () => {
      await byHand.unplug();
      await byHand.plug("pci.8", [1, 3, 0]);
    },
    plan: /drift: .*unplug 0000:01:00\.0,1,3 .*plug 0000:01:00\.2 as function 2/s,
    notInPlan: /hold |release /,
  },
  {
    // the kernel asks QEMU to let go of it, and the guest lets go of the slot
    what: "one function taken from vfio-pci on the host",
    comesAbout: async () => {
      await lab.lab.exec(`echo ${NIC}.2 > /sys/bus/pci/drivers/vfio-pci/unbind`);
      await eventually(() => byHand.ownIdsInQemu(), []);
    },
    plan: /drift: .*release 0000:01:00\.2 .*hold 0000:01:00\.2 .*plug 0000:01:00\.2 /s,
    notInPlan: /hold 0000:01:00\.[013]/,
  },
  {
    what: "one function removed from the host's bus, and found again by a rescan",
    comesAbout: async () => {
      await lab.lab.exec(`echo 1 > /sys/bus/pci/devices/${NIC}.2/remove; echo 1 > /sys/bus/pci/rescan`);
      await eventually(() => lab.driversOf(NIC), ["vfio-pci", "vfio-pci", "e1000e", "vfio-pci"]);
    },
    plan: /drift: .*release 0000:01:00\.2 .*hold 0000:01:00\.2 .*plug 0000:01:00\.2 /s,
  },
  {
    // one release takes the group's device node from the guest, though the others are still held
    what: "removed from the guest, and one hostdev detached",
    comesAbout: async () => {
      await byHand.unplug();
      await byHand.detachHostdevs([2]);
    },
    plan: /drift: .*hold 0000:01:00\.2 .*plug 0000:01:00\.2 /s,
    notInPlan: /hold 0000:01:00\.[013]/,
  },
  {
    // at the first one the guest lets go of all, as above, and that function comes back without a driver
    what: "every hostdev detached while the device was plugged",
    comesAbout: () => byHand.detachHostdevs(ALL),
    plan: /drift: .*hold 0000:01:00\.0 .*hold 0000:01:00\.3 .*plug 0000:01:00\.0 as function 0/s,
    notInPlan: /release |unplug /,
  },
  {
    // nobody has named a slot: it stays there, and the guest is not interrupted once more
    what: "moved to another slot",
    comesAbout: async () => {
      await byHand.unplug();
      await byHand.plug("pci.6", [1, 2, 3, 0]);
    },
    plan: /drift: .*write the ledger .*The guest is not interrupted/s,
    notInPlan: /plug |hold |release /,
    bus: "pci.6",
  },
  {
    what: "one function moved to another slot",
    comesAbout: async () => {
      await byHand.unplug();
      await byHand.plug("pci.6", [1]);
      await byHand.plug("pci.8", [2, 3, 0]);
    },
    plan: /drift: .*unplug .*unplug .*plug 0000:01:00\.1 as function 1 of pci\.8/s,
  },
];

describe.each(repaired)("$what", ({ comesAbout, plan, notInPlan, bus }) => {
  test.each(WAYS)("is repaired by %s, and destroyed", async (way) => {
    await comesAbout();
    const upped = await lab.up(await byHand.before(way, attached));
    expect(upped).toMatchObject({ did: "update", plan: expect.stringMatching(plan) as string });
    if (notInPlan) expect(upped.plan).not.toMatch(notInPlan);
    await byHand.expectWhole(upped.kept, bus);
    await byHand.expectDestroyed(upped.kept);
  });
});

/**
 * What is not ours stands in the way: reported before anything is touched, whichever way the `up` is made.
 */
async function expectRefused(code: string, message: RegExp, kept: Kept, overrides = {}): Promise<void> {
  for (const way of WAYS) {
    const before = await byHand.before(way, kept);
    if (before === undefined) throw new Error("the ledger's entry stands, so that a refresh keeps it");
    const { changes, replaces, plan } = await lab.preview(before, overrides);
    expect({ changes, replaces }).toEqual({ changes: true, replaces: [] });
    expect(plan).toMatch(/the update would be refused/);
    const failure = await lab.failureOf(lab.up(before, overrides));
    expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(message)]);
  }
}

test("what is moved under someone else's ids is reported as theirs, and left alone", async () => {
  await byHand.unplug();
  await byHand.plug("pci.6", [1, 2, 3, 0], (n) => `moved${n}`);
  await expectRefused("FUNCTION_PLUGGED_OTHERWISE", /0000:01:00\.0 \(moved0 in pci\.6 slot 0\)/, attached);
  // a release now would block libvirtd, and all its clients
  const failure = await lab.failureOf(lab.provider.delete(attached.id, attached.outs));
  expect(failure.code).toBe("FUNCTION_PLUGGED_OTHERWISE");
  await eventually(
    () => lab.pluggedFunctions(),
    ALL.map((n) => `0000:06:00.${n}`),
  );
  expect(await lab.driversOf(NIC)).toEqual(ALL.map(() => "vfio-pci"));

  await byHand.unplug("moved0");
  const { kept } = await lab.up(attached);
  await byHand.expectWhole(kept);
  await byHand.expectDestroyed(kept);
});

test("a device that libvirt attached elsewhere is no drift", async () => {
  await byHand.device("attach-device guest1", rng());
  for (const way of WAYS)
    expect(await lab.up(await byHand.before(way, attached))).toMatchObject({ did: "nothing", plan: "" });
  await byHand.expectWhole(attached);
  await byHand.expectDestroyed(attached);
  expect(await byHand.idsInQemu()).toContain("ua-rng");
});

test.each(WAYS)("a device that libvirt attached in our slot stays, and %s takes the next", async (way) => {
  await byHand.unplug();
  await byHand.device("attach-device guest1", rngInOurSlot);
  const { kept, plan } = await lab.up(await byHand.before(way, attached));
  expect(plan).toMatch(/drift: .*plug 0000:01:00\.0 as function 0 of pci\.7/s);
  await byHand.expectWhole(kept, "pci.7");
  await byHand.expectDestroyed(kept);
  expect(await byHand.idsInQemu()).toContain("ua-rng");
});

test("what stands in the slot named is named, and the device returns there", async () => {
  const pinned = { guestSlot: { bus: "pci.8" } };
  const { kept } = await lab.up(attached, pinned);
  await byHand.unplug();
  await byHand.device("attach-device guest1", rngInOurSlot);
  await expectRefused("SLOT_REFUSED", /pci\.8 of guest1 cannot be used: it is taken by ua-rng/, kept, pinned);
  expect(await byHand.idsInQemu()).toContain("ua-rng");

  await byHand.device("detach-device guest1", rngInOurSlot);
  await byHand.plug("pci.6", [1, 2, 3, 0]);
  const upped = await lab.up(kept, pinned);
  expect(upped.plan).toMatch(/drift: .*unplug 0000:01:00\.0-3 from pci\.6/s);
  await byHand.expectWhole(upped.kept, "pci.8", pinned);
  await byHand.expectDestroyed(upped.kept);
});

test("what another guest has is reported as its, and stays when ours goes", async () => {
  await byHand.unplug();
  await byHand.detachHostdevs(ALL);
  await byHand.attachHostdev("guest2", 1);
  await expectRefused("FUNCTION_HELD_BY_GUEST", /0000:01:00\.1 is in use by guest guest2/, attached);
  await lab.provider.delete(attached.id, attached.outs);
  expect(await lab.driversOf(NIC)).toEqual(["e1000e", "vfio-pci", "e1000e", "e1000e"]);
  expect(await lab.virsh("dumpxml guest1")).not.toMatch(/hostdev|mfpci/);
  expect(await lab.virsh("dumpxml guest2")).toMatch(/hostdev/);
});

test("a guest undefined while it ran, and defined again, keeps the device", async () => {
  await lab.virsh("dumpxml guest1 > /run/guest1.xml");
  for (const way of WAYS) {
    await lab.virsh("undefine guest1");
    const before = await byHand.before(way, attached);
    expect(await lab.up(before)).toMatchObject({ did: "nothing" });
    expect((await lab.failureOf(lab.up(before, { persistent: true }))).code).toBe("GUEST_IS_TRANSIENT");
    // the description of the running guest has what is held for it
    await lab.virsh("define /run/guest1.xml");
    expect((await lab.configuration()).functions).toEqual(ALL.map((n) => `${NIC}.${n}`));
    const { kept, plan } = await lab.up(before);
    expect(plan).toMatch(/drift: .*out of the guest's configuration.*The guest is not interrupted/s);
    expect(await lab.configuration()).toEqual({ functions: [], owners: [] });
    await byHand.expectWhole(kept);
  }
  await byHand.expectDestroyed(attached);
});

interface Restart {
  readonly what: string;
  /** What happens while the guest is shut off. */
  readonly meanwhile: () => Promise<unknown>;
  readonly did: "update" | "replace";
}

const restarts: readonly Restart[] = [
  { what: "a guest that was shut off", meanwhile: () => Promise.resolve(), did: "update" },
  {
    what: "another guest, defined under the name of one that was undefined",
    meanwhile: async () => {
      await lab.virsh("dumpxml guest1 | sed s/11111111-1111/33333333-3333/ > /run/guest1.xml");
      await lab.virsh("undefine guest1");
      await lab.virsh("define /run/guest1.xml");
    },
    did: "replace",
  },
];

// that it sees the device when it has booted is for the tier `boots`
test.each(restarts)("$what is refused until it runs, and has the device then", async ({ meanwhile, did }) => {
  await lab.virsh("destroy guest1");
  const off = await lab.preview(attached);
  expect(off).toMatchObject({ changes: true, replaces: [] });
  expect(off.plan).toMatch(/the update would be refused: guest guest1 is not running/);
  await meanwhile();
  expect((await lab.preview(attached)).replaces).toEqual(did === "replace" ? ["guest"] : []);
  expect((await lab.failureOf(lab.up(attached))).code).toBe("GUEST_NOT_RUNNING");
  for (const way of WAYS) {
    await lab.virsh("start guest1");
    const before = await byHand.before(way, attached);
    const upped = await lab.up(before);
    expect([before === undefined, upped.did]).toEqual(way === "up" ? [false, did] : [true, "create"]);
    expect(await byHand.ownIdsInQemu()).toHaveLength(ALL.length);
    expect(await lab.preview(upped.kept)).toMatchObject({ changes: false, plan: "" });
    // while it boots, it lets go of nothing
    await lab.virsh("destroy guest1");
    await byHand.expectDestroyed(upped.kept);
  }
});
