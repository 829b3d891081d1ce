import { WorkingHost } from "../support/working-host";
import {
  ATTACHMENT,
  attachmentIn,
  expectNoDifference,
  foretold,
  nic,
  printedBy,
  stackOf,
} from "./support/programs";

const HELD = ["vfio-pci", "vfio-pci", "vfio-pci", "vfio-pci"];
/** A program without resources. */
const EMPTY = "export {};\n";

let host: WorkingHost;
beforeAll(async () => {
  host = await WorkingHost.start();
});
beforeEach(() => host.clear());
afterAll(() => host.close());

const urnOf = (stack: string, name: string): string => `urn:pulumi:${stack}::net::${ATTACHMENT}::${name}`;

test("an attachment that pulumi state moved and renamed shows no difference", async () => {
  await using first = await stackOf(host, { source: nic(host) });
  printedBy(await first.up());
  const ledger = host.ledger;
  await using second = await stackOf(host, { source: EMPTY, stack: "prod", beside: first });
  printedBy(await second.up());
  await first.changeState("move", "--source", "dev", "--dest", "prod", urnOf("dev", "nic"));

  second.rewrite(nic(host));
  await expectNoDifference(second);
  printedBy(await second.refresh());
  await second.changeState("rename", urnOf("prod", "nic"), "card");
  second.rewrite(nic(host, undefined, "card"));
  await expectNoDifference(second);
  expect(printedBy(await second.up())).toMatch(/2 unchanged/);
  expect(host.ledger).toEqual(ledger);
  expect(host.deleted).toEqual([]);

  printedBy(await second.destroy());
  expect(await host.plugged()).toEqual([]);
  expect(host.sysfs.ledgerFiles).toEqual([]);
});

test("a replacement by --replace or --target-replace ends with the whole set", async () => {
  await using stack = await stackOf(host, { source: nic(host) });
  printedBy(await stack.up());
  expect(await foretold(stack, "--replace", urnOf("dev", "nic"))).toMatch(
    /If this replaces what the stack has, that is deleted first: the guest is without the device/,
  );
  for (const option of ["--replace", "--target-replace"]) {
    const before = (await attachmentIn(stack)).outputs?.["incarnation"];
    expect(printedBy(await stack.up(option, urnOf("dev", "nic")))).toMatch(/1 replaced/);
    expect(await host.plugged()).toHaveLength(4);
    expect(host.sysfs.drivers).toEqual(HELD);
    const { outputs } = await attachmentIn(stack);
    expect(outputs?.["incarnation"]).not.toBe(before);
    expect(host.entries).toMatchObject([{ incarnation: outputs?.["incarnation"] }]);
    await expectNoDifference(stack);
  }
  printedBy(await stack.destroy());
  expect(host.sysfs.drivers).toEqual(["e1000e", "e1000e", "e1000e", "e1000e"]);
  expect(host.sysfs.ledgerFiles).toEqual([]);
});
