import { eventually } from "../support/eventually";
import { WorkingHost } from "../support/working-host";
import { attachmentIn, expectNoDifference, foretold, nic, printedBy, stackOf } from "./support/programs";

const ON_HOST = ["e1000e", "e1000e", "e1000e", "e1000e"];
const HELD = ON_HOST.map(() => "vfio-pci");
const four = [0, 1, 2, 3].map((n) => `0000:04:00.${n}`);

let host: WorkingHost;
beforeAll(async () => {
  host = await WorkingHost.start();
});
afterAll(() => host.close());

test("an attachment is foretold, made, changed, refreshed and destroyed, and leaves nothing", async () => {
  await using stack = await stackOf(host, { source: nic(host) });
  expect(await foretold(stack)).toMatch(
    /plug 0000:01:00\.0 as function 0 of pci\.4: the guest sees all of it/,
  );
  expect(host.sysfs.drivers).toEqual(ON_HOST);

  printedBy(await stack.up());
  await eventually(() => host.qemu.pciFunctions(), four);
  expect(host.sysfs.drivers).toEqual(HELD);
  const { outputs } = await attachmentIn(stack);
  expect(outputs?.["incarnation"]).toMatch(/^[0-9a-f]{32}$/);
  expect(host.entries).toMatchObject([
    { owner: "organization/net/dev/nic", incarnation: outputs?.["incarnation"] },
  ]);
  await expectNoDifference(stack);
  expect(printedBy(await stack.up())).toMatch(/2 unchanged/);
  expect(host.deleted).toEqual([]);

  stack.rewrite(nic(host, 'functions: [0, 2], leftovers: "hold"'));
  printedBy(await stack.up());
  await eventually(() => host.qemu.pciFunctions(), ["0000:04:00.0", "0000:04:00.2"]);
  expect((await attachmentIn(stack)).outputs?.["incarnation"]).toBe(outputs?.["incarnation"]);
  printedBy(await stack.refresh());
  await expectNoDifference(stack);

  printedBy(await stack.destroy());
  await eventually(() => host.qemu.pciFunctions(), []);
  expect(host.sysfs.drivers).toEqual(ON_HOST);
  expect(host.sysfs.ledgerFiles).toEqual([]);
});
