import { AttachFailure } from "../../../provider/apply";
import { providerError } from "../../../provider/errors";
import { createAttachment } from "../../../provider/operations/create";
import { PartialAttachment } from "../../../provider/operations/partial-attachment";
import { attachmentIdOf } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { HOST_UUID, OWN_GUEST } from "../../support/world";
import { inputs, MemoryOperations } from "./support/memory-operations";

let bench: MemoryOperations;
beforeEach(() => (bench = new MemoryOperations()));

const id = attachmentIdOf(inputs.ownerToken);
const isChange = (call: string): boolean => /^(record|hold|plug|release|erase)/.test(call);
const failureOf = (creation: Promise<unknown>): Promise<unknown> =>
  creation.then(
    () => undefined,
    (error: unknown) => error,
  );

test("a create plugs the functions and returns the inputs and what is there", async () => {
  const created = await createAttachment(bench.context(), inputs);
  expect(bench.world.plugged.map((one) => one.hostAddress)).toEqual(["0000:01:00.1", "0000:01:00.0"]);
  expect(created).toMatchObject({
    id,
    properties: {
      ...inputs,
      hostUuid: HOST_UUID,
      guestUuid: OWN_GUEST.uuid,
      attached: [{ hostAddress: "0000:01:00.0" }, { hostAddress: "0000:01:00.1" }],
    },
  });
  expect(created.properties).not.toHaveProperty("adopt");
});

test("each step is told to the caller's progress before it is done", async () => {
  const toldAtFirstPlug: string[] = [];
  bench.onCall = (call) => {
    if (call.startsWith("plug") && toldAtFirstPlug.length === 0) toldAtFirstPlug.push(...bench.lines);
  };
  await createAttachment(bench.context(), inputs);
  expect(toldAtFirstPlug.join("\n")).toMatch(/hold 0000:01:00\.0/);
});

test("a create that fails and is undone leaves nothing, and is no partial failure", async () => {
  bench.faultAt = (call) => (call.startsWith("plug") ? "refused" : undefined);
  const error = await failureOf(createAttachment(bench.context(), inputs));
  expect(error).toBeInstanceOf(AttachFailure);
  expect(bench.world).toMatchObject({ plugged: [], holdings: [], ledger: [] });
});

test("a create that fails and leaves something says what is there", async () => {
  bench.faultAt = (call) => (/^(plug|release)/.test(call) ? "refused" : undefined);
  const error = await failureOf(createAttachment(bench.context(), inputs));
  expect(error).toBeInstanceOf(PartialAttachment);
  expect(error).toMatchObject({
    id,
    message: expect.stringContaining("was refused") as string,
    properties: { ...inputs, attached: [], guestUuid: OWN_GUEST.uuid },
  });
  const { held } = (error as PartialAttachment).properties;
  expect(held).not.toEqual([]);
});

test("the error of a host that cannot be reached is passed on", async () => {
  const unreachable = providerError("SSH_DIAL_FAILED", { target: "hv1", attempts: 1, reason: "refused" });
  bench.unreachable = unreachable;
  expect(await failureOf(createAttachment(bench.context(), inputs))).toBe(unreachable);
});

test("a cancel before the first step touches nothing, and its reason is the error", async () => {
  const cancel = new AbortController();
  const reason = new Error("cancelled by the engine");
  bench.onCall = (call) => {
    if (call.startsWith("lock")) cancel.abort(reason);
  };
  const creation = createAttachment(bench.context({ signal: cancel.signal }), inputs);
  expect(await failureOf(creation)).toBe(reason);
  expect(bench.calls.filter(isChange)).toEqual([]);
});

test("a cancel after the first step lets the create finish", async () => {
  const cancel = new AbortController();
  bench.onCall = (call) => {
    if (call.startsWith("plug")) cancel.abort(new Error("too late"));
  };
  await createAttachment(bench.context({ signal: cancel.signal }), inputs);
  expect(bench.world.plugged).toHaveLength(2);
});

test.each([
  ["a shorter limit of the engine wins over that of the arguments", 7],
  ["a longer limit of the engine does not", 300],
])("%s", async (_what, timeoutSeconds) => {
  jest.useFakeTimers();
  try {
    bench.onCall = (call) =>
      call.startsWith("lock") ? new Promise((resolve) => setTimeout(resolve, 100_000)) : undefined;
    const own = { ...inputs, timeouts: { attachSeconds: 30 } };
    const creation = failureOf(createAttachment(bench.context({ timeoutSeconds }), own));
    const { value } = await letTimePass(creation);
    expect(value).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      message: expect.stringContaining(` ${Math.min(timeoutSeconds, 30)} s`) as string,
    });
    expect(bench.calls.filter(isChange)).toEqual([]);
  } finally {
    jest.useRealTimers();
  }
});

test("a create is under way until it ends, and refused after the end", async () => {
  const idle: boolean[] = [];
  bench.onCall = () => void idle.push(bench.running.isIdle);
  await createAttachment(bench.context(), inputs);
  expect(idle.length).toBeGreaterThan(0);
  expect(idle).not.toContain(true);
  expect(bench.running.isIdle).toBe(true);
  await bench.running.end("it received SIGTERM");
  await expect(createAttachment(bench.context(), inputs)).rejects.toMatchObject({ code: "PROVIDER_ENDING" });
});
