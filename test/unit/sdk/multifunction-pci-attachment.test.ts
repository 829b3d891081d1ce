import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment, type MultifunctionPciAttachmentArgs } from "../../../sdk/nodejs";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

let registered: Registered[];

const outputs = {
  slot: { bus: "pci.5", slot: 0, kind: "pcie-acpi" },
  guestAddress: null,
  guestConfigured: false,
  attached: [],
  held: [],
  guestUuid: "guest-uuid",
  hostUuid: "host-uuid",
};

const minimal: MultifunctionPciAttachmentArgs = {
  connection: { host: "hv1", hostKey: "SHA256:x" },
  guest: { domain: "guest1" },
  device: "0000:01:00",
};

const useMocks = (organization?: string) =>
  pulumi.runtime.setMocks(
    {
      newResource({ type, name, inputs }) {
        const { __provider, ...rest } = inputs as Record<string, unknown>;
        registered.push({ type, name, inputs: rest });
        return { id: `${name}-id`, state: { ...rest, ...outputs } };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    "shop",
    "prod",
    false,
    organization,
  );

beforeEach(async () => {
  registered = [];
  await useMocks("acme");
});

const valueOf = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

/** The inputs of the resource with this name, once it is registered. */
async function inputsOf(resource: pulumi.CustomResource, name = "nic") {
  await valueOf(resource.urn);
  return registered.find((r) => r.name === name)?.inputs ?? {};
}

class Cards extends pulumi.ComponentResource {
  constructor(name: string) {
    super("my:net:Cards", name);
  }
}

test("the resource registers under the type that stands in every URN", async () => {
  await inputsOf(new MultifunctionPciAttachment("nic", minimal));
  expect(registered).toMatchObject([
    { type: "pulumi-nodejs:dynamic/pci:MultifunctionPciAttachment", name: "nic" },
  ]);
});

test("arguments go to the provider as written, without defaults", async () => {
  const inputs = await inputsOf(new MultifunctionPciAttachment("nic", minimal));
  expect(inputs).toEqual({ ...minimal, ownerToken: "acme/shop/prod/nic" });
});

test("an unknown argument goes to the provider, which names it", async () => {
  const misspelt = { ...minimal, leftover: "hold", slot: "pci.5" } as MultifunctionPciAttachmentArgs;
  const inputs = await inputsOf(new MultifunctionPciAttachment("nic", misspelt));
  expect(inputs).toMatchObject({ leftover: "hold", slot: "pci.5" });
});

test("the program's arguments and options are not changed", () => {
  const freeze = <T>(value: T): T => {
    if (typeof value === "object" && value !== null) Object.values(value).forEach(freeze);
    return Object.freeze(value);
  };
  const args = freeze({
    ...minimal,
    connection: { host: "hv1", privateKey: "key", proxy: { host: "jump" } },
  });
  const opts = freeze({ protect: true });
  expect(() => new MultifunctionPciAttachment("nic", args, opts)).not.toThrow();
});

test("outputs and arguments are properties of the resource", async () => {
  const nic = new MultifunctionPciAttachment("nic", {
    ...minimal,
    functions: [0, 2],
    leftovers: "hold",
    allowInUse: true,
  });
  expect(await valueOf(nic.slot)).toEqual(outputs.slot);
  expect(await valueOf(nic.guestAddress)).toBeNull();
  expect(await valueOf(nic.guestUuid)).toBe("guest-uuid");
  expect(await valueOf(nic.functions)).toEqual([0, 2]);
  expect(await valueOf(nic.leftovers)).toBe("hold");
  expect(await valueOf(nic.allowInUse)).toBe(true);
  expect(await valueOf(nic.timeouts)).toBeUndefined();
  expect(await valueOf(nic.guest)).toEqual({ domain: "guest1" });
});

test("two resources in one program do not share their properties", async () => {
  const left = new MultifunctionPciAttachment("left", { ...minimal, functions: [0] });
  const right = new MultifunctionPciAttachment("right", { ...minimal, functions: [1] });
  expect(await inputsOf(left, "left")).toMatchObject({ functions: [0], ownerToken: "acme/shop/prod/left" });
  expect(await inputsOf(right, "right")).toMatchObject({
    functions: [1],
    ownerToken: "acme/shop/prod/right",
  });
});

/** What the SDK has above everything else while a program runs; mocks have none. */
class Stack extends pulumi.ComponentResource {
  constructor() {
    super("pulumi:pulumi:Stack", "shop-prod");
  }
}

test("the owner token has all parents' types, outermost first, as the URN", async () => {
  const stack = new Stack();
  const rack = new pulumi.ComponentResource("my:net:Rack", "rack", {}, { parent: stack });
  const cards = new pulumi.ComponentResource("my:net:Cards", "left", {}, { parent: rack });
  const nested = new MultifunctionPciAttachment("nested", minimal, { parent: cards });
  expect(await inputsOf(nested, "nested")).toMatchObject({
    ownerToken: "acme/shop/prod/my:net:Rack$my:net:Cards/nested",
  });
  const nic = new MultifunctionPciAttachment("nic", minimal, { parent: rack });
  expect(await inputsOf(nic)).toMatchObject({ ownerToken: "acme/shop/prod/my:net:Rack/nic" });
});

test("resources of one name have a token each if their URNs differ", async () => {
  const stack = new Stack();
  const tokens = [];
  for (const type of ["my:app:Frontend", "my:app:Backend"]) {
    const outer = new pulumi.ComponentResource(type, "app", {}, { parent: stack });
    const card = new pulumi.ComponentResource("my:net:Card", "card", {}, { parent: outer });
    const name = `x-${type}`;
    const inputs = await inputsOf(new MultifunctionPciAttachment(name, minimal, { parent: card }), name);
    tokens.push(String((inputs as { ownerToken?: unknown }).ownerToken).replace(name, "x"));
  }
  expect(tokens).toEqual([
    "acme/shop/prod/my:app:Frontend$my:net:Card/x",
    "acme/shop/prod/my:app:Backend$my:net:Card/x",
  ]);
});

test("a parent from an SDK without its own parents gives 0.1's token", async () => {
  const nic = new MultifunctionPciAttachment("nic", minimal, { parent: new Cards("left") });
  expect(await inputsOf(nic)).toMatchObject({ ownerToken: "acme/shop/prod/my:net:Cards:left/nic" });
});

test("a parent from an SDK without the internal names counts as none", async () => {
  const parent = new Cards("left") as unknown as Record<string, unknown>;
  parent["__name"] = undefined;
  const nic = new MultifunctionPciAttachment("nic", minimal, {
    parent: parent as unknown as pulumi.Resource,
  });
  expect(await inputsOf(nic)).toMatchObject({ ownerToken: "acme/shop/prod/nic" });
});

test("the stack as explicit parent is no part of the owner token", async () => {
  const nic = new MultifunctionPciAttachment("nic", minimal, { parent: new Stack() });
  expect(await inputsOf(nic)).toMatchObject({ ownerToken: "acme/shop/prod/nic" });
});

test("a program whose own tests set no organization can still make the resource", async () => {
  await useMocks();
  const inputs = await inputsOf(new MultifunctionPciAttachment("nic", minimal));
  expect(inputs).toMatchObject({ ownerToken: "organization/shop/prod/nic" });
});
