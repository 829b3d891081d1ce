import { QmpError, QmpProtocolError } from "./qmp-error";

/** An answer of a monitor may be this long; query-pci of a large guest is some 100 KiB. */
export const MAX_REPLY_CHARACTERS = 2 * 1024 * 1024;

/**
 * QEMU's own limit for what it reads (MAX_NESTING in qobject/json-streamer.c); its answers stay far below.
 */
export const MAX_REPLY_DEPTH = 1024;

/**
 * The value of `return` in one answer of the monitor.
 *
 * @throws QmpError for an `error` answer, QmpProtocolError for anything else.
 */
export function parseQmpReply(text: string): unknown {
  return resultOf(parseQmpMessage(text));
}

/**
 * One message of the monitor: an answer, an event or its greeting. @throws QmpProtocolError where it is none.
 */
export function parseQmpMessage(text: string): Readonly<Record<string, unknown>> {
  if (text.length > MAX_REPLY_CHARACTERS)
    throw new QmpProtocolError(`an answer of ${text.length} characters is too long`);
  return parseObject(text);
}

/** What an answer says. @throws QmpError for an `error` answer, QmpProtocolError for anything else. */
export function resultOf(reply: Readonly<Record<string, unknown>>): unknown {
  if (Object.hasOwn(reply, "return")) return reply["return"];
  const error = reply["error"];
  if (!isRecord(error)) throw new QmpProtocolError("an answer has neither return nor error");
  throw new QmpError(textOf(error["class"], "GenericError"), textOf(error["desc"], "no description"));
}

/** Whether a value of JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseObject(text: string): Record<string, unknown> {
  if (isDeeperThan(text, MAX_REPLY_DEPTH))
    throw new QmpProtocolError(`an answer is more than ${MAX_REPLY_DEPTH} levels deep`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new QmpProtocolError("an answer is not JSON", { cause });
  }
  if (!isRecord(value)) throw new QmpProtocolError("an answer is not an object");
  return value;
}

/** Counts brackets outside of strings, each character once; whether they match is the parser's business. */
function isDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at++) {
    const one = json[at];
    if (one === '"') isInString = !isInString;
    else if (isInString && one === "\\") at += 1;
    else if (isInString) continue;
    else if (one === "[" || one === "{") depth += 1;
    else if (one === "]" || one === "}") depth -= 1;
    if (depth > limit) return true;
  }
  return false;
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
