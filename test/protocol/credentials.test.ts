import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Bench, publicLine, type Sshd } from "../support/sshd";
import { DynamicProvider, type Properties } from "../support/dynamic-provider";
import { attachedState } from "../support/dynamic-provider/inputs";

/** Credentials that the program does not give, in the process that Pulumi starts, against a real sshd. */
const bench = new Bench();
const stranger = bench.workspace.generateKey("stranger");
const encrypted = bench.workspace.generateKey("encrypted", "-N", "correct horse");
const textOf = (path: string): string => readFileSync(path, "utf8");
/** What no line and no answer may hold. */
const secrets = (): string[] =>
  [bench.clientKey, stranger, encrypted]
    .map((path) => textOf(path).split("\n")[2] ?? "")
    .concat("correct horse");
let sshd: Sshd;

beforeAll(async () => {
  // it lets in, and lets nothing be done there: what comes after the login fails on every machine alike
  const config = ["AllowStreamLocalForwarding no", "ForceCommand false"];
  sshd = await bench.startSshd({ authorizedKeys: [bench.clientKey, encrypted], config });
});
afterAll(() => bench.tearDown());

const quiet = { SSH_AUTH_SOCK: "" };
const start = async (
  config: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<DynamicProvider> => {
  const provider = await DynamicProvider.start({ env: { ...quiet, ...env } });
  await provider.configure(config);
  return provider;
};
const connection = (fields: Properties = {}) => ({
  host: "127.0.0.1",
  port: sshd.port,
  hostKey: publicLine(bench.hostKey),
  dialErrorLimit: 1,
  ...fields,
});
const stateOf = (fields: Properties = {}, name = "nic") => ({
  ...attachedState,
  connection: connection(fields),
  ownerToken: `acme/shop/prod/${name}`,
});
const key = (path: string) => ({ "multifunction-pci:privateKey": textOf(path) });
/** The login worked; libvirt's socket is not to be had there. */
const loggedIn = { message: expect.stringContaining("[LIBVIRT_UNREACHABLE]") as string };
const refused = { message: expect.stringContaining("[SSH_AUTH_REFUSED]") as string };

function expectNoSecret(provider: DynamicProvider, ...answers: readonly unknown[]): void {
  const texts = [
    ...provider.printed,
    ...answers.map((one) => (one instanceof Error ? one.message : JSON.stringify(one))),
  ];
  for (const secret of secrets()) expect(texts.join("\n")).not.toContain(secret);
}

test("several deletes at once all use the configuration's key, as first calls", async () => {
  await using provider = await start(key(bench.clientKey));
  const before = sshd.acceptedLogins;
  // different limits of a dial make no difference to a connection; different users do
  const deletes = Array.from({ length: 6 }, (_, index) =>
    provider.delete("id", stateOf({ knownHostsFile: `/nowhere/${index}` }, `nic${index}`)),
  );
  const answers = await Promise.allSettled(deletes);
  expect(answers).toEqual(
    Array.from({ length: 6 }, () => ({
      status: "rejected",
      reason: expect.objectContaining(loggedIn) as Error,
    })),
  );
  expect(sshd.acceptedLogins - before).toBe(6);
  expectNoSecret(provider, ...answers.map((one) => (one as PromiseRejectedResult).reason as unknown));
});

test("read, create, update and diff use it as well, and show nothing", async () => {
  await using provider = await start(key(bench.clientKey));
  const inputs = { ...stateOf() };
  const checked = await provider.check(
    {},
    {
      connection: inputs.connection,
      guest: inputs.guest,
      device: inputs.device,
      ownerToken: inputs.ownerToken,
    },
  );
  expect(checked).toMatchObject({ failures: [], inputs: { connection: connection() } });
  await expect(provider.read("id", stateOf())).rejects.toMatchObject(loggedIn);
  await expect(provider.create(checked.inputs)).rejects.toMatchObject(loggedIn);
  await expect(provider.update("id", stateOf(), { ...stateOf(), functions: [0] })).rejects.toMatchObject(
    loggedIn,
  );
  expect(await provider.diff("id", stateOf(), stateOf())).toMatchObject({ changes: "none" });
  expectNoSecret(provider, checked);
});

test("the program's key wins over the configuration's, and that over the environment's", async () => {
  const exported = (path: string) => ({ MULTIFUNCTION_PCI_PRIVATE_KEY: textOf(path) });
  await using configured = await start(key(bench.clientKey), exported(stranger));
  await expect(configured.delete("id", stateOf())).rejects.toMatchObject(loggedIn);
  const given = configured.delete("id", stateOf({ privateKey: textOf(stranger) }));
  await expect(given).rejects.toMatchObject(refused);
  await expect(given).rejects.toThrow("(connection.privateKey)");

  await using environment = await start({}, exported(bench.clientKey));
  await expect(environment.delete("id", stateOf())).rejects.toMatchObject(loggedIn);
  await using outdated = await start(key(stranger));
  const refusal = outdated.delete("id", stateOf());
  await expect(refusal).rejects.toMatchObject(refused);
  await expect(refusal).rejects.toThrow("(multifunction-pci:privateKey in the stack's configuration)");
});

test("if the configuration's key is refused, the environment's key is offered instead", async () => {
  const today = { MULTIFUNCTION_PCI_PRIVATE_KEY: textOf(bench.clientKey) };
  await using outdated = await start(key(stranger), today);
  await expect(outdated.delete("id", stateOf())).rejects.toMatchObject(loggedIn);
  await using broken = await start(key(stranger), { MULTIFUNCTION_PCI_PRIVATE_KEY: "no key" });
  const refusal = broken.delete("id", stateOf());
  await expect(refusal).rejects.toMatchObject(refused);
  await expect(refusal).rejects.toThrow(
    "no key (the environment variable MULTIFUNCTION_PCI_PRIVATE_KEY): it does not look like a private key",
  );
});

test("an encrypted key of the configuration opens with the passphrase of configuration or environment", async () => {
  await using configured = await start({
    ...key(encrypted),
    "multifunction-pci:privateKeyPassword": "correct horse",
  });
  await expect(configured.delete("id", stateOf())).rejects.toMatchObject(loggedIn);
  await using mixed = await start(key(encrypted), {
    MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD: "correct horse",
  });
  await expect(mixed.delete("id", stateOf())).rejects.toMatchObject(loggedIn);
  const given = mixed.delete("id", stateOf({ privateKey: textOf(encrypted) }));
  await expect(given).rejects.toMatchObject(loggedIn);
  expectNoSecret(mixed);
});

test("an unusable key is named by its place in each operation, without text", async () => {
  const broken = textOf(stranger).replace(/^(.{40}).*$/gm, "$1");
  await using configured = await start({ "multifunction-pci:privateKey": broken });
  const place = "multifunction-pci:privateKey in the stack's configuration";
  const { failures } = await configured.check({}, stateOf());
  expect(failures.map(({ property }) => property)).toContain("connection.privateKey");
  expect(failures.map(({ reason }) => reason).join()).toContain(place);
  const failure: unknown = await configured.delete("id", stateOf()).catch((error: unknown) => error);
  expect(String(failure)).toContain(place);
  expect(String(failure)).toContain("[SSH_KEY_UNUSABLE]");
  for (const line of broken.split("\n").filter((one) => one !== "" && !one.startsWith("---")))
    expect([String(failure), JSON.stringify(failures), ...configured.printed].join("\n")).not.toContain(line);

  await using environment = await start({}, { MULTIFUNCTION_PCI_PRIVATE_KEY: textOf(encrypted) });
  await expect(environment.delete("id", stateOf())).rejects.toThrow(
    /the environment variable MULTIFUNCTION_PCI_PRIVATE_KEY\).*encrypted and the environment variable MULTIFUNCTION_PCI_PRIVATE_KEY_PASSWORD is not given/,
  );
});

test("an alias of ssh_config is followed by the process, and stays itself", async () => {
  const file = join(bench.workspace.path, "ssh_config.protocol");
  bench.workspace.write(
    "ssh_config.protocol",
    `Host hv1\nHostName 127.0.0.1\nPort ${sshd.port}\nIdentityFile ${bench.clientKey}\n`,
  );
  await using provider = await start({}, { MULTIFUNCTION_PCI_SSH_CONFIG: file });
  const aliased = { ...stateOf(), connection: { host: "hv1", hostKey: publicLine(bench.hostKey) } };
  const answer: unknown = await provider.delete("id", aliased).catch((error: unknown) => error);
  expect(answer).toMatchObject(loggedIn);
  expect(String(answer)).toContain(`root@127.0.0.1:${sshd.port} (hv1)`);
  const {
    attached: _a,
    held: _h,
    guestUuid: _g,
    hostUuid: _u,
    slot: _s,
    guestAddress: _d,
    guestConfigured: _c,
    ...news
  } = aliased;
  expect(await provider.check({}, news)).toEqual({ inputs: news, failures: [] });
});
