import { KeyedMutex } from "../../../provider/async/keyed-mutex";

describe("KeyedMutex", () => {
  it("serves in the order of asking, and does not hinder other names", async () => {
    const mutex = new KeyedMutex();
    const order: number[] = [];
    const first = await mutex.lock("a");
    const others = [1, 2, 3].map(async (index) => {
      const release = await mutex.lock("a");
      order.push(index);
      release();
    });
    (await mutex.lock("b"))();
    expect(order).toEqual([]);
    first();
    await Promise.all(others);
    expect(order).toEqual([1, 2, 3]);
  });

  it("passes over whoever has left the queue", async () => {
    const mutex = new KeyedMutex();
    const first = await mutex.lock("a");
    const stop = new AbortController();
    const left = mutex.lock("a", stop.signal);
    const next = mutex.lock("a");
    stop.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    let isNextIn = false;
    void next.then(() => (isNextIn = true));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(isNextIn).toBe(false);
    first();
    (await next)();
  });
});
