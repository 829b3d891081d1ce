import { untilAborted } from "../../../provider/async/abort";
import { settledWithin, withTimeLimit } from "../../../provider/async/time-limit";

const never = new Promise<never>(() => undefined);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe("withTimeLimit", () => {
  it("gives what the body gives, and leaves no timer", async () => {
    expect(await withTimeLimit(1000, () => Promise.resolve(7))).toBe(7);
    await expect(withTimeLimit(1000, () => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
    expect(jest.getTimerCount()).toBe(0);
  });

  it("aborts the body's signal with the given reason when time is over", async () => {
    const reason = new Error("no answer within 1 s");
    const waiting = withTimeLimit(
      1000,
      (signal) => untilAborted(never, signal),
      () => reason,
    );
    const failing = expect(waiting).rejects.toBe(reason);
    await jest.advanceTimersByTimeAsync(1000);
    await failing;
  });

  it("has the reason of AbortSignal.timeout by itself", async () => {
    const waiting = withTimeLimit(1000, (signal) => untilAborted(never, signal));
    const failing = expect(waiting).rejects.toMatchObject({
      name: "TimeoutError",
      message: "The operation was aborted due to timeout",
    });
    await jest.advanceTimersByTimeAsync(1000);
    await failing;
  });

  it("sets no timer for no limit", async () => {
    await withTimeLimit(Infinity, async () => expect(jest.getTimerCount()).toBe(0));
    expect.assertions(1);
  });
});

describe("settledWithin", () => {
  it("ends with the promise, whichever way that settles, and leaves no timer", async () => {
    await settledWithin(Promise.resolve(7), 1000);
    await settledWithin(Promise.reject(new Error("refused")), 1000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("waits no longer than the time", async () => {
    const ended = jest.fn();
    void settledWithin(never, 1000).then(ended);
    await jest.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledTimes(1);
  });
});
