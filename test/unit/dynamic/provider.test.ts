import type { PartialFailure } from "../../../provider/dynamic/partial-failure";
import { MultifunctionPciProvider } from "../../../provider/dynamic/provider";
import { ProviderError } from "../../../provider/errors";
import { inputs, MemoryOperations } from "../operations/support/memory-operations";

/** What the engine hands over beside the arguments. */
const shim = { __provider: "the text of the shim" };

let bench: MemoryOperations;
let provider: MultifunctionPciProvider;
let printed: string[];
beforeEach(() => {
  bench = new MemoryOperations();
  provider = new MultifunctionPciProvider(bench.running, bench.connections);
  printed = [];
  jest.spyOn(console, "log").mockImplementation((line: string) => void printed.push(line));
});
afterEach(() => jest.restoreAllMocks());

const errorOf = (call: Promise<unknown>): Promise<unknown> => call.then(undefined, (error: unknown) => error);
const create = async () => (await provider.create({ ...inputs, ...shim })).outs as Record<string, unknown>;

test("a check returns the arguments, and prints the plan under the resource's name", async () => {
  expect(await provider.check({}, { ...inputs, ...shim })).toEqual({ inputs, failures: [] });
  expect(printed[0]).toBe("nic: plan:");
});

test("a line stays within its line, whatever a peer says", async () => {
  bench.unreachable = new Error("no route\n\u001b[2Jto host");
  await provider.check({}, inputs);
  expect(printed).toHaveLength(1);
  expect(printed[0]).toMatch(/no route.*to host/);
  // eslint-disable-next-line no-control-regex -- that none of them is there is what is tested
  expect(printed[0]).not.toMatch(/[\u0000-\u001f]/);
});

test("a resource lives from create to delete, and is read as gone then", async () => {
  const state = await create();
  expect(state).not.toHaveProperty("__provider");
  const id = "the-id";
  expect(await provider.read(id, { ...state, ...shim })).toEqual({ id, props: state, inputs });
  expect(await provider.diff(id, state, { ...inputs, ...shim })).toEqual({
    changes: false,
    replaces: [],
    deleteBeforeReplace: true,
  });
  const updated = await provider.update(id, state, { ...inputs, functions: [0] });
  const outs = updated.outs as Record<string, unknown>;
  expect(outs).toMatchObject({ functions: [0], attached: [{ guestFunction: 0 }] });
  await provider.delete(id, outs);
  expect(await provider.read(id, outs)).toEqual({ id: "", props: {} });
});

test("a diff that replaces names why, and deletes first", async () => {
  const state = { ...(await create()), guestUuid: "33333333-3333-4333-8333-333333333333" };
  expect(await provider.diff("id", state, inputs)).toEqual({
    changes: true,
    replaces: ["guest"],
    deleteBeforeReplace: true,
  });
});

test("a failure that leaves something is a partial failure with the state", async () => {
  bench.faultAt = (call) => (/^(plug|release)/.test(call) ? "refused" : undefined);
  const error = (await errorOf(provider.create(inputs))) as PartialFailure;
  expect(error).toMatchObject({ name: "PartialFailure", properties: { ...inputs, attached: [] } });
  expect(error.reasons).toEqual([error.message]);
  expect(error.message).toContain("was refused");
});

test("an error for users has no stack, any other keeps it", async () => {
  const state = await create();
  bench.unreachable = new ProviderError("SSH_HOST_KEY_MISMATCH", { what: "another key" });
  expect(await errorOf(provider.read("id", state))).toMatchObject({ stack: "" });
  bench.unreachable = new TypeError("a mistake");
  expect(await errorOf(provider.read("id", state))).toMatchObject({
    stack: expect.stringContaining("provider.test") as string,
  });
});

test("a delete forgets a silent host only if the environment says so", async () => {
  const state = await create();
  bench.unreachable = new ProviderError("SSH_DIAL_FAILED", { what: "no answer" });
  expect(await errorOf(provider.delete("id", state))).toMatchObject({ code: "HOST_NOT_VERIFIED" });
  const variable = jest.replaceProperty(process, "env", {
    ...process.env,
    MULTIFUNCTION_PCI_FORGET_UNREACHABLE: "1",
  });
  expect(await errorOf(provider.delete("id", state))).toBeUndefined();
  variable.restore();
});

test("the stack's credentials are taken before configure gives way", () => {
  const config = { get: (key: string) => (key === "multifunction-pci:password" ? "secret" : undefined) };
  void provider.configure({ config } as unknown as Parameters<typeof provider.configure>[0]);
  expect(bench.connections.targets.ambient).toMatchObject({ password: { text: "secret" } });
});
