import type { z } from "zod";
import { findPciAddress, findPciSlotAddress } from "../../pci";
import { attachmentSchema, type AttachmentInputs } from "./attachment-schema";
import { findQuote, findTypeWord, isQuotableName, reportedProperty, type Path } from "./quoting";
import { UNKNOWN_VALUE } from "./unknown";

/** One thing wrong with the input. */
export interface InputFailure {
  /** Path of the argument, e.g. `functionMap[1].guestFunction`; empty for an unknown argument. */
  readonly property: string;
  /** What is wrong, the value (never of a credential) and the cure. */
  readonly reason: string;
}

/** Judgements on credentials that need a cryptographic library; each says what is wrong, or undefined. */
export interface CredentialChecks {
  /** @param privateKey - undefined: the one that is used where the program gives none, if there is one. */
  findPrivateKeyProblem(privateKey: string | undefined, password: string | undefined): string | undefined;
  /** @param connection - the one that it is an argument of, as it was given */
  findHostKeyProblem(hostKey: string, connection: Readonly<Record<string, unknown>>): string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Everything that is wrong with the inputs, at once, before any connection. Values that a preview does not
 * know yet pass at every depth.
 */
export function findInputFailures(inputs: Fields, checks: CredentialChecks): InputFailure[] {
  const result = attachmentSchema.safeParse(inputs);
  const issues = result.success ? [] : result.error.issues;
  const failures = issues
    .filter((issue) => !isUnknownAt(inputs, issue.path))
    .flatMap((issue) => explain(inputs, issue));
  return [
    ...failures,
    ...findGuestFailures(inputs),
    ...findSelectionFailures(inputs),
    ...findCredentialFailures(inputs["connection"], checks),
  ];
}

/** The same inputs in one spelling: PCI addresses long and in lower case. Defaults are not filled in. */
export function normaliseInputs<T extends Fields>(inputs: T): T {
  const device = inputs["device"];
  const map = inputs["functionMap"];
  return {
    ...inputs,
    ...(typeof device === "string" && { device: findPciSlotAddress(device) ?? device }),
    ...(Array.isArray(map) && { functionMap: map.map(normaliseMapping) }),
  };
}

/** @throws TypeError where the inputs did not pass check; they come from Pulumi's state or from check itself. */
export function parseCheckedInputs(inputs: Fields): AttachmentInputs {
  const known = Object.fromEntries(
    Object.keys(attachmentSchema.shape).flatMap((key) =>
      inputs[key] === undefined || inputs[key] === null ? [] : [[key, inputs[key]]],
    ),
  );
  const result = attachmentSchema.safeParse(normaliseInputs(known));
  if (result.success) return result.data;
  const paths = result.error.issues.map((issue) => pathText(issue.path)).join(", ");
  throw new TypeError(`the stored arguments cannot be read: ${paths}`);
}

function normaliseMapping(entry: unknown): unknown {
  if (!isFields(entry) || typeof entry["hostAddress"] !== "string") return entry;
  return { ...entry, hostAddress: findPciAddress(entry["hostAddress"]) ?? entry["hostAddress"] };
}

function explain(inputs: Fields, issue: z.core.$ZodIssue): InputFailure[] {
  if (issue.code === "unrecognized_keys") return explainUnknown(issue.keys, issue.path);
  const path = pathText(issue.path);
  const value = valueAt(inputs, issue.path);
  const property = reportedProperty(path, value);
  if (value === undefined || value === null)
    return [{ property, reason: `${path} is missing; ${issue.message}` }];
  if (value === "") return [{ property, reason: `${path} is empty; ${issue.message}` }];
  const quoted = findQuote(value, issue.path);
  const typeWord = findTypeWord(value);
  const unquoted = typeWord === undefined ? "is not valid" : `is not valid: ${typeWord}`;
  return [
    {
      property,
      reason: `${path} ${quoted === undefined ? unquoted : `is ${quoted}`}; ${issue.message}`,
    },
  ];
}

function explainUnknown(keys: readonly string[], path: Path): InputFailure[] {
  const place = pathText(path);
  const where = path.length === 0 ? "" : ` in ${place}`;
  const known = knownKeys(path);
  const takes = `it takes ${known.join(", ")}`;
  const isShown = (key: string): boolean => isQuotableName(key, path, known);
  const shown = keys.filter(isShown).map((key) => ({
    property: path.length === 0 ? "" : `${place}.${key}`,
    reason: `unknown argument ${JSON.stringify(key)}${where}; ${takes}`,
  }));
  if (shown.length === keys.length) return shown;
  // the name of a field that there is stands for that of the field which is not shown
  const property = path.length === 0 ? "" : `${place}.${known[0] ?? ""}`;
  const reason = `unknown argument${where}, of which the name may be a credential and is not shown; ${takes}`;
  return [...shown, { property, reason }];
}

/** A guest is libvirt's, or a QEMU that is reached by its monitor's socket; each has arguments of its own. */
function findGuestFailures({ guest, persistent }: Fields): InputFailure[] {
  if (!isFields(guest)) return [];
  const { domain, uri, qmpSocket, privilege } = guest;
  const failures: InputFailure[] = [];
  const add = (property: string, reason: string): void => void failures.push({ property, reason });
  if (!isGiven(domain) && !isGiven(qmpSocket))
    add(
      "guest.domain",
      "guest.domain is missing; use the name or UUID of a libvirt domain, or guest.qmpSocket for a QEMU without libvirt",
    );
  if (isGiven(domain) && isGiven(qmpSocket))
    add("guest.qmpSocket", "guest.qmpSocket and guest.domain exclude each other; leave one of them out");
  if (isGiven(qmpSocket) && isGiven(uri))
    add("guest.uri", "guest.uri is of libvirt, and guest.qmpSocket is not; leave one of them out");
  if (!isGiven(qmpSocket) && isGiven(privilege))
    add(
      "guest.privilege",
      "guest.privilege is for guest.qmpSocket only; leave it out, libvirt needs no root",
    );
  if (typeof qmpSocket === "string" && /^\/(?:var\/lib|(?:var\/)?run)\/libvirt\//.test(qmpSocket))
    add(
      "guest.qmpSocket",
      `guest.qmpSocket is ${JSON.stringify(qmpSocket)}, a monitor of libvirt's; name the guest in guest.domain`,
    );
  if (isGiven(qmpSocket) && persistent === true)
    add(
      "persistent",
      "persistent is true, but without libvirt a guest has no configuration; leave persistent out",
    );
  return failures;
}

/** Rules over several fields; each looks only at what is there and of the right type. */
function findSelectionFailures(inputs: Fields): InputFailure[] {
  const failures: InputFailure[] = [];
  const { device, functions, functionMap } = inputs;
  if (isGiven(functionMap) && isGiven(device))
    failures.push({
      property: "functionMap",
      reason: "functionMap and device exclude each other; leave one of them out",
    });
  if (isGiven(functionMap) && isGiven(functions))
    failures.push({
      property: "functions",
      reason: "functionMap and functions exclude each other; leave one of them out",
    });
  if (!isGiven(functionMap) && !isGiven(device))
    failures.push({
      property: "device",
      reason: 'device is missing; use the slot of a host device, such as "0000:01:00", or functionMap',
    });
  if (Array.isArray(functions))
    for (const twice of repeated(functions as unknown[]))
      failures.push({
        property: "functions",
        reason: `functions names ${JSON.stringify(twice)} twice; name each function once`,
      });
  if (Array.isArray(functionMap)) failures.push(...findMapFailures(functionMap));
  return failures;
}

function findMapFailures(map: readonly unknown[]): InputFailure[] {
  const entries = map.filter(isFields);
  const failure = (reason: string): InputFailure => ({ property: "functionMap", reason });
  const failures: InputFailure[] = [];
  const addresses = entries.flatMap((entry) => {
    const text = entry["hostAddress"];
    return typeof text === "string" ? (findPciAddress(text) ?? []) : [];
  });
  const numbers = entries.map((entry) => entry["guestFunction"]).filter((one) => typeof one === "number");
  for (const twice of repeated(addresses))
    failures.push(failure(`functionMap names host function ${twice} twice; name each once`));
  for (const twice of repeated(numbers))
    failures.push(
      failure(`functionMap gives guest function ${twice} to two functions; give each its own number`),
    );
  for (const [index, entry] of map.entries())
    if (isFields(entry) && isRomWithoutBar(entry))
      failures.push({
        property: `functionMap[${index}].romFile`,
        reason: `functionMap[${index}].romFile needs a ROM BAR, without which QEMU plugs no ROM; leave romBar or romFile out`,
      });
  const allKnown = numbers.length === map.length;
  if (map.length > 0 && allKnown && !numbers.includes(0))
    failures.push(
      failure(
        "functionMap has no guest function 0, without which a guest sees none of the others; give one of them 0",
      ),
    );
  return failures;
}

function isRomWithoutBar({ romFile, romBar }: Fields): boolean {
  return romBar === false && typeof romFile === "string" && romFile !== UNKNOWN_VALUE;
}

function findCredentialFailures(
  connection: unknown,
  checks: CredentialChecks,
  path = "connection",
): InputFailure[] {
  if (!isFields(connection)) return [];
  const { privateKey, privateKeyPassword, hostKey, proxy } = connection;
  const failures: InputFailure[] = [];
  const isKnown = (value: unknown): value is string =>
    typeof value === "string" && value !== "" && value !== UNKNOWN_VALUE;
  // that of the configuration or the environment is told of once, not of each jump host
  const isElsewhere = !isGiven(privateKey) && path === "connection";
  if ((isKnown(privateKey) || isElsewhere) && privateKeyPassword !== UNKNOWN_VALUE) {
    const password = typeof privateKeyPassword === "string" ? privateKeyPassword : undefined;
    const problem = checks.findPrivateKeyProblem(isKnown(privateKey) ? privateKey : undefined, password);
    if (problem !== undefined)
      failures.push({ property: `${path}.privateKey`, reason: `${path}.privateKey ${problem}` });
  }
  if (isKnown(hostKey)) {
    const problem = checks.findHostKeyProblem(hostKey, connection);
    if (problem !== undefined)
      failures.push({ property: `${path}.hostKey`, reason: `${path}.hostKey ${problem}` });
  }
  return [...failures, ...findCredentialFailures(proxy, checks, `${path}.proxy`)];
}

function isUnknownAt(inputs: unknown, path: Path): boolean {
  let current: unknown = inputs;
  for (const key of path) {
    if (current === UNKNOWN_VALUE) return true;
    if (typeof current !== "object" || current === null) return false;
    current = (current as Record<PropertyKey, unknown>)[key];
  }
  return current === UNKNOWN_VALUE;
}

function valueAt(inputs: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    inputs,
  );
}

/** `functionMap[1].guestFunction` */
function pathText(path: Path): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}

const topLevelKeys = Object.keys(attachmentSchema.shape).filter((key) => key !== "ownerToken");
const nestedKeys: Readonly<Record<string, readonly string[]>> = {
  guest: Object.keys(attachmentSchema.shape.guest.shape),
  guestSlot: Object.keys(attachmentSchema.shape.guestSlot.unwrap().shape),
  timeouts: Object.keys(attachmentSchema.shape.timeouts.unwrap().shape),
  functionMap: ["hostAddress", "guestFunction", "romFile", "romBar"],
};
const connectionKeys = (
  "host port user password privateKey privateKeyPassword agentSocketPath dialErrorLimit perDialTimeout " +
  "hostKey knownHostsFile strictHostKeyChecking proxy"
).split(" ");

function knownKeys(path: Path): readonly string[] {
  const [first] = path;
  if (first === undefined) return topLevelKeys;
  return nestedKeys[String(first)] ?? connectionKeys;
}

function repeated<T>(values: readonly T[]): T[] {
  return [
    ...new Set(values.filter((value, index) => value !== UNKNOWN_VALUE && values.indexOf(value) !== index)),
  ];
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
