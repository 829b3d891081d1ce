import { eventually } from "../support/eventually";
import { NIC, attachmentLab, type Kept } from "../support/attachment-lab/attachment-lab";
import { ALL, ByHand, WAYS } from "../support/attachment-lab/by-hand";

const lab = attachmentLab();
const byHand = new ByHand(lab);
let attached: Kept;
// each of these boots a guest, the last one its host too
jest.setTimeout(1_800_000);

beforeAll(async () => {
  attached = await lab.beginAttached();
});

/** What each way of an `up` makes of what is there now, from the same state of the host. */
async function eachWay(expected: Record<(typeof WAYS)[number], object>): Promise<void> {
  await lab.save("drifted");
  for (const way of WAYS) {
    await lab.lab.restore("drifted");
    lab.begin();
    const upped = await lab.up(await byHand.before(way, attached));
    expect(upped).toMatchObject(expected[way]);
    await byHand.expectWhole(upped.kept);
    await byHand.expectDestroyed(upped.kept);
    await lab.end();
  }
  lab.begin();
}

const drift = expect.stringMatching(
  /drift: .*hold 0000:01:00\.3 .*plug 0000:01:00\.0 as function 0 of pci\.8/s,
) as string;

test("a guest that was shut off and started has the device again", async () => {
  await lab.coldBoot();
  expect(await lab.driversOf(NIC)).toEqual(ALL.map(() => "e1000e"));
  await eachWay({
    up: { did: "update", plan: drift },
    "refresh, up": { did: "create" },
  });
});

test("another guest by the same name gets the device of the one gone", async () => {
  await lab.virsh("destroy guest1");
  await lab.virsh("dumpxml guest1 | sed s/11111111-1111/33333333-3333/ > /run/guest1.xml");
  await lab.virsh("undefine guest1");
  await lab.virsh("define /run/guest1.xml");
  await lab.start();
  await eachWay({
    up: { did: "replace", plan: expect.stringMatching(/replacement: the arguments now name/) as string },
    "refresh, up": { did: "create" },
  });
});

test("the device is attached anew after a reboot of the host, whatever its UUID", async () => {
  await lab.end();
  await lab.lab.reboot();
  lab.begin();
  await eventually(
    () => lab.driversOf(NIC),
    ALL.map(() => "e1000e"),
  );
  const off = await lab.preview(attached);
  expect(off.plan).toMatch(/the update would be refused: guest guest1 is not running/);
  expect(await lab.refresh(attached)).toBeUndefined();
  await lab.provider.delete(attached.id, attached.outs);

  await lab.start();
  const hostUuid = expect.not.stringContaining(String(attached.outs["hostUuid"])) as string;
  await eachWay({
    up: { did: "update", plan: drift, kept: { outs: { hostUuid } } },
    "refresh, up": { did: "create", kept: { outs: { hostUuid } } },
  });
});
