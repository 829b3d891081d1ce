import { QueueDeadlines, type PausableClock } from "../../../provider/async/queue-deadlines";

class Clock implements PausableClock {
  runs = true;
  pause(): void {
    this.runs = false;
  }
  resume(): void {
    this.runs = true;
  }
}

it("lets the clocks of those stand who wait for what this process has", async () => {
  const deadlines = new QueueDeadlines();
  const [early, late, other] = [new Clock(), new Clock(), new Clock()];
  let end!: () => void;
  const turn = new Promise<void>((resolve) => (end = resolve));
  const waiting = [deadlines.during("guest", early, turn), deadlines.during("group", other, turn)];
  expect(early.runs).toBe(true);
  deadlines.granted(["guest"]);
  waiting.push(deadlines.during("guest", late, turn));
  expect([early.runs, late.runs, other.runs]).toEqual([false, false, true]);
  deadlines.released(["guest"]);
  expect([early.runs, late.runs]).toEqual([true, true]);
  deadlines.granted(["guest"]);
  end();
  await Promise.all(waiting);
  expect([early.runs, late.runs, other.runs]).toEqual([true, true, true]);
  deadlines.granted(["guest", "group"]);
  expect([early.runs, late.runs, other.runs]).toEqual([true, true, true]);
});

it("runs the clock on if the turn never comes", async () => {
  const deadlines = new QueueDeadlines();
  const clock = new Clock();
  deadlines.granted(["guest"]);
  const waiting = deadlines.during("guest", clock, Promise.reject(new Error("left")));
  expect(clock.runs).toBe(false);
  await expect(waiting).rejects.toThrow("left");
  expect(clock.runs).toBe(true);
});
