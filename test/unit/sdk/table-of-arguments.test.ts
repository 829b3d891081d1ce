import * as pulumi from "@pulumi/pulumi";
import { argumentTable, outputTable, type TabledArgument } from "../../../provider/resource";
import { MultifunctionPciAttachment } from "../../../sdk/nodejs";
import { sealCredentials } from "../../../sdk/nodejs/seal-credentials";
import { firstSentence, readDeclared, type DeclaredField } from "../../support/documents/interfaces";

const declared = readDeclared(
  ["attachment-args", "connection-args", "attachment-outputs", "multifunction-pci-attachment"].map(
    (name) => `sdk/nodejs/${name}.ts`,
  ),
);
const RESOURCE = "MultifunctionPciAttachment";

function fieldsOf(name: string): ReadonlyMap<string, DeclaredField> {
  const found = declared.get(name);
  if (found === undefined) throw new Error(`the SDK has no type ${name}`);
  return found.fields;
}

const sentences = (fields: ReadonlyMap<string, DeclaredField>): Record<string, string> =>
  Object.fromEntries([...fields].map(([name, { comment }]) => [name, firstSentence(comment)]));
const told = (some: readonly { name: string; description: string }[]): Record<string, string> =>
  Object.fromEntries(some.map((one) => [one.name, firstSentence(one.description)]));

const groups = argumentTable().map((group) => ({
  ...group,
  given: group.arguments.filter((one) => one.computed !== true),
  fields: fieldsOf(`${group.name}Args`),
}));
const [top] = groups;
const everyOne = groups.flatMap(({ given, fields }) =>
  given.map((one): [string, TabledArgument, DeclaredField | undefined] => [
    one.path,
    one,
    fields.get(one.name),
  ]),
);

test("there is a group of arguments for each type of arguments, and no other", () => {
  const types = [...declared.keys()].filter((name) => name.endsWith("Args"));
  expect(groups.map((one) => `${one.name}Args`).sort()).toEqual(types.sort());
});

describe.each(groups.map((one) => [one.name, one] as const))("%sArgs of the SDK", (_name, group) => {
  it("has the fields of the table, each with its first sentence", () => {
    expect(sentences(group.fields)).toEqual(told(group.given));
  });
});

test.each(groups.filter((one) => one !== top).map((one) => [one.name, one] as const))(
  "%sArgs is itself described by the table's first sentence",
  (name, group) => {
    expect(firstSentence(declared.get(`${name}Args`)?.comment ?? "")).toBe(firstSentence(group.description));
  },
);

describe.each(everyOne)("%s", (_path, one, field) => {
  it("is optional in the SDK where the schema does not require it", () => {
    expect(field?.isOptional).toBe(!one.required);
  });

  it("has a default in the SDK's comment where the table has one", () => {
    expect(/ Default: /.test(field?.comment ?? "")).toBe(one.default !== undefined);
  });

  it("is called secret in the SDK's comment where the table says so", () => {
    expect(/ Secret\. /.test(field?.comment ?? "")).toBe(one.secret);
  });
});

describe("a field of a connection", () => {
  const connection = groups.find((one) => one.name === "Connection")?.given ?? [];
  const scalars = connection.filter((one) => one.type.kind !== "object");

  it.each(scalars.map((one) => [one.name, one.secret] as const))(
    "%s is made secret by the SDK: %s",
    async (name, isSecret) => {
      const sealed = sealCredentials({ host: "hv1", [name]: "x" }) as unknown as Record<string, unknown>;
      const value = sealed[name];
      expect(pulumi.Output.isInstance(value) && (await pulumi.isSecret(value))).toBe(isSecret);
    },
  );

  it("is secret only where it is a credential", () => {
    const secrets = everyOne.filter(([, one]) => one.secret).map(([path]) => path);
    expect(secrets).toEqual(
      ["password", "privateKey", "privateKeyPassword"].map((name) => `connection.${name}`),
    );
  });
});

describe("the class", () => {
  const [own, ...objects] = outputTable();

  it("has an output for each argument and each output, with the table's first sentence", () => {
    const expected = { ...told(top?.arguments ?? []), ...told(own?.outputs ?? []) };
    expect(sentences(fieldsOf(RESOURCE))).toEqual(expected);
  });

  it("makes a property of each, also where a program gives no value", async () => {
    const mocks: pulumi.runtime.Mocks = {
      call: () => ({}),
      newResource: ({ name, inputs }) => ({ id: name, state: inputs as Record<string, unknown> }),
    };
    await pulumi.runtime.setMocks(mocks, "shop", "prod", false, "acme");
    const made = new MultifunctionPciAttachment("nic", { connection: { host: "hv1" }, guest: {} });
    await new Promise((resolve) => made.urn.apply(resolve));
    const properties = made as unknown as Record<string, unknown>;
    const names = [...(top?.arguments ?? []), ...(own?.outputs ?? [])].map((one) => one.name);
    expect(names.filter((name) => !pulumi.Output.isInstance(properties[name]))).toEqual([]);
  });

  it.each(objects.map((one) => [one.name, one] as const))(
    "has outputs of the type %s with the table's fields and sentences",
    (name, group) => {
      expect(sentences(fieldsOf(name))).toEqual(told(group.outputs));
      expect(firstSentence(declared.get(name)?.comment ?? "")).toBe(firstSentence(group.description));
    },
  );
});
