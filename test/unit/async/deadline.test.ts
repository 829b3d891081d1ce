import { Deadline } from "../../../provider/async/deadline";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

it("aborts its signal when the time is up, and says what took too long", async () => {
  const deadline = Deadline.start("attach", 10);
  await jest.advanceTimersByTimeAsync(9_999);
  expect(deadline.signal.aborted).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(deadline.signal.reason).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

it("stands while it is paused, however often that is said", async () => {
  const deadline = Deadline.start("attach", 10);
  await jest.advanceTimersByTimeAsync(4_000);
  deadline.pause();
  deadline.pause();
  await jest.advanceTimersByTimeAsync(100_000);
  expect(deadline.remainingMs).toBe(6_000);
  deadline.resume();
  deadline.resume();
  await jest.advanceTimersByTimeAsync(5_999);
  expect(deadline.signal.aborted).toBe(false);
  await jest.advanceTimersByTimeAsync(1);
  expect(deadline.signal.aborted).toBe(true);
  expect(jest.getTimerCount()).toBe(0);
});

it("can be made longer, but not once it is over", async () => {
  const deadline = Deadline.start("attach", 10);
  deadline.extend(5);
  expect(deadline.remainingMs).toBe(15_000);
  await jest.advanceTimersByTimeAsync(15_000);
  deadline.extend(5);
  expect(deadline.isOver).toBe(true);
});

it("ends with the signals that it was made with, by their very reason", async () => {
  const [asked, lost] = [new AbortController(), new AbortController()];
  const deadline = Deadline.start("attach", 10, asked.signal);
  const rest = deadline.withSignal(lost.signal);
  const reason = new Error("the lock is lost");
  const sleeping = rest.sleep(1000, "the guest has not let go");
  lost.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
  expect(deadline.signal.aborted).toBe(false);
  asked.abort(reason);
  expect(deadline.signal.reason).toBe(reason);
});
