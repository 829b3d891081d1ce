import type { PulumiProject } from "../support/pulumi/pulumi-project";
import { DynamicProvider } from "../support/dynamic-provider";
import { WorkingHost } from "../support/working-host";
import {
  attachmentIn,
  expectNoDifference,
  failureOf,
  foretold,
  nic,
  printedBy,
  stackOf,
} from "./support/programs";

/** Two stacks whose resource has the same owner token, by every way that leads to that. */
const ON_HOST = ["e1000e", "e1000e", "e1000e", "e1000e"];
const HELD = ON_HOST.map(() => "vfio-pci");
const TWO = 'functions: [0, 1], leftovers: "hold"';

let host: WorkingHost;
beforeAll(async () => {
  host = await WorkingHost.start();
});
beforeEach(() => host.clear());
afterAll(() => host.close());

/** What a stack has no say in: the guest's devices, the ledger, the host's drivers. */
async function whatIsThere(): Promise<object> {
  return { plugged: await host.plugged(), ledger: host.ledger, drivers: host.sysfs.drivers };
}

async function incarnationIn(stack: PulumiProject): Promise<unknown> {
  return (await attachmentIn(stack)).outputs?.["incarnation"];
}

function expectWhole(): void {
  expect(host.sysfs.drivers).toEqual(HELD);
  expect(host.entries).toHaveLength(1);
}

async function expectNothingLeft(): Promise<void> {
  expect(await host.plugged()).toEqual([]);
  expect(host.sysfs.drivers).toEqual(ON_HOST);
  expect(host.sysfs.ledgerFiles).toEqual([]);
}

test("a new stack of another's name takes nothing, unless it wants the same", async () => {
  await using first = await stackOf(host, { source: nic(host) });
  printedBy(await first.up());
  const made = await whatIsThere();
  await first.renameStack("prod");
  await using second = await stackOf(host, { source: nic(host, TWO), beside: first });

  expect(await foretold(second)).toMatch(/it would be refused: .*\[ATTACHMENT_EXISTS\]/);
  expect(failureOf(await second.up())).toMatch(/\[ATTACHMENT_EXISTS\]/);
  expect(await whatIsThere()).toEqual(made);

  second.rewrite(nic(host));
  expect(printedBy(await second.up())).toMatch(/It stands since .*; this resource takes it over\./);
  expect(host.deleted).toEqual([]);
  expectWhole();
  expect(host.entries[0]).toMatchObject({ incarnation: await incarnationIn(second) });
  const taken = await whatIsThere();
  expect(taken).not.toEqual(made);

  expect(await foretold(first)).toMatch(/the update would be refused: .*\[ATTACHMENT_TAKEN_OVER\]/);
  expect(failureOf(await first.up())).toMatch(/\[ATTACHMENT_TAKEN_OVER\]/);
  expect(failureOf(await first.refresh())).toMatch(/\[ATTACHMENT_TAKEN_OVER\]/);
  expect(printedBy(await first.destroy())).toMatch(/nic: left alone: 0000:01:00\.0-3 in guest \S+ stays/);
  expect(await whatIsThere()).toEqual(taken);
  expect(host.deleted).toEqual([]);

  await expectNoDifference(second);
  printedBy(await second.destroy());
  await expectNothingLeft();
});

test("two backends of one name: who wants another set has to adopt", async () => {
  await using first = await stackOf(host, { source: nic(host) });
  await using second = await stackOf(host, { source: nic(host, TWO) });
  printedBy(await first.up());
  const made = await whatIsThere();
  expect(failureOf(await second.up())).toMatch(/\[ATTACHMENT_EXISTS\]/);
  expect(await whatIsThere()).toEqual(made);

  second.rewrite(nic(host, `${TWO}, adopt: true`));
  expect(await foretold(second)).toMatch(
    /The guest is without the device from its unplug until the last plug/,
  );
  expect(await whatIsThere()).toEqual(made);
  printedBy(await second.up());
  expect(await host.plugged()).toHaveLength(2);
  expectWhole();
  const taken = await whatIsThere();

  expect(failureOf(await first.up())).toMatch(/\[ATTACHMENT_TAKEN_OVER\]/);
  expect(await whatIsThere()).toEqual(taken);
  first.rewrite(nic(host, "functions: [0, 1, 2, 3], adopt: true"));
  printedBy(await first.up());
  expect(await host.plugged()).toHaveLength(4);
  expectWhole();
  await expectNoDifference(first);

  expect(printedBy(await second.destroy())).toMatch(/left alone/);
  expectWhole();
  printedBy(await first.destroy());
  await expectNothingLeft();
});

test("two first ups of one name at once plug once: one takes over", async () => {
  await using one = await stackOf(host, { source: nic(host) });
  await using other = await stackOf(host, { source: nic(host) });
  const printed = (await Promise.all([one.up(), other.up()])).map(printedBy);
  expect(printed.filter((text) => /this resource takes it over/.test(text))).toHaveLength(1);
  expect(host.deleted).toEqual([]);
  expect(await host.plugged()).toHaveLength(4);
  expectWhole();
  // each function was taken from its driver once
  const verbs = ["unbind", "probe"].flatMap((verb) => [0, 1, 2, 3].map((n) => `${verb} 0000:01:00.${n}`));
  expect(host.sysfs.writes).toEqual(verbs);

  const isOwner = (await incarnationIn(one)) === host.entries[0]?.["incarnation"];
  const [owner, loser] = isOwner ? [one, other] : [other, one];
  expect(await incarnationIn(owner)).toBe(host.entries[0]?.["incarnation"]);
  expect(printedBy(await loser.destroy())).toMatch(/left alone/);
  expectWhole();
  printedBy(await owner.destroy());
  await expectNothingLeft();
});

test("a delete of what was replaced, after its replacement, leaves the new whole", async () => {
  await using provider = await DynamicProvider.startConfigured({
    env: { SSH_AUTH_SOCK: "", MULTIFUNCTION_PCI_PRIVATE_KEY: host.privateKey },
  });
  const { inputs, failures } = await provider.check(
    {},
    { ...host.inputs, ownerToken: "organization/net/dev/nic" },
  );
  expect(failures).toEqual([]);
  const old = await provider.create(inputs);
  const plugged = await host.plugged();
  const { inputs: again } = await provider.check({}, inputs);
  const created = await provider.create(again);
  await provider.delete(old.id, { ...inputs, ...old.outs });
  expect(await host.plugged()).toEqual(plugged);
  expect(host.deleted).toEqual([]);
  expectWhole();
  const state = { ...inputs, ...created.outs };
  expect(await provider.diff(created.id, state, inputs)).toMatchObject({ changes: "none" });
  expect((await provider.read(created.id, state)).id).toBe(created.id);
  await provider.delete(created.id, state);
  await expectNothingLeft();
});
