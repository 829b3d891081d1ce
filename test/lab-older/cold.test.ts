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
  twoHeld,
  vfio,
} from "../support/attachment-lab/persistent";

/** What is persistent with libvirt 7.0: docs/internals/decisions/0091-persistent-with-older-libvirt.md. */
const lab = attachmentLab();

test("a guest that is off is attached to, changed, and recognised when it runs", async () => {
  expect((await lab.failureOf(lab.create(persistent))).code).toBe("PERSISTENT_NEEDS_NEWER_LIBVIRT");
  await lab.virsh("destroy guest1");
  const kept = await lab.create(persistent);
  expect(lab.printed.join("\n")).toContain("it has the functions from its next start on");
  expect(kept.outs["slot"]).toEqual({ bus: "pci.8", slot: 0, kind: "pcie-native" });
  expect(await lab.configuration()).toEqual({ functions: allConfigured, owners: [OWNER] });
  const { kept: changed } = await lab.up(kept, twoHeld);
  expect((await lab.configuration()).functions).toEqual([
    `${NIC}.0 at pci.8 0.0`,
    `${NIC}.1`,
    `${NIC}.2 at pci.8 0.2`,
    `${NIC}.3`,
  ]);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);

  await lab.virsh("start guest1");
  expect(await attachedIdsInQemu(lab)).toEqual(coldIds(0, 2));
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  expect(await lab.preview(changed, twoHeld)).toMatchObject({ changes: false, plan: "" });
  expect((await lab.refresh(changed))?.outs).toMatchObject({ attached: changed.outs["attached"] });
  const refused = await lab.preview(changed, { ...persistent, functions: ALL });
  expect(refused.plan).toMatch(/would be refused: persistent needs libvirt 8\.3\.0/);

  await lab.provider.delete(changed.id, changed.outs);
  expect(lab.printed.join("\n")).toContain("guest1 keeps 0000:01:00.0,2 until it is shut off");
  expect(await lab.configuration()).toEqual(nothingConfigured);
  expect(await lab.driversOf(NIC)).toEqual(vfio);
  await lab.virsh("destroy guest1");
  await eventually(() => lab.driversOf(NIC), e1000e);
});

test("shut off again it is no difference, and is taken back", async () => {
  await lab.virsh("destroy guest1");
  const kept = await lab.create(persistent);
  await lab.virsh("start guest1");
  expect(await lab.preview(kept, persistent)).toMatchObject({ changes: false, plan: "" });
  await lab.virsh("destroy guest1");
  await eventually(() => lab.driversOf(NIC), e1000e);
  expect(await lab.preview(kept, persistent)).toMatchObject({ changes: false, plan: "" });
  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.configuration()).toEqual(nothingConfigured);
  expect(await lab.refresh(kept)).toBeUndefined();
});
