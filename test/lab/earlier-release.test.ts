import { LEDGER_URI } from "../../provider/hypervisor/libvirt/xml/ledger-xml";
import { eventually } from "../support/eventually";
import { writeLedgerAsBefore } from "../support/ledger-of-before";
import { attachmentLab, NIC, type Kept } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];
const four = [0, 1, 2, 3].map((n) => `0000:08:00.${n}`);

/** A state as 0.1.0 saved it. */
function asBefore({ id, outs }: Kept): Kept {
  const { incarnation: _, guestState: __, ...others } = outs;
  return { id, outs: others };
}

async function incarnations(place: "--live" | "--config"): Promise<string[]> {
  const xml = await lab.virsh(`metadata guest1 ${LEDGER_URI} ${place}`);
  return xml.match(/incarnation="[^"]*"/g) ?? [];
}

test("what an earlier release attached shows no difference, is changed and destroyed", async () => {
  const made = asBefore(await lab.create());
  await writeLedgerAsBefore(lab.lab, "--live");
  expect(await lab.preview(made)).toMatchObject({ changes: false, plan: "" });
  const refreshed = await lab.refresh(made);
  expect(refreshed?.outs).toMatchObject({ attached: made.outs["attached"], incarnation: null });

  const changed = await lab.up(refreshed, { functions: [0, 2], leftovers: "hold" });
  expect(changed.did).toBe("update");
  expect(changed.kept.outs["incarnation"]).toBeNull();
  expect(await incarnations("--live")).toEqual([]);
  await eventually(() => lab.pluggedFunctions(), ["0000:08:00.0", "0000:08:00.2"]);

  await lab.provider.delete(changed.kept.id, changed.kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("what an earlier release made persistent is recognised in both places, and leaves both", async () => {
  const persistent = { persistent: true };
  const made = asBefore(await lab.create(persistent));
  await writeLedgerAsBefore(lab.lab, "--live", "--config");
  expect(await lab.preview(made, persistent)).toMatchObject({ changes: false, plan: "" });
  const once = await lab.up(made, { persistent: false });
  expect(once.did).toBe("update");
  expect(await lab.configuration()).toEqual({ functions: [], owners: [] });
  expect(await lab.pluggedFunctions()).toEqual(four);
  await lab.provider.delete(once.kept.id, once.kept.outs);
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
  expect(await lab.leftBehind()).toEqual([]);
});

test("an incarnation dropped by an earlier release is no difference, and comes back", async () => {
  const made = await lab.create();
  await writeLedgerAsBefore(lab.lab, "--live");
  expect(await lab.preview(made)).toMatchObject({ changes: false, plan: "" });
  const changed = await lab.up(made, { functions: [0, 2], leftovers: "hold" });
  expect(await incarnations("--live")).toEqual([`incarnation="${String(made.outs["incarnation"])}"`]);
  await lab.provider.delete(changed.kept.id, changed.kept.outs);
  expect(await lab.leftBehind()).toEqual([]);
});
