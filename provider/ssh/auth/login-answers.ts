import type { Client } from "ssh2";

/** As far as it is known here how ssh2 1.17 hands on a refusal (RFC 4252 section 5.1). */
interface Answered {
  _protocol?: {
    _handlers?: {
      USERAUTH_FAILURE?: (protocol: unknown, methods: readonly string[], isPartial: boolean) => void;
    };
  };
}

/**
 * Tells of each refusal of a login method, before ssh2 goes on. By itself ssh2 hands on no partial success of
 * an agent's key, and the last one it handed on again where an agent has failed.
 *
 * @returns whether this ssh2 is made so
 */
export function watchLoginAnswers(
  client: Client,
  onRefused: (methods: readonly string[], isPartial: boolean) => void,
): boolean {
  const handlers = (client as unknown as Answered)._protocol?._handlers;
  const handOn = handlers?.USERAUTH_FAILURE;
  if (handlers === undefined || handOn === undefined) return false;
  handlers.USERAUTH_FAILURE = (protocol, methods, isPartial) => {
    onRefused(methods, isPartial);
    handOn(protocol, methods, isPartial);
  };
  return true;
}
