import * as z from "zod";

/** What is told of an argument beside its shape, which the schema says itself. Texts are Markdown. */
export interface ArgumentFacts {
  /** What it is for, in sentences; the first stands by itself. */
  readonly description: string;
  /** What counts if it is left out; nothing where there is no such thing. */
  readonly default?: string;
  readonly unit?: "seconds" | "attempts";
  /** When it is refused beside values of another shape; continues "Refused: ". */
  readonly refused?: string;
  /** Whether it is a credential: no message, log or state shows it. */
  readonly secret?: boolean;
  /**
   * What an update does when it has changed: "replace" where it leads to another host or guest, else no
   * device is touched; "replug" the guest loses the functions and gets the new ones; "in place" the guest
   * notices nothing.
   */
  readonly onChange?: "replace" | "replug" | "in place";
  /** Whether the package computes it, so that no program gives it. */
  readonly computed?: boolean;
}

/** What is told of an object with fields of its own. */
export interface ObjectFacts {
  /** The SDK has its type by this name, of arguments with `Args` behind it. */
  readonly name: string;
  /** What it is, in sentences; the first stands by itself. */
  readonly description: string;
}

/** Facts of each argument, by its place in the schema. */
export const argumentFacts = z.registry<ArgumentFacts>();

/** Facts of each object. */
export const objectFacts = z.registry<ObjectFacts>();

/** What is told of an output beside its shape. Texts are Markdown. */
export interface OutputFacts {
  /** What it is, in sentences; the first stands by itself. */
  readonly description: string;
  /** Whether a change of it is no difference, so that no update follows from it. */
  readonly informational?: boolean;
}

/** Facts of each output, by its place in the schema of the state. */
export const outputFacts = z.registry<OutputFacts>();
