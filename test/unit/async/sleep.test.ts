import { getEventListeners } from "node:events";
import { EventQueue } from "../../../provider/async/event-queue";
import { Alarm, sleep } from "../../../provider/async/sleep";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe("sleep", () => {
  it("lasts as long as it is told", async () => {
    const ended = jest.fn();
    void sleep(1000).then(ended);
    await jest.advanceTimersByTimeAsync(999);
    expect(ended).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(ended).toHaveBeenCalledTimes(1);
  });

  it("throws the signal's reason at once, and leaves neither timer nor listener", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    const sleeping = sleep(1000, stop.signal);
    expect(jest.getTimerCount()).toBe(1);
    stop.abort(reason);
    await expect(sleeping).rejects.toBe(reason);
    await expect(sleep(1000, stop.signal)).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
    expect(getEventListeners(stop.signal, "abort")).toEqual([]);
  });
});

describe("Alarm", () => {
  it("ends the sleep early, and does nothing while nobody sleeps", async () => {
    const alarm = new Alarm();
    const { signal } = new AbortController();
    alarm.wake();
    const sleeping = alarm.sleep(1000, signal);
    alarm.wake();
    await sleeping;
    expect(jest.getTimerCount()).toBe(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});

describe("EventQueue", () => {
  it("gives events in their order, those from before the asking first", async () => {
    const { signal } = new AbortController();
    const queue = new EventQueue<string>();
    queue.put("first");
    queue.put("second");
    expect(queue.holds("second")).toBe(true);
    expect(await queue.take(signal, 1000)).toBe("first");
    expect(await queue.take(signal, 1000)).toBe("second");
    expect(queue.holds("second")).toBe(false);
    const next = queue.take(signal, 1000);
    queue.put("third");
    expect(await next).toBe("third");
    expect(jest.getTimerCount()).toBe(0);
  });

  it("tells of a silence, and of the signal's end", async () => {
    const stop = new AbortController();
    const queue = new EventQueue<string>();
    const silent = queue.take(stop.signal, 1000);
    await jest.advanceTimersByTimeAsync(1000);
    expect(await silent).toBe("silence");
    const ended = queue.take(stop.signal, 1000);
    const reason = new Error("enough");
    stop.abort(reason);
    await expect(ended).rejects.toBe(reason);
  });
});
