import net from "node:net";
import { setTimer } from "../async/clock";

/** Where Pulumi's engine listens for its plugins. */
export interface EngineAddress {
  readonly host: string;
  readonly port: number;
}

/** Between two attempts to connect. */
const RETRY_MS = 1000;
/** In a row: the second confirms the first. */
const REFUSALS_OF_A_DEAD_ENGINE = 2;

/**
 * The engine's address among the arguments of the process that Pulumi starts for dynamic providers; undefined
 * in any other process, which is not the engine's to end.
 *
 * @param argv as `process.argv`: the address comes last, after flags for logs and traces
 */
export function findEngineAddress(argv: readonly string[]): EngineAddress | undefined {
  const [, script = "", ...args] = argv;
  if (!/[\\/]cmd[\\/]dynamic-provider([\\/]index(\.js)?)?$/.test(script)) return undefined;
  return args.map(parseAddress).findLast((address) => address !== undefined);
}

/** `host:port`, an IPv6 host in brackets. */
function parseAddress(text: string): EngineAddress | undefined {
  const [, bracketed, plain, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  return host === undefined || port < 1 || port > 65535 ? undefined : { host, port };
}

/**
 * Resolves when nobody listens at the engine's address any more. A connection that ends says nothing by
 * itself, since the engine closes one that is silent for two minutes (docs/internals/pulumi.md); only a
 * connection that is refused, twice in a row, does. Keeps no process alive.
 */
export async function engineGone(address: EngineAddress): Promise<void> {
  for (let refusals = 0; refusals < REFUSALS_OF_A_DEAD_ENGINE;) {
    const wasRefused = await connectUntilClosed(address);
    refusals = wasRefused ? refusals + 1 : 0;
    if (refusals < REFUSALS_OF_A_DEAD_ENGINE)
      await new Promise<void>((resolve) => setTimer(resolve, RETRY_MS, { isBackground: true }));
  }
}

/** Connects and says nothing, until the connection has ended. @returns whether it was refused */
function connectUntilClosed(address: EngineAddress): Promise<boolean> {
  return new Promise((resolve) => {
    let wasRefused = false;
    net
      .connect({ ...address })
      .on("error", (error) => (wasRefused = isRefusal(error)))
      .on("close", () => resolve(wasRefused))
      .resume()
      .unref();
  });
}

/** A name with several addresses fails with the errors of all: one that refuses, and none that took it. */
function isRefusal(error: Error & { code?: string }): boolean {
  return error instanceof AggregateError
    ? error.errors.some((one) => isRefusal(one as Error))
    : error.code === "ECONNREFUSED";
}
