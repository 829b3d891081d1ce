import * as z from "zod";

/* Each takes the cure: what a message says of a wrong value, in words that follow "…;". */

/** A text; not an empty one, if nothing else is said. */
export const text = (
  cure: string,
  isValid: (value: string) => boolean = (value) => value !== "",
): z.ZodString => z.string({ error: cure }).refine(isValid, { error: cure });

/** A whole number within bounds. */
export const whole = (cure: string, minimum: number, maximum: number): z.ZodInt =>
  z.int({ error: cure }).min(minimum, { error: cure }).max(maximum, { error: cure });

/** True or false. */
export const yesOrNo = (): z.ZodBoolean => z.boolean({ error: "use true or false" });

/** How long an operation may take. */
export const seconds = (): z.ZodNumber => {
  const cure = "use a number of seconds from 1 to 86400";
  return z.number({ error: cure }).min(1, { error: cure }).max(86400, { error: cure });
};

/** What is said of an object that is none. */
export const addFields = "use an object with the documented fields";

/** Whether a text has neither blanks nor control characters. */
export const isOneLine = (value: string): boolean => /^[^\s\p{Cc}]+$/u.test(value);

/**
 * Whether a path has nothing that a shell, socat or sudo would take for more, and no more than the kernel
 * takes.
 */
export const isSocketPath = (value: string): boolean =>
  /^(?:\/[A-Za-z0-9._@+=-]+)+$/.test(value) && !/\/\.\.?(?:\/|$)/.test(value) && value.length <= 107;

/** Whether a path is absolute; what XML does not allow, and line ends, would make another path of it. */
export const isAbsolutePath = (value: string): boolean => /^\/[^\p{Cc}\p{Cs}\ufffe\uffff]+$/u.test(value);
