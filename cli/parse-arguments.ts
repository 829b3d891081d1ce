import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { GetPciDevicesArgs } from "../sdk/nodejs";
import { slotOf } from "./device";
import { hostRulesOf, type HostRules } from "./host-rules";
import { numberOf, splitPlace } from "./place";
import { UsageError } from "./usage-error";

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
    }
  | { readonly kind: "host-rules"; readonly rules: HostRules }
  | {
      readonly kind: "record";
      readonly args: GetPciDevicesArgs;
      /** Where the recording is written. */
      readonly file: string;
    };

type Connection = GetPciDevicesArgs["connection"];

const OPTIONS = {
  guest: { type: "string" },
  uri: { type: "string" },
  "qmp-socket": { type: "string" },
  privilege: { type: "string" },
  device: { type: "string", multiple: true },
  all: { type: "boolean" },
  json: { type: "boolean" },
  port: { type: "string", short: "p" },
  "identity-file": { type: "string", short: "i" },
  "known-hosts": { type: "string" },
  "host-key": { type: "string" },
  "strict-host-key-checking": { type: "string" },
  jump: { type: "string", short: "J" },
  help: { type: "boolean", short: "h" },
  account: { type: "string" },
  look: { type: "boolean" },
  version: { type: "boolean" },
} as const;

/** Of `host-rules`, which connects to nothing; those that it has alone come first. */
const OWN_OPTIONS: readonly string[] = ["account", "look"];
const HOST_RULES_OPTIONS: readonly string[] = [...OWN_OPTIONS, "qmp-socket", "device"];

/** Those that say how a host is reached. */
const CONNECTION_OPTIONS: readonly string[] = [
  ...(["port", "identity-file", "known-hosts", "host-key", "strict-host-key-checking", "jump"] as const),
];

/** @throws UsageError; what only the provider can judge (a host name, a URI) is left to it */
export function parseCommand(words: readonly string[]): Command {
  const { values, positionals } = parseWords(words);
  if (values.help) return { kind: "help" };
  if (values.version) return { kind: "version" };
  const [verb, place, ...more] = positionals;
  if (verb === undefined) throw new UsageError(`a command is missing; it is ${VERBS}`);
  if (!isVerb(verb)) throw new UsageError(`there is no command ${JSON.stringify(verb)}; it is ${VERBS}`);
  if (place === undefined) throw new UsageError(`${verb} takes a host: [USER@]HOST`);
  const file = verb === "record" ? more.shift() : undefined;
  if (more.length > 0)
    throw new UsageError(`${verb} takes one host; ${JSON.stringify(more[0])} is one too many`);
  const foreign = Object.keys(values).find((name) => !isOptionOf(verb, name));
  if (foreign !== undefined) throw new UsageError(`--${foreign} is not for ${verb}; leave it out`);
  switch (verb) {
    case "inspect":
      return inspectionOf(place, values);
    case "host-rules":
      return { kind: "host-rules", rules: hostRulesOf(place, values) };
    case "record":
      if (file === undefined || file === "")
        throw new UsageError("record takes a file to write: record HOST FILE");
      return { kind: "record", args: { connection: connectionOf(place, values) }, file };
  }
}

const VERBS = "inspect, host-rules or record";
type Verb = "inspect" | "host-rules" | "record";

function isVerb(text: string): text is Verb {
  return text === "inspect" || text === "host-rules" || text === "record";
}

function isOptionOf(verb: Verb, name: string): boolean {
  if (verb === "host-rules") return HOST_RULES_OPTIONS.includes(name);
  return verb === "record" ? CONNECTION_OPTIONS.includes(name) : !OWN_OPTIONS.includes(name);
}

function inspectionOf(place: string, values: Values): Command {
  const { guest, uri, privilege } = values;
  const device = values.device?.at(-1);
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
    ...(device !== undefined && { device: slotOf(device) }),
  };
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
