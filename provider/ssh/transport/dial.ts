import type { Duplex } from "node:stream";
import { causeText, providerError, hasCode } from "../../errors";
import { anySignal } from "../../async/abort";
import { randomFraction } from "../../async/random";
import { sleep } from "../../async/sleep";
import { withTimeLimit } from "../../async/time-limit";
import { Authentication } from "../auth/authentication";
import { ChannelRefused, socketRefusalOf, type ClientConnection } from "./connection";
import { DialFailure } from "./dial-failure";
import { hostKeyAlgorithms, hostKeyTypesFor } from "../host-key/host-key-algorithms";
import { hostKeyMismatchError, type HostKeyPolicy } from "../host-key/host-key-check";
import { hostKeySourceOf, type HostKeySource } from "../host-key/host-key-source";
import { performHandshake, type HostRole, type LoggedIn } from "./handshake";
import { identityOf, readIdentities } from "../auth/identity-files";
import { readCertificates } from "../auth/certificate";
import type { LoginKeys } from "../auth/key-attempts";
import { parsePrivateKey } from "../keys/private-key";
import type { PublicKey } from "../keys/public-key";
import { ProxyStream } from "./proxy-command";
import { openRoute } from "./socket";
import { PROGRAM_SOURCES, type SshTarget } from "../config/target";

/** A host that was logged in to. */
export interface Dialled extends LoggedIn {
  /** The key by which it has shown which host it is. */
  readonly hostKey: PublicKey;
}

/** The delay after the nth failed dial (from 0), without jitter: 0.25 s, doubling up to 10 s. */
export function dialDelayMs(failures: number): number {
  return Math.min(250 * 2 ** Math.min(failures, 10), 10_000);
}

/** One hop to log in to. */
export interface DialRequest {
  readonly target: SshTarget;
  readonly label: string;
  readonly role: HostRole;
  /** Opens (or finds again) the connection to go through; undefined for a direct dial. */
  readonly jumpHost: (() => Promise<ClientConnection>) | undefined;
  readonly signal: AbortSignal;
}

/**
 * Logs in to one hop. Dial failures are tried again with growing delay, up to `dialErrorLimit` dials in
 * all; everything else is final at once.
 *
 * @throws SSH_DIAL_FAILED, SSH_JUMP_REFUSED, SSH_KEY_UNUSABLE, SSH_HANDSHAKE_FAILED, SSH_AUTH_REFUSED,
 * SSH_HOST_KEY_*, SSH_KNOWN_HOSTS_COMMAND_FAILED, SSH_CONFIG_UNSUPPORTED, the signal's reason
 */
export async function dial(request: DialRequest): Promise<Dialled> {
  const { target, label, signal } = request;
  const { dialErrorLimit } = target;
  const keys = readKeys(target, label);
  const authentication = () => new Authentication(target, keys);
  const hostKeys = hostKeySourceOf(target, label);
  // an argument or an option that cannot be used is told before anything is dialled
  requireHostKeyTypes(hostKeys.policyNow());
  for (let failures = 0; ;) {
    try {
      return await dialOnce({ ...request, authentication, hostKeys });
    } catch (error) {
      if (!(error instanceof DialFailure)) throw error;
      failures += 1;
      if (dialErrorLimit >= 0 && failures >= dialErrorLimit) {
        throw providerError(
          "SSH_DIAL_FAILED",
          { target: label, attempts: failures, reason: error.message, cure: error.cure },
          error,
        );
      }
      // Up to a quarter more, so that many programs do not come back in step.
      await sleep(dialDelayMs(failures - 1) * (1 + randomFraction() / 4), signal);
    }
  }
}

/** A key that was given stands for the files that OpenSSH would try. @throws SSH_KEY_UNUSABLE */
function readKeys(target: SshTarget, label: string): LoginKeys {
  const { privateKey: text, privateKeyPassword: passphrase, identityFiles = [] } = target;
  const { privateKey: source, privateKeyPassword: passphraseSource } = target.sources ?? PROGRAM_SOURCES;
  const certificates = readCertificates(target.certificateFiles ?? []);
  if (text === undefined)
    return { privateKey: undefined, identities: readIdentities(identityFiles, passphrase), certificates };
  const privateKey = parsePrivateKey({ text, source, passphrase, passphraseSource }, label);
  return { privateKey, identities: (target.spareKeys ?? []).map(identityOf), certificates };
}

async function openThrough(
  jumpHost: ClientConnection,
  { target, label }: DialOnce,
  signal: AbortSignal,
): Promise<Duplex> {
  try {
    return await jumpHost.openTcp(target.host, target.port, signal);
  } catch (error) {
    if (error instanceof ChannelRefused && error.isForbidden) {
      throw providerError(
        "SSH_JUMP_REFUSED",
        { target: label, jumpHost: jumpHost.label, reason: socketRefusalOf(error).reason },
        error,
      );
    }
    if (error instanceof ChannelRefused || hasCode(error, "SSH_CONNECTION_LOST")) {
      const reason = error instanceof ChannelRefused ? socketRefusalOf(error).reason : causeText(error);
      throw new DialFailure(`seen from ${jumpHost.label}: ${reason}`, { cause: error });
    }
    throw error;
  }
}

interface DialOnce extends DialRequest {
  readonly authentication: () => Authentication;
  readonly hostKeys: HostKeySource;
}

/** Which keys a host was asked for in one dial, and which it has shown. */
interface AskedKeys {
  readonly policy: HostKeyPolicy;
  readonly policyNow: () => HostKeyPolicy;
  readonly types: readonly string[];
  readonly received: readonly PublicKey[];
}

/** One dial: the host is asked for other keys as long as {@link otherKeyTypes} names some. */
async function dialOnce(options: DialOnce): Promise<Dialled> {
  const { hostKeys, signal } = options;
  await hostKeys.ask(undefined, signal);
  const policy = hostKeys.policyNow();
  const received: PublicKey[] = [];
  let types: readonly string[] = hostKeyTypesFor(policy);
  for (;;) {
    try {
      const loggedIn = await withinDialTime(options, (dialSignal, socket) =>
        performHandshake({
          label: options.label,
          role: options.role,
          user: options.target.user,
          socket,
          authentication: options.authentication(),
          hostKeyAlgorithms: hostKeyAlgorithms(types, policy),
          hostKeys,
          onHostKey: (key) => void received.push(key),
          dialSignal,
          signal,
        }),
      );
      // the last that was judged is the one that the host has proved to hold
      const hostKey = received.at(-1);
      if (hostKey === undefined) throw new Error("a handshake without a host key");
      return { ...loggedIn, hostKey };
    } catch (error) {
      const policyNow = (): HostKeyPolicy => hostKeys.policyNow();
      types = otherKeyTypes(error, { policy, policyNow, types, received });
    }
  }
}

/** @throws SSH_HOST_KEY_NOT_ALLOWED where there is no type of key to ask a host for */
function requireHostKeyTypes(policy: HostKeyPolicy): void {
  if (hostKeyTypesFor(policy).length > 0) return;
  const { label: target, algorithms = [] } = policy;
  const reason = `HostKeyAlgorithms allows ${algorithms.join(",")} alone, and this provider can verify none of them`;
  throw providerError("SSH_HOST_KEY_NOT_ALLOWED", { target, reason });
}

/**
 * The types of keys to ask the host for next. A fingerprint does not say of which type its key is: if the
 * host shows another key than the expected one, it is asked for its keys of the other types before this
 * counts as a mismatch. Likewise if known_hosts has learnt a key of another type since the host was asked.
 *
 * @throws SSH_HOST_KEY_MISMATCH if there are no other types, or the error itself if other types are no answer
 * to it
 */
function otherKeyTypes(error: unknown, { policy, policyNow, types, received }: AskedKeys): readonly string[] {
  const isByFingerprint = policy.expected.some(({ kind }) => kind === "fingerprint");
  const isMismatch = hasCode(error, "SSH_HOST_KEY_MISMATCH");
  const [first] = hostKeyTypesFor(policyNow());
  if (isMismatch && !isByFingerprint && first !== types[0] && first !== undefined)
    return [first, ...types.filter((type) => type !== first)];
  const hasNoMoreKeys =
    hasCode(error, "SSH_ALGORITHMS_DIFFER") && /host key format/.test(causeText((error as Error).cause));
  if (hasNoMoreKeys && received.length === 0 && isLimited(policy)) {
    const reason = `it has no key of those that HostKeyAlgorithms allows: ${policy.algorithms?.join(",")}`;
    throw providerError("SSH_HOST_KEY_NOT_ALLOWED", { target: policy.label, reason }, error);
  }
  if (!isByFingerprint || received.length === 0) throw error;
  if (!isMismatch && !hasNoMoreKeys) throw error;
  const others = types.filter((type) => received.every((key) => key.type !== type));
  if (hasNoMoreKeys || others.length === 0) throw hostKeyMismatchError(policy, received);
  return others;
}

/** Whether HostKeyAlgorithms leaves out keys that could be verified here. */
function isLimited(policy: HostKeyPolicy): boolean {
  const { algorithms, ...unlimited } = policy;
  return (
    algorithms !== undefined &&
    hostKeyAlgorithms(hostKeyTypesFor(policy), policy).length <
      hostKeyAlgorithms(hostKeyTypesFor(unlimited), {}).length
  );
}

/** Bounds opening and key exchange by `perDialTimeoutSeconds`; the jump host has had its own time. */
async function withinDialTime(
  options: DialOnce,
  shake: (dialSignal: AbortSignal, socket: Duplex) => Promise<LoggedIn>,
): Promise<LoggedIn> {
  const { signal, target } = options;
  const jumpHost = await options.jumpHost?.();
  const seconds = target.perDialTimeoutSeconds;
  const dialMs = seconds > 0 ? seconds * 1000 : Infinity;
  let opened: Duplex | undefined;
  const dialOver = async (timeOver: AbortSignal): Promise<LoggedIn> => {
    const ended = anySignal(signal, timeOver);
    const socket =
      jumpHost === undefined
        ? await openRoute(target, ended, dialMs)
        : await openThrough(jumpHost, options, ended);
    opened = socket;
    return shake(timeOver, socket);
  };
  const reason = (): Error => {
    const words = opened instanceof ProxyStream ? opened.words : "";
    return new DialFailure(`no answer within ${seconds} s${words && `; ProxyCommand says: ${words}`}`);
  };
  return withTimeLimit(dialMs, dialOver, reason);
}
