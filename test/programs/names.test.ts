import { tagOf } from "../../provider/plan";
import type { FakeFunction } from "../support/plain-host";
import type { StateResource } from "../support/pulumi/pulumi-project";
import { WorkingHost } from "../support/working-host";
import {
  ATTACHMENT,
  attachments,
  expectNoDifference,
  foretold,
  printedBy,
  stackOf,
} from "./support/programs";

/** Two cards: of four functions, and of two. */
const functions: readonly FakeFunction[] = [
  ...[0, 1, 2, 3].map((n) => ({ address: `0000:01:00.${n}`, driver: "e1000e", group: 5 })),
  ...[0, 1].map((n) => ({ address: `0000:02:00.${n}`, driver: "igb", group: 6 })),
];
const ON_HOST = functions.map((one) => one.driver);
const HELD = functions.map(() => "vfio-pci");
const OTHER_CARD = 'device: "0000:02:00"';

let host: WorkingHost;
beforeAll(async () => {
  host = await WorkingHost.start(functions);
});
beforeEach(() => host.clear());
afterAll(() => host.close());

const owners = (): unknown[] => host.entries.map((one) => one["owner"]).sort();

async function expectNothingPlugged(): Promise<void> {
  expect(await host.plugged()).toEqual([]);
  expect(host.sysfs.drivers).toEqual(ON_HOST);
}

/** Text of components, each within the one before; `name` is a constant for the innermost. */
function components(name: string, types: readonly string[]): string {
  const parents = types.map((type, index) => {
    const options = index === 0 ? "" : `, { parent: ${name}${index - 1} }`;
    return `const ${name}${index} = new pulumi.ComponentResource(${JSON.stringify(type)}, "x", {}${options});`;
  });
  return [...parents, `const ${name} = ${name}${types.length - 1};`].join("\n");
}

test("resources of one name below different components are two attachments, and stay so", async () => {
  const source = attachments(
    host,
    [
      { name: "nic", options: "{ parent: front }" },
      { name: "nic", args: OTHER_CARD, options: "{ parent: back }" },
    ],
    [
      components("front", ["my:net:Frontend", "my:net:Rack", "my:net:Card"]),
      components("back", ["my:net:Backend", "my:net:Rack", "my:net:Card"]),
    ].join("\n"),
  );
  await using stack = await stackOf(host, { source });
  printedBy(await stack.up());
  const tokens = ["Backend", "Frontend"].map(
    (outermost) => `organization/net/dev/my:net:${outermost}$my:net:Rack$my:net:Card/nic`,
  );
  expect(owners()).toEqual(tokens);
  const plugged = await host.plugged();
  expect(plugged).toHaveLength(6);
  expect(host.sysfs.drivers).toEqual(HELD);
  expect(printedBy(await stack.up())).toMatch(/9 unchanged/);
  await expectNoDifference(stack);
  expect(owners()).toEqual(tokens);
  expect(await host.plugged()).toEqual(plugged);
  expect(host.deleted).toEqual([]);
  printedBy(await stack.destroy());
  await expectNothingPlugged();
  expect(host.sysfs.ledgerFiles).toEqual([]);
});

test("names in any script go through every operation, beside an entry of 0.1", async () => {
  // a card that 0.1 has in its record for another stack
  const entry = {
    owner: "organization/net/old/nic",
    tag: tagOf("organization/net/old/nic"),
    slot: { bus: "pci.1", slot: 0, kind: "pcie-acpi" },
    functions: [{ address: "0000:02:00.0", guestFunction: 0, hostDriver: "igb" }],
  };
  const guest = { uuid: "33333333-3333-4333-8333-333333333333", name: "/run/guest1.qmp" };
  host.writeLedger({ version: 1, guest, socket: "/run/guest1.qmp", entries: [entry] });
  // Chinese, a combining mark that stands alone, an astral character, right to left
  const name = "网卡 e\u0301\u0301 💾 כרטיס";
  const before = components("parent", ["my:net:架子", "my:מדף:Cafe\u0301"]);
  const program = (args?: string): string =>
    attachments(host, [{ name, options: "{ parent }", ...(args && { args }) }], before);
  await using stack = await stackOf(host, { source: program(), project: "net.shop-1" });

  expect(await foretold(stack)).toMatch(/plug 0000:01:00\.0 as function 0/);
  printedBy(await stack.up());
  const own = `organization/net.shop-1/dev/my:net:架子$my:מדף:Cafe\u0301/${name}`;
  expect(owners()).toEqual([own, entry.owner].sort());
  await expectNoDifference(stack);
  stack.rewrite(program('functions: [0, 1], leftovers: "hold"'));
  printedBy(await stack.up());
  expect(await host.plugged()).toEqual([0, 1].map((n) => `mfpci-${tagOf(own)}-f${n}`));
  printedBy(await stack.refresh());
  await expectNoDifference(stack);
  printedBy(await stack.destroy());
  await expectNothingPlugged();
  expect(host.entries).toEqual([entry]);
});

test("what 0.1 wrote shows no difference, refreshes, changes and is destroyed", async () => {
  const nested = "my:net:Card:x/nic";
  const plain = { name: "nic" };
  await using stack = await stackOf(host, {
    source: attachments(host, [plain, { name: nested, args: OTHER_CARD }]),
  });
  printedBy(await stack.up());
  const deployment = await stack.stackExport();
  await stack.stackImport({
    ...deployment,
    resources: deployment.resources?.flatMap((one) => asOf01(one, nested)),
  });
  host.writeLedger({ ...host.ledger, entries: host.entries.map(entryAsOf01) });
  const ledger = host.ledger;

  const program = (args?: string): string =>
    attachments(
      host,
      [
        { ...plain, ...(args && { args }) },
        { name: "nic", args: OTHER_CARD, options: "{ parent: card }" },
      ],
      components("card", nestedTypes),
    );
  stack.rewrite(program());
  await expectNoDifference(stack);
  printedBy(await stack.refresh());
  await expectNoDifference(stack);
  expect(printedBy(await stack.up())).toMatch(/5 unchanged/);
  expect(host.ledger).toEqual(ledger);
  expect(host.deleted).toEqual([]);

  stack.rewrite(program('functions: [0, 1], leftovers: "hold"'));
  printedBy(await stack.up());
  expect(await host.plugged()).toHaveLength(4);
  // a number that a crash keeps from the state would shut that out
  expect(host.entries.map((one) => one["incarnation"])).toEqual([undefined, undefined]);
  await expectNoDifference(stack);
  // a replacement is a new resource, with the token of today's form
  printedBy(await stack.up("--replace", nestedUrn));
  expect(owners()).toEqual([`organization/net/dev/${nestedTypes.join("$")}/nic`, "organization/net/dev/nic"]);
  expect(await host.plugged()).toHaveLength(4);
  await expectNoDifference(stack);
  printedBy(await stack.destroy());
  await expectNothingPlugged();
  expect(host.sysfs.ledgerFiles).toEqual([]);
});

/** Where the nested attachment of 0.1 is in the program. */
const nestedTypes = ["my:net:Rack", "my:net:Card"];
const nestedUrn = `urn:pulumi:dev::net::${nestedTypes.join("$")}$${ATTACHMENT}::nic`;

/**
 * A resource of a state as 0.1 wrote it: without incarnation. The one named as 0.1's token of a nested
 * resource ends becomes that, below its components.
 */
function asOf01(resource: StateResource, nested: string): object[] {
  if (!resource.type.endsWith(ATTACHMENT)) return [resource];
  const { incarnation: _, ...outputs } = resource.outputs ?? {};
  const old = { ...resource, outputs };
  if (!resource.urn.endsWith(`::${nested}`)) return [old];
  const { parent: stack } = resource as unknown as { readonly parent: string };
  const urnOf = (depth: number): string => `urn:pulumi:dev::net::${nestedTypes.slice(0, depth).join("$")}::x`;
  const parents = nestedTypes.map((type, index) => ({
    ...{ urn: urnOf(index + 1), custom: false, type, outputs: {} },
    parent: index === 0 ? stack : urnOf(index),
  }));
  return [...parents, { ...old, urn: nestedUrn, parent: urnOf(nestedTypes.length) }];
}

function entryAsOf01({ owner, tag, slot, functions: all }: Readonly<Record<string, unknown>>): object {
  return { owner, tag, slot, functions: all };
}
