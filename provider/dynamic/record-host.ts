import type { InspectOptions } from "../operations/inspect";
import { recordHost as record } from "../operations/record";

/** What the command line asks for; see the operation of the same name. */
export function recordHost(
  args: unknown,
  options: Omit<InspectOptions, "environment"> = {},
): ReturnType<typeof record> {
  return record(args, { ...options, environment: process.env });
}
