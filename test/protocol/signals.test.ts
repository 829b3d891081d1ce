import { setTimeout as sleep } from "node:timers/promises";
import { DynamicProvider } from "../support/dynamic-provider";
import { firstInputs, MemoryHost, secondInputs } from "./support/memory-host";

/** What the engine gives its providers between SIGINT and SIGKILL. */
const engineLimitMs = 5000;

let host: MemoryHost;
let provider: DynamicProvider;

beforeEach(async () => {
  host = await MemoryHost.install();
  provider = await DynamicProvider.start({ folder: host.folder });
  await provider.configure({});
});
afterEach(async () => {
  await provider[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
});

/** A create in the middle of its plugs. */
async function createStopped(): Promise<{ answer: Promise<unknown> }> {
  host.stopAt("plug f1");
  const answer = provider.create(firstInputs).then(
    ({ outs }) => outs["attached"],
    (error: unknown) => error,
  );
  await host.called("plug f1");
  return { answer };
}

function send(signal: NodeJS.Signals): { tookMs: Promise<number> } {
  const sentAt = Date.now();
  process.kill(provider.pid, signal);
  return { tookMs: provider.ended.then(() => Date.now() - sentAt) };
}

test("the interrupt at the end of a command costs no time", async () => {
  await provider.create(firstInputs);
  expect(await send("SIGINT").tookMs).toBeLessThan(2000);
});

test("an operation under way at an interrupt ends well, if soon enough", async () => {
  const { answer } = await createStopped();
  const { tookMs } = send("SIGINT");
  await sleep(1000);
  host.goOn();
  expect(await answer).toHaveLength(4);
  expect(await tookMs).toBeLessThan(engineLimitMs);
  expect(await provider.ended).toBe(130);
});

test("an operation that takes longer is left, before the engine kills", async () => {
  const { answer } = await createStopped();
  expect(await send("SIGINT").tookMs).toBeLessThan(engineLimitMs);
  expect(await provider.ended).toBe(130);
  expect(await answer).toBeInstanceOf(Error);
});

test("a terminated process answers what is under way, and takes nothing new", async () => {
  const { answer } = await createStopped();
  const { tookMs } = send("SIGTERM");
  await sleep(engineLimitMs + 1000);
  await expect(provider.create(secondInputs)).rejects.toThrow(/received SIGTERM.*\[PROVIDER_ENDING\]/);
  host.goOn();
  expect(await answer).toHaveLength(4);
  expect(await tookMs).toBeGreaterThan(engineLimitMs);
  expect(await provider.ended).toBe(143);
});

test("a second signal ends the process at once", async () => {
  const { answer } = await createStopped();
  send("SIGTERM");
  await expect(provider.create(secondInputs)).rejects.toThrow(/PROVIDER_ENDING/);
  expect(await send("SIGTERM").tookMs).toBeLessThan(2000);
  expect(await answer).toBeInstanceOf(Error);
});
