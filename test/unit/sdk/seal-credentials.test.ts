import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import type { ConnectionArgs } from "../../../sdk/nodejs";
import { sealCredentials } from "../../../sdk/nodejs/seal-credentials";

const credentials = ["password", "privateKey", "privateKeyPassword"] as const;
const publicFields = [
  "host",
  "port",
  "user",
  "agentSocketPath",
  "dialErrorLimit",
  "perDialTimeout",
  "hostKey",
  "knownHostsFile",
  "strictHostKeyChecking",
] as const;

const valueOf = <T>(output: pulumi.Output<T>) => new Promise<T>((resolve) => output.apply(resolve));

/** Whether a reader of the state would see this value. */
const isSealed = async (value: unknown) => pulumi.Output.isInstance(value) && (await pulumi.isSecret(value));

const sealedFields = (connection: ConnectionArgs) =>
  sealCredentials(connection) as unknown as Readonly<Record<string, unknown>>;

/** The connection and its proxies, outermost first. */
function chain(connection: unknown): Record<string, unknown>[] {
  if (typeof connection !== "object" || connection === null) return [];
  const hop = connection as Record<string, unknown>;
  return [hop, ...chain(hop["proxy"])];
}

/** Connections with up to three jump hosts, each field there or not. */
const connections = fc
  .array(
    fc.record(Object.fromEntries([...credentials, ...publicFields].map((field) => [field, fc.string()])), {
      requiredKeys: [],
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((hops) =>
    hops.reduceRight<object | undefined>((proxy, hop) => (proxy ? { ...hop, proxy } : hop), undefined),
  );

test("every credential of every hop is sealed with its value, and nothing else", async () => {
  await fc.assert(
    fc.asyncProperty(connections, async (connection) => {
      const sealedHops = chain(sealCredentials(connection as ConnectionArgs));
      const hops = chain(connection);
      expect(sealedHops).toHaveLength(hops.length);
      for (const [index, hop] of hops.entries()) {
        const sealed = sealedHops[index] ?? {};
        expect(Object.keys(sealed)).toEqual(Object.keys(hop));
        for (const field of credentials.filter((name) => name in hop)) {
          expect(await isSealed(sealed[field])).toBe(true);
          expect(await valueOf(sealed[field] as pulumi.Output<string>)).toBe(hop[field]);
        }
        for (const field of publicFields) expect(sealed[field]).toBe(hop[field]);
      }
    }),
  );
});

test("a misspelt credential is sealed like a right one", async () => {
  const sealed = sealedFields({ host: "hv1", privatKey: "key" } as ConnectionArgs);
  expect(await isSealed(sealed["privatKey"])).toBe(true);
});

test("a credential that is an output stays secret, or becomes it", async () => {
  const sealed = sealedFields({
    host: "hv1",
    password: pulumi.output("pw"),
    privateKey: pulumi.secret("key"),
    privateKeyPassword: Promise.resolve("pp"),
  });
  for (const field of credentials) expect(await isSealed(sealed[field])).toBe(true);
});

test("a credential that is not given stays not given", () => {
  const sealed = sealedFields({ host: "hv1", password: undefined });
  expect(sealed["password"]).toBeUndefined();
});

test.each([
  ["an output", (connection: ConnectionArgs) => pulumi.output(connection) as pulumi.Input<ConnectionArgs>],
  ["a promise", (connection: ConnectionArgs) => Promise.resolve(connection) as pulumi.Input<ConnectionArgs>],
])("a connection that is %s is sealed whole if any hop has a credential", async (_, wrap) => {
  const direct = sealCredentials(wrap({ host: "hv1", privateKey: "key" }));
  expect(await isSealed(direct)).toBe(true);
  expect(await valueOf(direct as pulumi.Output<unknown>)).toEqual({ host: "hv1", privateKey: "key" });

  const proxied = sealCredentials(wrap({ host: "hv1", proxy: { host: "jump", password: "pw" } }));
  expect(await isSealed(proxied)).toBe(true);

  const without = sealCredentials(wrap({ host: "hv1", agentSocketPath: "/run/agent" }));
  expect(await isSealed(without)).toBe(false);
});

test("a proxy that is an output is sealed whole; the rest stays readable", async () => {
  const sealed = sealedFields({
    host: "hv1",
    proxy: pulumi.output({ host: "jump", password: "pw" }),
  });
  expect(sealed["host"]).toBe("hv1");
  expect(await isSealed(sealed["proxy"])).toBe(true);
});

test.each([1234, true, ["pw"], { nested: 1234 }])(
  "a credential that is %j is sealed like a text, by any name",
  async (value) => {
    const fields = { password: value, privateKey: value, passwort: value, proxy: { password: value } };
    const sealed = sealedFields({ host: "hv1", ...fields } as unknown as ConnectionArgs);
    for (const field of ["password", "privateKey", "passwort"]) {
      expect(await isSealed(sealed[field])).toBe(true);
      expect(await valueOf(sealed[field] as pulumi.Output<unknown>)).toEqual(value);
    }
    expect(await isSealed((sealed["proxy"] as Record<string, unknown>)["password"])).toBe(true);
  },
);

test.each(publicFields)("what is no scalar in the place of %s is sealed", async (field) => {
  for (const value of [["pw"], { password: "pw" }, [[1234]]]) {
    const sealed = sealedFields({ host: "hv1", [field]: value });
    expect(await isSealed(sealed[field])).toBe(true);
  }
});

test.each(["pw", 1234, ["pw"]])("a proxy that is %j is sealed whole", async (proxy) => {
  const sealed = sealedFields({ host: "hv1", proxy } as unknown as ConnectionArgs);
  expect(await isSealed(sealed["proxy"])).toBe(true);
  expect(await valueOf(sealed["proxy"] as pulumi.Output<unknown>)).toEqual(proxy);
});

test.each(["a key", 1234, true, ["pw"], []])(
  "a connection that is %j goes to the provider as a secret value",
  async (connection) => {
    const sealed = sealCredentials(connection as unknown as ConnectionArgs);
    expect(await isSealed(sealed)).toBe(true);
    expect(await valueOf(sealed as unknown as pulumi.Output<unknown>)).toEqual(connection);
  },
);

test.each([undefined, null])("a connection that is %p stays missing", (connection) => {
  expect(sealCredentials(connection as unknown as ConnectionArgs)).toBe(connection);
});
