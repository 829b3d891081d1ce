import { DynamicProvider, unknownValue, type Failure, type Properties } from "../support/dynamic-provider";
import { makePrivateKey, validInputs } from "../support/dynamic-provider/inputs";

let provider: DynamicProvider;

beforeAll(async () => {
  provider = await DynamicProvider.start();
  await provider.configure({});
});
afterAll(() => provider[Symbol.asyncDispose]());

const check = (news: Properties, olds: Properties = {}) => provider.check(olds, news);
const withConnection = (fields: Properties) => ({
  ...validInputs,
  connection: { ...validInputs.connection, ...fields },
});
const { device: _device, functions: _functions, ...withoutSelection } = validInputs;
const withMap = (functionMap: unknown) => ({ ...withoutSelection, functionMap });
const mapping = (hostFunction: number, guestFunction: unknown) => ({
  hostAddress: `0000:01:00.${hostFunction}`,
  guestFunction,
});

test("inputs that are right come back as written, without a default filled in", async () => {
  expect(await check(validInputs)).toEqual({ inputs: validInputs, failures: [] });
});

test("addresses come back in their long spelling", async () => {
  const { inputs } = await check({ ...validInputs, device: "01:00" });
  expect(inputs).toEqual(validInputs);
  const mapped = await check(withMap([{ hostAddress: "01:00.1", guestFunction: 0 }]));
  expect(mapped.inputs).toMatchObject({ functionMap: [{ hostAddress: "0000:01:00.1", guestFunction: 0 }] });
});

test("a map may name functions of several host slots", async () => {
  const map = [mapping(0, 0), { hostAddress: "0000:02:00.0", guestFunction: 1 }];
  expect(await check(withMap(map))).toMatchObject({ failures: [] });
});

test("the owner token of an existing resource stays, as after an aliased rename", async () => {
  const { inputs } = await check({ ...validInputs, ownerToken: "acme/shop/prod/renamed" }, validInputs);
  expect(inputs["ownerToken"]).toBe("acme/shop/prod/nic");
});

test.each<[what: string, inputs: Properties, failure: Partial<Record<keyof Failure, unknown>>]>([
  ["a malformed address", { ...validInputs, device: "0000:01:0g" }, { property: "device" }],
  ["an address with a function", { ...validInputs, device: "0000:01:00.0" }, { property: "device" }],
  ["function 8", { ...validInputs, functions: [0, 8] }, { property: "functions[1]" }],
  ["function -1", { ...validInputs, functions: [-1] }, { property: "functions[0]" }],
  ["a function twice", { ...validInputs, functions: [0, 1, 1] }, { property: "functions" }],
  ["an empty list", { ...validInputs, functions: [] }, { property: "functions" }],
  ["two functions on one guest number", withMap([mapping(0, 0), mapping(1, 0)]), { property: "functionMap" }],
  ["a map without guest function 0", withMap([mapping(0, 1)]), { property: "functionMap" }],
  [
    "a map together with device",
    { ...withMap([mapping(0, 0)]), device: "0000:01:00" },
    { property: "functionMap" },
  ],
  ["neither map nor device", withoutSelection, { property: "device" }],
  ["an unknown argument", { ...validInputs, leftover: "hold" }, { property: "" }],
  ["an unknown value of an enumeration", { ...validInputs, leftovers: "keep" }, { property: "leftovers" }],
  ["an empty host", withConnection({ host: "" }), { property: "connection.host" }],
  ["a host that looks like an option", withConnection({ host: "-oX=y" }), { property: "connection.host" }],
  [
    "a jump host that looks like an option",
    withConnection({ proxy: { host: "-F/x" } }),
    { property: "connection.proxy.host" },
  ],
  ["a port that is none", withConnection({ port: 65536 }), { property: "connection.port" }],
  ["an empty guest name", { ...validInputs, guest: { domain: "" } }, { property: "guest.domain" }],
  [
    "a timeout of 0",
    { ...validInputs, timeouts: { attachSeconds: 0 } },
    { property: "timeouts.attachSeconds" },
  ],
  ["a number as text", { ...validInputs, functions: ["0"] }, { property: "functions[0]" }],
])("%s is one failure on its property", async (_, inputs, failure) => {
  const { failures } = await check(inputs);
  expect(failures).toMatchObject([failure]);
});

test("everything wrong is reported at once", async () => {
  const { failures } = await check({
    ...validInputs,
    connection: { host: "", port: 0, proxy: { host: "" } },
    guest: {},
    device: "nonsense",
    functions: [8],
    leftovers: "keep",
  });
  expect(failures.map(({ property }) => property).sort()).toEqual([
    "connection.host",
    "connection.port",
    "connection.proxy.host",
    "device",
    "functions[0]",
    "guest.domain",
    "leftovers",
  ]);
});

test("each reason quotes the value, since the CLI prints {<nil>} for a nested one", async () => {
  const { failures } = await check({ ...withConnection({ port: 70000 }), functions: [0, 8] });
  expect(failures.map(({ reason }) => reason)).toEqual([
    expect.stringContaining("70000"),
    expect.stringContaining("8"),
  ]);
});

test("nothing in or near a credential is quoted, only named", async () => {
  const secret = "hunter2-very-secret";
  const { failures } = await check({
    ...withConnection({
      privateKey: secret,
      privatKey: secret,
      password: [secret],
      proxy: { host: "jump", passwort: secret, privateKeyPassword: { nested: secret } },
    }),
  });
  expect(failures.map(({ property }) => property)).toEqual(
    expect.arrayContaining(["connection.privateKey", "connection.privatKey", "connection.proxy.passwort"]),
  );
  expect(JSON.stringify(failures)).toContain("privatKey");
  expect(JSON.stringify(failures)).not.toContain(secret);
  expect(provider.printed.join("\n")).not.toContain(secret);
});

test("a host key of known_hosts counts for the host that its line names", async () => {
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  const { failures } = await check(withConnection({ host: "hv1.example", hostKey: `hv2.example ${key}` }));
  expect(failures).toMatchObject([{ property: "connection.hostKey" }]);
  expect(failures[0]?.reason).toMatch(/no line for \[hv1\.example\]:9: its lines are for hv2\.example/);
  // with old inputs nothing is looked at on the host
  const right = withConnection({ host: "hv1.example", hostKey: `hv1.example ${key}` });
  expect(await check(right, validInputs)).toMatchObject({ failures: [] });
});

test("a private key that is one passes", async () => {
  expect((await check(withConnection({ privateKey: makePrivateKey() }))).failures).toEqual([]);
});

test("an unknown value of a preview passes at every depth and place", async () => {
  const replaceEach = (value: unknown, put: (replaced: unknown) => Properties): Properties[] => {
    const here = [put(unknownValue)];
    if (Array.isArray(value)) {
      const list = value as unknown[];
      return [...here, ...list.flatMap((one, i) => replaceEach(one, (r) => put(list.with(i, r))))];
    }
    if (typeof value !== "object" || value === null) return here;
    const fields = Object.entries(value);
    return [...here, ...fields.flatMap(([key, one]) => replaceEach(one, (r) => put({ ...value, [key]: r })))];
  };
  const full = {
    ...validInputs,
    connection: {
      ...validInputs.connection,
      user: "root",
      privateKey: makePrivateKey(),
      privateKeyPassword: "pp",
      proxy: { host: "jump", strictHostKeyChecking: "yes" },
    },
    guest: { domain: "guest1", uri: "qemu:///system" },
    leftovers: "hold",
    guestSlot: { bus: "pci.5", slot: 0 },
    adopt: true,
    allowInUse: true,
    timeouts: { attachSeconds: 60, detachSeconds: 60 },
  };
  const { ownerToken: _, ...replaceable } = full;
  const variants = Object.entries(replaceable).flatMap(([key, value]) =>
    replaceEach(value, (replaced) => ({ ...full, [key]: replaced })),
  );
  expect(variants.length).toBeGreaterThan(20);
  for (const inputs of variants) expect(await check(inputs)).toEqual({ inputs, failures: [] });

  const { device: __, functions: ___, ...rest } = full;
  const functionMap = [mapping(0, 0), mapping(1, 1)];
  for (const inputs of replaceEach(functionMap, (replaced) => ({ ...rest, functionMap: replaced })))
    expect(await check(inputs)).toEqual({ inputs, failures: [] });
});
