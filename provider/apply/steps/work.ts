import type { Deadline } from "../../async/deadline";
import type { PlugTarget, Step } from "../../plan";
import type { Hypervisor, Progress } from "../ports";
import type { BootWatch } from "./boot-watch";
import type { PlugWatch } from "./plug-watch";

/** A step of one kind. */
export type StepOf<K extends Step["kind"]> = Extract<Step, { kind: K }>;

/**
 * How a step, or a whole plan, ends. `guest-stopped`: QEMU ended meanwhile, so that nothing is plugged any
 * more.
 */
export type Outcome = "done" | "guest-stopped";

/** Follows the steps of a plan. */
export interface PlanObserver {
  /** The next step begins. */
  onStep(): void;
  /** So many steps of the plan are done. */
  onProgress(done: number): void;
}

/** What a plan is carried out with. */
export interface Work {
  readonly hypervisor: Hypervisor;
  readonly deadline: Deadline;
  readonly progress: Progress;
  readonly observer?: PlanObserver;
  /** Set by `runPlan` for the next plan of the same operation: the guest was running when it swept a slot. */
  hasSwept?: boolean;
}

/** What later steps of a plan have to know of earlier ones. */
export interface Course {
  readonly watch: PlugWatch;
  readonly bootWatch: BootWatch;
  /** Whether what is plugged may be swept, so that the guest is heard from before the first plug. */
  readonly isWatched: boolean;
  /** What was plugged into the slot, function 0 last. */
  readonly plugged: PlugTarget[];
  /** How long the guest took to release the slot: tells how slow it is. */
  unplugMs: number;
  /** How many resets had been heard when function 0 was about to be plugged. */
  resetsAtPlug: number;
  /** Ids of what is still to be plugged, and has to be looked for before. */
  qemuIdsToCome: readonly string[];
}
