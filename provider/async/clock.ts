/** A timer that has been set. */
export interface Timer {
  /** The callback is not called any more. Does nothing once it has been called. */
  cancel(): void;
}

/** How a timer is set. */
export interface TimerOptions {
  /** The process may end before the time is over. Default: the timer keeps the process alive. */
  readonly isBackground?: boolean;
}

/**
 * All that this package knows of time. A test or a simulation puts another in its place by {@link useClock}.
 */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once, so many milliseconds from now. */
  setTimer(callback: () => void, ms: number, options: TimerOptions): Timer;
  /** Calls back when everything that happens now has been worked off. */
  onNextTurn(callback: () => void): void;
}

/**
 * The clock of this machine. It looks its functions up at each call, so that fake timers of tests reach them.
 */
const SYSTEM_CLOCK: Clock = {
  now: () => Date.now(),
  setTimer: (callback, ms, { isBackground = false }) => {
    const timer = setTimeout(callback, ms);
    if (isBackground) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  onNextTurn: (callback) => void setImmediate(callback),
};

let clock = SYSTEM_CLOCK;

/**
 * Lets another clock stand in for the machine's, for all of this process.
 *
 * @returns puts back what was there before
 */
export function useClock(another: Clock): () => void {
  const before = clock;
  clock = another;
  return () => void (clock = before);
}

/** Milliseconds since 1970. */
export function now(): number {
  return clock.now();
}

/** Calls back once, so many milliseconds from now, unless it is cancelled before. */
export function setTimer(callback: () => void, ms: number, options: TimerOptions = {}): Timer {
  return clock.setTimer(callback, ms, options);
}

/** Calls back every so many milliseconds, until it is cancelled. */
export function setRepeatingTimer(callback: () => void, ms: number, options: TimerOptions = {}): Timer {
  const fire = (): void => {
    timer = setTimer(fire, ms, options);
    callback();
  };
  let timer = setTimer(fire, ms, options);
  return { cancel: () => timer.cancel() };
}

/** Calls back when everything that happens now has been worked off. */
export function onNextTurn(callback: () => void): void {
  clock.onNextTurn(callback);
}
