import { getEventListeners } from "node:events";
import { anySignal, onAbort, untilAborted } from "../../../provider/async/abort";

const never = new Promise<never>(() => undefined);
const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("onAbort", () => {
  it("calls back once, in the order of asking, and leaves no listener", () => {
    const stop = new AbortController();
    const called: string[] = [];
    onAbort(stop.signal, () => called.push("first"));
    onAbort(stop.signal, () => called.push("second"));
    stop.abort();
    stop.abort();
    expect(called).toEqual(["first", "second"]);
    expect(listenersOf(stop.signal)).toBe(0);
  });

  it("calls back at once if the signal is aborted already", () => {
    const called = jest.fn();
    onAbort(AbortSignal.abort(), called);
    expect(called).toHaveBeenCalledTimes(1);
  });

  it("takes back the one callback that its result belongs to", () => {
    const stop = new AbortController();
    const called = jest.fn();
    const takeBack = onAbort(stop.signal, called);
    onAbort(stop.signal, called);
    takeBack();
    takeBack();
    stop.abort();
    expect(called).toHaveBeenCalledTimes(1);
  });

  it("does not call what an earlier callback of the same abort has taken back", () => {
    const stop = new AbortController();
    const called = jest.fn();
    onAbort(stop.signal, () => takeBack());
    const takeBack = onAbort(stop.signal, called);
    stop.abort();
    expect(called).not.toHaveBeenCalled();
  });

  it("listens anew after all have left, whoever leaves twice", () => {
    const stop = new AbortController();
    const called = jest.fn();
    const leave = onAbort(stop.signal, () => undefined);
    leave();
    expect(listenersOf(stop.signal)).toBe(0);
    onAbort(stop.signal, called);
    leave();
    stop.abort();
    expect(called).toHaveBeenCalledTimes(1);
  });

  it("has one listener for all who wait for one signal", () => {
    const { signal } = new AbortController();
    const leave = Array.from({ length: 100 }, () => onAbort(signal, () => undefined));
    expect(listenersOf(signal)).toBe(1);
    for (const one of leave) one();
    expect(listenersOf(signal)).toBe(0);
  });
});

describe("untilAborted", () => {
  it("gives what the promise gives, or throws what it throws", async () => {
    const { signal } = new AbortController();
    await expect(untilAborted(Promise.resolve(7), signal)).resolves.toBe(7);
    const cause = new Error("refused");
    await expect(untilAborted(Promise.reject(cause), signal)).rejects.toBe(cause);
    await expect(untilAborted(Promise.resolve(7), undefined)).resolves.toBe(7);
  });

  it("throws the very reason of the signal, whether it is aborted before or meanwhile", async () => {
    const reason = new Error("enough");
    await expect(untilAborted(never, AbortSignal.abort(reason))).rejects.toBe(reason);
    await expect(untilAborted(Promise.resolve(7), AbortSignal.abort(reason))).rejects.toBe(reason);
    const stop = new AbortController();
    const waiting = untilAborted(never, anySignal(undefined, stop.signal, new AbortController().signal));
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  it("keeps a promise that fails after the abort from ending the process", async () => {
    let fail!: (cause: Error) => void;
    const late = new Promise<never>((_resolve, reject) => (fail = reject));
    await expect(untilAborted(late, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    // Jest fails a test that leaves a rejection to nobody
    fail(new Error("late"));
    await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it("has one listener during ten thousand waits for one signal, and none after", async () => {
    const { signal } = new AbortController();
    let answer!: (value: number) => void;
    const answered = new Promise<number>((resolve) => (answer = resolve));
    const waits = Array.from({ length: 10_000 }, () => untilAborted(answered, signal));
    expect(listenersOf(signal)).toBe(1);
    answer(7);
    expect(new Set(await Promise.all(waits))).toEqual(new Set([7]));
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(listenersOf(signal)).toBe(0);
  });
});
