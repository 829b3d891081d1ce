import { printable } from "../../errors";

/** A name of the host's or the guest's for a report: printable, and null if there is none. */
export function nameOf(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : printable(text);
}
