import { setTimeout as sleep } from "node:timers/promises";
import { DynamicProvider, SilentListener } from "../support/dynamic-provider";
import { attachedState, validInputs } from "../support/dynamic-provider/inputs";
import { firstInputs, MemoryHost, secondInputs } from "./support/memory-host";

/** Beyond the two refusals that say that the engine is gone. */
const soonMs = 10_000;
const guestLock = "guest-11111111-1111-4111-8111-111111111111";
const ending = expect.stringMatching(
  /pulumi that started it is gone.*Nothing was touched.*\[PROVIDER_ENDING\]/,
) as string;

/**
 * What a kill of `pulumi` does to its provider: nobody reads its output, nobody listens at the engine's
 * address.
 */
async function killEngine(provider: DynamicProvider): Promise<void> {
  provider.breakOutput();
  await provider.loseEngine();
}

/** For an answer that is looked at later: a test that fails before fails alone. */
function lookedAtLater<T>(answer: Promise<T>): Promise<T> {
  answer.catch(() => undefined);
  return answer;
}

/** The exit code, or "alive" if the process lives on. */
function endOf(provider: DynamicProvider, withinMs = soonMs): Promise<number | null | "alive"> {
  return Promise.race([provider.ended, sleep(withinMs, "alive" as const, { ref: false })]);
}

test("a provider with nothing to do ends soon after its engine", async () => {
  await using provider = await DynamicProvider.start();
  await provider.configure({});
  await provider.check({}, validInputs);
  await killEngine(provider);
  expect(await endOf(provider)).toBe(0);
});

test("an engine that hangs up is not gone while it still listens", async () => {
  await using provider = await DynamicProvider.start();
  await provider.configure({});
  await provider.check({}, validInputs);
  for (let round = 0; round < 3; round += 1) {
    await provider.engineWatched();
    provider.hangUp();
  }
  await provider.engineWatched();
  expect(await endOf(provider, 3000)).toBe("alive");
  expect(await provider.check({}, validInputs)).toEqual({ inputs: validInputs, failures: [] });

  await killEngine(provider);
  expect(await endOf(provider)).toBe(0);
});

test("dials and looks are given up, all of them", async () => {
  await using host = await SilentListener.listen();
  await using provider = await DynamicProvider.start();
  await provider.configure({});
  const connection = { ...validInputs.connection, port: host.port };
  const state = { ...attachedState, connection };
  // more than ten: Node warns of so many that wait on one signal, unless it is told
  const answers = Promise.allSettled([
    ...Array.from({ length: 12 }, () => provider.create({ ...validInputs, connection })),
    provider.update("id", state, { ...state, functions: [0] }),
    provider.delete("id", state),
    provider.read("id", state),
  ]);
  await host.connected();
  await provider.check({}, validInputs);
  expect(provider.printed.join("\n")).not.toContain("MaxListeners");
  await killEngine(provider);
  const given = { status: "rejected", reason: { message: ending, partial: undefined } };
  expect(await answers).toMatchObject(Array.from({ length: 15 }, () => given));
  expect(await endOf(provider)).toBe(0);
});

describe("over a host in memory", () => {
  let host: MemoryHost;
  beforeEach(async () => {
    host = await MemoryHost.install();
  });
  afterEach(() => host[Symbol.asyncDispose]());

  const start = async (): Promise<DynamicProvider> => {
    const provider = await DynamicProvider.start({ folder: host.folder });
    await provider.configure({});
    return provider;
  };

  test.each(["record", "plug f1", "plug f0"])(
    "a create that has begun finishes, from %s on, and the process ends",
    async (call) => {
      await using provider = await start();
      host.stopAt(call);
      const creation = lookedAtLater(provider.create(firstInputs));
      await host.called(call);
      await killEngine(provider);
      expect(await endOf(provider, 3000)).toBe("alive");
      host.goOn();
      const { outs } = await creation;
      expect(outs["attached"]).toHaveLength(4);
      expect(host.calls.at(-1)).toBe(`unlock ${guestLock}`);
      expect(await endOf(provider)).toBe(0);
    },
  );

  test("a delete that has begun finishes", async () => {
    await using provider = await start();
    const { id, outs } = await provider.create(firstInputs);
    host.stopAt("device_del f0");
    const deletion = lookedAtLater(provider.delete(id, outs));
    await host.called("device_del f0");
    await killEngine(provider);
    expect(await endOf(provider, 3000)).toBe("alive");
    host.goOn();
    await deletion;
    expect(host.calls.slice(-2)).toEqual(["erase", `unlock ${guestLock}`]);
    expect(await endOf(provider)).toBe(0);
  });

  test("of two, the begun one finishes, the waiting one is given up", async () => {
    await using provider = await start();
    host.stopAt("plug f1");
    const first = lookedAtLater(provider.create(firstInputs));
    await host.called("plug f1");
    const second = lookedAtLater(provider.create(secondInputs));
    await host.called("readIdentity", 2);
    await killEngine(provider);
    await expect(second).rejects.toMatchObject({ message: ending, partial: undefined });
    await expect(provider.create(secondInputs)).rejects.toMatchObject({ message: ending });
    host.goOn();
    expect((await first).outs["attached"]).toHaveLength(4);
    expect(await endOf(provider)).toBe(0);
    const locks = host.calls.slice(host.calls.indexOf("plug f1")).filter((call) => call.includes(guestLock));
    expect(locks).toEqual([`wait for ${guestLock}`, `unlock ${guestLock}`]);
  });
});
