import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";
import { ALL } from "../support/attachment-lab/by-hand";
import {
  allConfigured,
  attachedIdsInQemu,
  coldIds,
  e1000e,
  nothingConfigured,
  OWNER,
  persistent,
  twoConfigured,
  twoHeld,
  vfio,
} from "../support/attachment-lab/persistent";

const lab = attachmentLab();

const NOTICE =
  "guest1 is shut off: written to its configuration; it has the functions from its next start on.";

/** What the preview of a create prints. */
async function previewOfCreate(overrides: Record<string, unknown>): Promise<string> {
  lab.printed = [];
  await lab.check(lab.inputs(overrides));
  return lab.printed.join("\n");
}

/** Gives a device to a guest's configuration. */
async function configure(guest: string, xml: string): Promise<void> {
  await lab.lab.exec("cat > /run/device.xml", { input: xml });
  await lab.virsh(`attach-device ${guest} /run/device.xml --config`);
}

test("a guest that is off is attached to, started, shut off, changed, left", async () => {
  await lab.virsh("destroy guest1");
  expect(await previewOfCreate({})).toMatch(
    /would be refused: guest guest1 is not running.*persistent to true/s,
  );
  expect(await previewOfCreate(persistent)).toContain(NOTICE);
  const kept = await lab.create(persistent);
  expect(lab.printed.join("\n")).toContain(NOTICE);
  expect(kept.outs).toMatchObject({
    slot: { bus: "pci.8", slot: 0, kind: lab.slotKind },
    attached: ALL.map((n) => ({ hostAddress: `${NIC}.${n}`, guestFunction: n, hostDriver: "e1000e" })),
  });
  expect(await lab.configuration()).toEqual({ functions: allConfigured, owners: [OWNER] });
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.preview(kept, persistent)).toMatchObject({ changes: false, plan: "" });

  await lab.virsh("start guest1");
  expect(await attachedIdsInQemu(lab)).toEqual(coldIds(...ALL));
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  expect(await lab.preview(kept, persistent)).toMatchObject({ changes: false, plan: "" });
  expect((await lab.refresh(kept))?.outs).toMatchObject({
    slot: kept.outs["slot"],
    attached: kept.outs["attached"],
  });

  await lab.virsh("destroy guest1");
  await eventually(() => lab.driversOf(NIC), e1000e);
  const { plan, kept: changed } = await lab.up(kept, twoHeld);
  expect(plan).toContain(NOTICE);
  expect(await lab.configuration()).toEqual({ functions: twoConfigured, owners: [OWNER] });
  await lab.provider.delete(changed.id, changed.outs);
  expect(await lab.configuration()).toEqual(nothingConfigured);
  expect(await lab.refresh(changed)).toBeUndefined();
});

test("places of the configuration count, and what other guests' configurations have", async () => {
  await lab.virsh("destroy guest1");
  const address = "<address type='pci' domain='0' bus='8' slot='0' function='0'/>";
  await configure(
    "guest1",
    `<rng model='virtio'><backend model='random'>/dev/urandom</backend>${address}</rng>`,
  );
  const slot = (bus: string) => ({ ...persistent, guestSlot: { bus } });
  expect((await lab.failureOf(lab.create(slot("pci.8")))).code).toBe("SLOT_REFUSED");
  expect((await lab.failureOf(lab.create(slot("pci.1")))).code).toBe("SLOT_REFUSED");
  expect(await previewOfCreate(persistent)).toContain("(at pci.7 slot 0)");
  const kept = await lab.create(slot("pci.5"));
  const elsewhere = await lab.up(kept, slot("pci.3"));
  expect(elsewhere.kept.outs["slot"]).toMatchObject({ bus: "pci.3" });
  expect((await lab.configuration()).functions).toEqual(ALL.map((n) => `${NIC}.${n} at pci.3 0.${n}`));

  await lab.virsh("destroy guest2");
  const other = { ...persistent, guest: { domain: "guest2" }, ownerToken: "organization/lab/test/other" };
  const refused = await lab.failureOf(lab.create(other));
  expect(refused.code).toBe("FUNCTION_CONFIGURED_ELSEWHERE");
  expect(refused.message).toMatch(/guest2 is to have 0000:01:00\.0 .*so is guest guest1/s);
  await lab.virsh("undefine guest1");
  expect(await lab.refresh(elsewhere.kept)).toBeUndefined();
  await lab.provider.delete(elsewhere.kept.id, elsewhere.kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});
