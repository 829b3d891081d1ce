import {
  now,
  onNextTurn,
  setRepeatingTimer,
  setTimer,
  useClock,
  type Clock,
} from "../../../provider/async/clock";
import { Deadline } from "../../../provider/async/deadline";
import { sleep } from "../../../provider/async/sleep";

/** A clock that stands until it is told to go on. */
class StandingClock implements Clock {
  #now = 1_000;
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, ms: number): { cancel(): void } {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  onNextTurn(callback: () => void): void {
    this.setTimer(callback, 0);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Jumps from timer to timer, and lets promises go on after each. */
  async goOn(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers.delete(next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = until;
  }
}

describe("another clock", () => {
  let clock: StandingClock;
  let restore: () => void;
  beforeEach(() => {
    clock = new StandingClock();
    restore = useClock(clock);
  });
  afterEach(() => restore());

  it("tells the time and calls the timers of whoever asks", async () => {
    const called: string[] = [];
    setTimer(() => called.push(`second at ${now()}`), 20);
    setTimer(() => called.push(`first at ${now()}`), 10);
    setTimer(() => called.push("never"), 15).cancel();
    onNextTurn(() => called.push("next turn"));
    await clock.goOn(100);
    expect(called).toEqual(["next turn", "first at 1010", "second at 1020"]);
  });

  it("repeats until the timer is cancelled, from within the callback too", async () => {
    const called: number[] = [];
    const timer = setRepeatingTimer(() => {
      called.push(now());
      if (called.length === 3) timer.cancel();
    }, 10);
    await clock.goOn(100);
    expect(called).toEqual([1010, 1020, 1030]);
    expect(clock.pending).toBe(0);
  });

  it("moves a deadline, an hour in no time", async () => {
    const deadline = Deadline.start("attach", 3600);
    const sleeping = deadline.sleep(7_200_000, "the guest has not let go");
    const failing = expect(sleeping).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
      message: expect.stringContaining("the guest has not let go") as string,
    });
    await clock.goOn(3_599_999);
    expect(deadline.signal.aborted).toBe(false);
    await clock.goOn(1);
    expect(deadline.isOver).toBe(true);
    await failing;
    expect(clock.pending).toBe(0);
  });

  it("leaves its place to the one before", async () => {
    restore();
    expect(Math.abs(now() - Date.now())).toBeLessThan(1000);
    const sleeping = sleep(1);
    await sleeping;
    expect(clock.pending).toBe(0);
  });
});
