import { setTimeout as sleep } from "node:timers/promises";
import { randomOf } from "../support/random";
import type { Figures, SoakTarget } from "./target";
import {
  describeCycle,
  nextCycle,
  NOWHERE,
  standingAfter,
  type Circumstance,
  type Cycle,
  type Standing,
} from "./walk";

/** How a soak is run. */
export interface SoakOptions {
  readonly cycles: number;
  readonly seed: number;
  /** Begins no cycle after this time. */
  readonly limitMs?: number;
  readonly log: (line: string) => void;
}

/** What one cycle took, the looks after it left out. */
export interface CycleTime {
  readonly number: number;
  readonly kind: Cycle["kind"];
  /** `runs` is an operation that nothing held up, which alone can be compared with others. */
  readonly guest: Circumstance["guest"] | "boots";
  readonly seconds: number;
  /** Of the provider's processor time. */
  readonly processorSeconds: number;
}

/** Figures as they were after one cycle. */
export interface Sample {
  readonly cycle: number;
  readonly figures: Figures;
}

/** What a soak has shown. */
export interface SoakResult {
  readonly seed: number;
  readonly times: readonly CycleTime[];
  readonly samples: readonly Sample[];
  /**
   * Operations that gave up at their deadline, as they had to or because the guest was booting, and were run
   * again.
   */
  readonly runAgain: number;
  readonly minutes: number;
}

/** How much of a walk a failure tells; the seed makes all of it again. */
const TOLD_CYCLES = 40;

/**
 * A random walk of one attachment: after each cycle the state, the guest and the host have to be what the
 * walk says. In the end everything is given back.
 *
 * @throws with seed, cycle and the walk so far, at the first thing that is not as it should be.
 */
export async function soak(target: SoakTarget, options: SoakOptions): Promise<SoakResult> {
  const { cycles, seed, limitMs = Infinity, log } = options;
  const random = randomOf(seed);
  const startedAt = Date.now();
  const times: CycleTime[] = [];
  const walked: string[] = [];
  const samples: Sample[] = [];
  let runAgain = 0;
  let standing: Standing = NOWHERE;
  const attempt = async (number: number, cycle: Cycle): Promise<void> => {
    walked.push(`${number} ${describeCycle(cycle)}`);
    try {
      const processorBefore = await target.processorSeconds();
      const begunAt = Date.now();
      const { isBooting } = standing;
      const hadToRunAgain = await runPlan(target, cycle, isBooting);
      const seconds = (Date.now() - begunAt) / 1000;
      const processorSeconds = (await target.processorSeconds()) - processorBefore;
      const isLeftBooting = cycle.kind === "reset" && !cycle.booted;
      const guest = isBooting || isLeftBooting ? "boots" : "under" in cycle ? cycle.under.guest : "runs";
      times.push({ number, kind: cycle.kind, guest, seconds, processorSeconds });
      if (hadToRunAgain) runAgain += 1;
      standing = standingAfter(standing, cycle);
      if (!standing.isBooting) {
        await target.booted();
        await expectStanding(target, standing);
      }
      if (standing.set === undefined && !standing.isBooting)
        samples.push({ cycle: number, figures: await target.figures() });
      log(`${walked.at(-1)}: ${seconds.toFixed(1)} s${hadToRunAgain ? ", run again" : ""}`);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      const walk = walked.slice(-TOLD_CYCLES).join("\n  ");
      throw new Error(`seed ${seed}, cycle ${number}: ${reason}\nthe walk so far:\n  ${walk}`, { cause });
    }
  };
  let number = 1;
  for (; number <= cycles && Date.now() - startedAt < limitMs; number++)
    await attempt(number, nextCycle(random, standing, target.weights, target.buses));
  if (standing.isBooting) await target.booted();
  if (standing.set !== undefined) await attempt(number, { kind: "destroy", under: { guest: "runs" } });
  return { seed, times, samples, runAgain, minutes: (Date.now() - startedAt) / 60_000 };
}

/** Returns whether the operation had to be run again. */
async function runPlan(target: SoakTarget, cycle: Cycle, isBooting: boolean): Promise<boolean> {
  if (cycle.kind === "refresh") {
    await target.refresh();
    return false;
  }
  if (cycle.kind === "reset") {
    await target.reset();
    if (cycle.booted) await target.booted();
    return false;
  }
  const { under } = cycle;
  const operate = (): Promise<void> => (cycle.kind === "destroy" ? target.detach() : target.attach(cycle.to));
  /** A request that reaches a guest while it boots may be lost: the user runs it again. */
  const mayBeRunAgain = async (operating: Promise<void>): Promise<boolean> => {
    if (!(await endsAtDeadline(target, operating))) return false;
    await target.booted();
    await operate();
    return true;
  };
  switch (under.guest) {
    case "runs":
      if (isBooting) return mayBeRunAgain(operate());
      await operate();
      return false;
    case "paused":
      await target.pause();
      await operate();
      await target.resume();
      return false;
    case "deadline": {
      await target.pause();
      const gaveUp = await endsAtDeadline(target, operate());
      await target.resume();
      if (!gaveUp) throw new Error("a paused guest was to let go of nothing");
      await operate();
      return true;
    }
    case "resumed":
    case "reset": {
      await target.pause();
      const operating = operate();
      // it is awaited below; until then its failure is no accident
      operating.catch(() => undefined);
      await sleep(under.afterMs);
      if (under.guest === "reset") await target.reset();
      await target.resume();
      if (under.guest === "reset") return mayBeRunAgain(operating);
      await operating;
      return false;
    }
  }
}

async function endsAtDeadline(target: SoakTarget, operating: Promise<void>): Promise<boolean> {
  try {
    await operating;
    return false;
  } catch (error) {
    if (!target.isDeadline(error)) throw error;
    return true;
  }
}

async function expectStanding(target: SoakTarget, { set }: Standing): Promise<void> {
  const complaints = await target.complaints(set);
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
}
