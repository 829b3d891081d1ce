import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { GetPciDevicesArgs } from "../sdk/nodejs";

/** What the command line asks for. */
export type Command =
  | { readonly kind: "help" | "version" }
  | {
      readonly kind: "inspect";
      readonly args: GetPciDevicesArgs;
      readonly isJson: boolean;
      readonly withBridges: boolean;
      /** `DDDD:BB:DD` */
      readonly device?: string;
    };

/** A command line that cannot be used; the message says how to do better. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Connection = GetPciDevicesArgs["connection"];

const OPTIONS = {
  guest: { type: "string" },
  uri: { type: "string" },
  "qmp-socket": { type: "string" },
  privilege: { type: "string" },
  device: { type: "string" },
  all: { type: "boolean" },
  json: { type: "boolean" },
  port: { type: "string", short: "p" },
  "identity-file": { type: "string", short: "i" },
  "known-hosts": { type: "string" },
  "host-key": { type: "string" },
  "strict-host-key-checking": { type: "string" },
  jump: { type: "string", short: "J" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean" },
} as const;

/** @throws UsageError; what only the provider can judge (a host name, a URI) is left to it */
export function parseCommand(words: readonly string[]): Command {
  const { values, positionals } = parseWords(words);
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const [verb, place, ...more] = positionals;
  if (verb === undefined) throw new UsageError("a command is missing; it is inspect");
  if (verb !== "inspect") throw new UsageError(`there is no command ${JSON.stringify(verb)}; it is inspect`);
  if (place === undefined) throw new UsageError("inspect takes a host: [USER@]HOST");
  if (more.length > 0)
    throw new UsageError(`inspect takes one host; ${JSON.stringify(more[0])} is one too many`);
  const { guest, uri, privilege, device } = values;
  const socket = values["qmp-socket"];
  const fields = { domain: guest, uri, qmpSocket: socket, privilege };
  const hasGuest = Object.values(fields).some((value) => value !== undefined);
  return {
    kind: "inspect",
    args: {
      connection: connectionOf(place, values),
      ...(hasGuest && { guest: given(fields) }),
    },
    isJson: values.json === true,
    withBridges: values.all === true,
    ...(device !== undefined && { device: deviceOf(device) }),
  };
}

function deviceOf(text: string): string {
  const [, domain = "", slot] =
    /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[01][0-9a-f])$/.exec(text.toLowerCase()) ?? [];
  if (slot === undefined)
    throw new UsageError(
      `--device is ${JSON.stringify(text)}; use the slot of a device, such as 0000:01:00 (without function)`,
    );
  return `${domain.replace(/^0+/, "").padStart(4, "0")}:${slot}`;
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

type Values = ReturnType<typeof parseWords>["values"];

function connectionOf(place: string, values: Values): Connection {
  const keyFile = values["identity-file"];
  return {
    ...splitPlace(place, "host"),
    ...given({
      port: values.port === undefined ? undefined : numberOf(values.port, "--port"),
      privateKey: keyFile === undefined ? undefined : readKey(keyFile),
      knownHostsFile: values["known-hosts"],
      hostKey: values["host-key"],
      strictHostKeyChecking: values["strict-host-key-checking"],
    }),
    ...proxyOf(values.jump),
  };
}

/** Jump hosts nest: the last one is spoken to by the host's own connection. */
function proxyOf(jump: string | undefined): { readonly proxy?: Connection } {
  if (jump === undefined) return {};
  return jump
    .split(",")
    .reduce<{ readonly proxy?: Connection }>(
      (before, one) => ({ proxy: { ...splitPlace(one, "jump host"), ...before } }),
      {},
    );
}

/**
 * `[USER@]HOST`, of a jump host `[USER@]HOST[:PORT]`; an IPv6 address in brackets, or as it is where no port
 * follows.
 */
function splitPlace(text: string, what: "host" | "jump host"): Pick<Connection, "host" | "user" | "port"> {
  const at = text.lastIndexOf("@");
  const user = at < 0 ? undefined : text.slice(0, at);
  const place = text.slice(at + 1);
  const [, bracketed, bare, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(place) ?? [];
  const host = bracketed ?? bare ?? place;
  if (host === "" || user === "")
    throw new UsageError(`${JSON.stringify(text)} is no ${what}; use [USER@]HOST`);
  if (port !== undefined && what === "host")
    throw new UsageError(`${JSON.stringify(text)} has a port; use --port ${port}`);
  return {
    host,
    ...(user !== undefined && { user }),
    ...(port !== undefined && { port: numberOf(port, what) }),
  };
}

function numberOf(text: string, what: string): number {
  if (!/^\d{1,5}$/.test(text))
    throw new UsageError(`${what} is ${JSON.stringify(text)}; use a number from 1 to 65535`);
  return Number(text);
}

function readKey(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--identity-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function given<T>(fields: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
