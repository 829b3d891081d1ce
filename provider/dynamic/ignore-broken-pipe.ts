import type { Writable } from "node:stream";

/**
 * Lets the process go on when nobody reads its output any more. A `pulumi` that was killed leaves its
 * provider with a broken pipe; without a listener, the handler of uncaught exceptions in Pulumi's SDK writes
 * to the broken pipe again, for ever, and the operation under way never ends (docs/internals/pulumi.md).
 */
export function ignoreBrokenPipe(...streams: readonly Writable[]): void {
  for (const stream of streams) stream.on("error", () => undefined);
}
