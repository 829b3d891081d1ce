import type { AnnouncedStep } from "./gate";

/** Arguments of the attachment, its connection left out. */
export type Arguments = Readonly<Record<string, unknown>>;

/** One operation that is disturbed: it leads from one set of arguments to another. */
export interface Operation {
  readonly name: "create" | "shrink" | "grow" | "move" | "delete";
  /** Undefined where there is nothing before, or nothing after. */
  readonly before?: Arguments;
  readonly after?: Arguments;
}

const whole: Arguments = { device: "0000:01:00", functions: [0, 1, 2, 3] };
const partial: Arguments = { ...whole, functions: [0, 2], leftovers: "hold" };
const moved: Arguments = { ...whole, guestSlot: { bus: "pci.7" } };

/** In an order in which each can start where one before it has ended. */
export const operations: readonly Operation[] = [
  { name: "create", after: whole },
  { name: "shrink", before: whole, after: partial },
  { name: "grow", before: partial, after: whole },
  { name: "move", before: whole, after: moved },
  { name: "delete", before: whole },
];

/** A step of an operation's plan, as the provider announced it in an undisturbed run. */
export interface RecordedStep extends AnnouncedStep {
  /** Number of the last step that is begun together with this one. */
  readonly begunUpTo: number;
}

/** First word of a step's text: what kind of step it is. */
export function verbOf(step: AnnouncedStep): string {
  return step.text.split(" ")[0] ?? "";
}
