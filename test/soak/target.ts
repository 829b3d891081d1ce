import type { SoakSet, Weights } from "./walk";

/** What is measured where nothing is attached, by its name in words; each stays flat or it is a leak. */
export type Figures = Readonly<Record<string, Figure>>;

/** One measured value. */
export interface Figure {
  readonly value: number;
  readonly unit: "" | "MiB";
  /**
   * How much more of it may be there in the last quarter than in the first; undefined where it is only told.
   */
  readonly mayGrow?: number;
}

/** Where a soak takes place: one guest, one attachment, whatever stands between. */
export interface SoakTarget {
  /** Buses that a move may name; the last is where an attachment stands whose program names none. */
  readonly buses: readonly string[];
  readonly weights: Weights;
  /** Attaches, or changes what is attached. */
  attach(to: SoakSet): Promise<void>;
  detach(): Promise<void>;
  /** Looks, and throws where what is there is not what the state says. */
  refresh(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Resolves when the guest is back in its firmware. */
  reset(): Promise<void>;
  /** Resolves when the guest has booted since its last reset. */
  booted(): Promise<void>;
  /** Whether an operation failed because the guest had not let go when the time was over. */
  isDeadline(error: unknown): boolean;
  /** Everything that differs from what has to be there: state, guest, host. Nothing where all is well. */
  complaints(set: SoakSet | undefined): Promise<string[]>;
  /** Processor time that the provider has used so far. */
  processorSeconds(): Promise<number>;
  /** Called only where nothing is attached and the guest has booted. */
  figures(): Promise<Figures>;
}
