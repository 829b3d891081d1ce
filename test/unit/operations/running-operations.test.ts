import { RunningOperations } from "../../../provider/operations/running-operations";
import { hasCode } from "../../../provider/errors";
import { letTimePass } from "../../support/fake-time";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const reason = "it received SIGTERM";
const never = (): Promise<never> => new Promise(() => undefined);
const lasting = (milliseconds: number) => (): Promise<string> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds, "done"));
const untilAsked = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
  );

test("an operation keeps its result and error, and is under way until then", async () => {
  const operations = new RunningOperations();
  const running = operations.run(1, lasting(100));
  expect(operations.isIdle).toBe(false);
  expect(await letTimePass(running)).toMatchObject({ value: "done" });
  const error = new Error("refused");
  await expect(operations.run(1, () => Promise.reject(error))).rejects.toBe(error);
  expect(operations.isIdle).toBe(true);
});

test("the end waits for what goes on, and for what gives up on request", async () => {
  const operations = new RunningOperations();
  const going = operations.run(60, lasting(30_000));
  const waiting = expect(operations.run(60, untilAsked)).rejects.toThrow(reason);
  expect((await letTimePass(operations.end(reason))).tookMs).toBe(30_000);
  await waiting;
  expect(await going).toBe("done");
  expect(operations.isIdle).toBe(true);
});

test("the end is there at once if nothing is under way or all failed", async () => {
  const operations = new RunningOperations();
  const failing = expect(operations.run(60, () => Promise.reject(new Error("x")))).rejects.toThrow("x");
  expect((await letTimePass(operations.end(reason))).tookMs).toBe(0);
  await failing;
  expect((await letTimePass(operations.end(reason))).tookMs).toBe(0);
});

test("from the end on an operation is refused, and its body never runs", async () => {
  const operations = new RunningOperations();
  await operations.end(reason);
  const body = jest.fn(never);
  const error: unknown = await operations.run(60, body).catch((thrown: unknown) => thrown);
  expect(hasCode(error, "PROVIDER_ENDING")).toBe(true);
  expect((error as Error).message).toContain(reason);
  expect(body).not.toHaveBeenCalled();
});

test("an operation that hangs is waited for a minute beyond its limit", async () => {
  const operations = new RunningOperations();
  void operations.run(120, never);
  void operations.run(10, never);
  expect((await letTimePass(operations.end(reason))).tookMs).toBe(180_000);
});

test("whoever is in a hurry waits no longer than said, even afterwards", async () => {
  const operations = new RunningOperations();
  void operations.run(120, never);
  const patient = operations.end(reason);
  expect((await letTimePass(operations.end("it was interrupted", 4000))).tookMs).toBe(4000);
  expect((await letTimePass(patient)).tookMs).toBe(176_000);
});
