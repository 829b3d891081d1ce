import type { Plan } from "../plan";
import type { PlanObserver } from "./steps/work";

/** The plan of an attach that is being carried out, and how far it has come. */
export class AttachCourse implements PlanObserver {
  #plan: Plan;
  #passed = 0;
  #hasBegun = false;
  #hasPassed = false;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Goes on with another plan. */
  begin(plan: Plan): void {
    this.#plan = plan;
    this.#passed = 0;
  }

  onStep(): void {
    this.#hasBegun = true;
  }

  onProgress(done: number): void {
    this.#passed = done;
    this.#hasPassed = true;
  }

  /** The plan that is carried out now. */
  get plan(): Plan {
    return this.#plan;
  }

  /** How many steps of the present plan are done. */
  get passed(): number {
    return this.#passed;
  }

  /** Whether any step has begun, of whichever plan. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Whether any step has been done, of whichever plan; the first is the write of the ledger entry. */
  get hasPassed(): boolean {
    return this.#hasPassed;
  }

  /** Whether all steps of the present plan are done. */
  get isDone(): boolean {
    return this.#passed === this.#plan.steps.length;
  }

  /** Whether the guest has what is wanted. */
  get stands(): boolean {
    const { standsAfter } = this.#plan;
    return standsAfter !== undefined && this.#passed >= standsAfter;
  }
}
