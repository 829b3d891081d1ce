import { inspectHost as inspect, type InspectOptions } from "../operations/inspect";

/** What `getPciDevices` and the command line ask for; see the operation of the same name. */
export function inspectHost(
  args: unknown,
  options: Omit<InspectOptions, "environment"> = {},
): ReturnType<typeof inspect> {
  return inspect(args, { ...options, environment: process.env });
}
