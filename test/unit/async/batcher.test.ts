import { Batcher } from "../../../provider/async/batcher";

const { signal } = new AbortController();

it("makes one call of those that come in one turn, in their order", async () => {
  const calls: (readonly string[])[] = [];
  const batcher = new Batcher<string>(async (all) => void calls.push(all));
  await Promise.all(["a", "b", "c"].map((one) => batcher.add(one, signal)));
  await batcher.add("d", signal);
  expect(calls).toEqual([["a", "b", "c"], ["d"]]);
});

it("fails all of a call with its cause, and none of the next", async () => {
  const cause = new Error("refused");
  let isRefused = true;
  const batcher = new Batcher<string>(async () => {
    if (isRefused) throw cause;
  });
  const all = await Promise.allSettled(["a", "b"].map((one) => batcher.add(one, signal)));
  expect(all).toEqual(Array(2).fill({ status: "rejected", reason: cause }));
  isRefused = false;
  await batcher.add("c", signal);
});
