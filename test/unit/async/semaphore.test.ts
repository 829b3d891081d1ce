import { Semaphore } from "../../../provider/async/semaphore";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it("has so many places, and serves in the order of asking", async () => {
  const places = new Semaphore(2);
  const [first, second] = [await places.acquire(), await places.acquire()];
  const order: number[] = [];
  const waiting = [3, 4].map(async (index) => {
    const release = await places.acquire();
    order.push(index);
    return release;
  });
  await settle();
  expect(order).toEqual([]);
  second();
  await settle();
  expect(order).toEqual([3]);
  first();
  await Promise.all(waiting);
  expect(order).toEqual([3, 4]);
});

it("counts a release once", async () => {
  const places = new Semaphore(1);
  const release = await places.acquire();
  release();
  release();
  await places.acquire();
  const third = jest.fn();
  void places.acquire().then(third);
  await settle();
  expect(third).not.toHaveBeenCalled();
});

it("passes over whoever has left the queue, and loses no place", async () => {
  const places = new Semaphore(1);
  const release = await places.acquire();
  const stop = new AbortController();
  const reason = new Error("left");
  const left = places.acquire(stop.signal);
  const next = places.acquire();
  stop.abort(reason);
  await expect(left).rejects.toBe(reason);
  release();
  (await next)();
  await expect(places.acquire(stop.signal)).rejects.toBe(reason);
  (await places.acquire())();
});

it("hands a place on that comes in the moment of the leaving", async () => {
  const places = new Semaphore(1);
  const release = await places.acquire();
  const stop = new AbortController();
  const left = places.acquire(stop.signal);
  const next = places.acquire();
  release();
  stop.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  (await next)();
});
