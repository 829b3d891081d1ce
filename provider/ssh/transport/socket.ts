import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import { networkInterfaces } from "node:os";
import type { Duplex } from "node:stream";
import type { Route } from "../config/route";
import type { SshTarget } from "../config/target";
import { DialFailure, describeSocketError } from "./dial-failure";
import { addressesOf, answerWith, attemptMsFor, type Address } from "./addresses";
import { openProxyCommand } from "./proxy-command";
import { abortReason, anySignal, onAbort, untilAborted } from "../../async/abort";
import { withTimeLimit } from "../../async/time-limit";

/**
 * Opens the connection to a host that is reached without a jump host.
 *
 * @param dialMs what the whole dial may take, by which the share is measured; Infinity for no limit
 * @throws DialFailure; the signal's reason
 */
export async function openRoute(
  { host, port, route }: SshTarget,
  signal: AbortSignal,
  dialMs = Infinity,
): Promise<Duplex> {
  if (signal.aborted) throw abortReason(signal);
  if (route?.proxyCommand !== undefined) return openProxyCommand(route.proxyCommand, signal);
  if (route !== undefined) return openOneOf(await endsOf(host, route, signal), { port, dialMs }, signal);
  const found = await lookUp(host, signal);
  const options = {
    ...{ host, port, lookup: answerWith(found) },
    // Node's default of 250 ms ends attempts over slow links that would have succeeded.
    autoSelectFamilyAttemptTimeout: attemptMsFor(dialMs, found.length),
  };
  return openTcp(options, signal);
}

/** Both ends of an attempt: the host's address, and this machine's where it is chosen. */
interface Ends {
  readonly address: string;
  readonly localAddress?: string;
}

/** One attempt after the other, as OpenSSH makes them (sshconnect.c: ssh_connect_direct). */
async function openOneOf(
  all: readonly Ends[],
  { port, dialMs }: { readonly port: number; readonly dialMs: number },
  signal: AbortSignal,
): Promise<Socket> {
  const failures: string[] = [];
  for (const [index, { address, localAddress }] of all.entries()) {
    const ends = { host: address, port, ...(localAddress !== undefined && { localAddress }) };
    const attempt = (timeOver: AbortSignal): Promise<Socket> => openTcp(ends, anySignal(signal, timeOver));
    const isLast = index === all.length - 1;
    try {
      return await withTimeLimit(
        isLast ? Infinity : attemptMsFor(dialMs, all.length),
        attempt,
        () => new DialFailure(`no answer of ${address}`),
      );
    } catch (error) {
      if (!(error instanceof DialFailure)) throw error;
      const from = localAddress === undefined ? "" : ` from ${localAddress}`;
      failures.push(`${error.message}${from}`);
    }
  }
  throw new DialFailure(failures.join(", "));
}

/** The host's addresses of the family that is usable, each with this machine's end of the same family. */
async function endsOf(host: string, route: Route, signal: AbortSignal): Promise<readonly Ends[]> {
  const all = await lookUp(host, signal);
  const { addressFamily } = route;
  const usable = all.filter(({ family }) => addressFamily === undefined || family === addressFamily);
  const word = addressFamily === 6 ? "inet6" : "inet";
  if (usable.length === 0) throw new DialFailure(`${host} has no address of AddressFamily ${word}`);
  if (route.bindAddress === undefined && route.bindInterface === undefined) return usable;
  const own = await ownAddressesOf(route, signal);
  const ends = usable.flatMap(({ address, family }) => {
    const end = own.find((one) => one.family === family);
    return end === undefined ? [] : [{ address, localAddress: end.address }];
  });
  if (ends.length > 0) return ends;
  const option = route.bindAddress === undefined ? "BindInterface" : "BindAddress";
  const value = route.bindAddress ?? route.bindInterface;
  throw new DialFailure(`${option} ${value} has no address of the family of ${usable[0]?.address}`);
}

async function lookUp(name: string, signal: AbortSignal): Promise<readonly Address[]> {
  return untilAborted(addressesOf(name).catch(failDial), signal);
}

/** Addresses of this machine that the connection may come from, best first. */
async function ownAddressesOf(route: Route, signal: AbortSignal): Promise<readonly Address[]> {
  if (route.bindAddress !== undefined) return lookUp(route.bindAddress, signal);
  const ofInterface = networkInterfaces()[route.bindInterface ?? ""] ?? [];
  // as OpenSSH: one that leads nowhere else is taken only where there is no other (check_ifaddrs)
  const isLocal = ({
    address,
    internal,
  }: {
    readonly address: string;
    readonly internal: boolean;
  }): boolean => internal || /^fe[89ab]/i.test(address);
  return [...ofInterface.filter((one) => !isLocal(one)), ...ofInterface.filter(isLocal)].map(
    ({ address, family }) => ({ address, family: family === "IPv6" ? 6 : 4 }),
  );
}

async function openTcp(options: TcpNetConnectOpts, signal: AbortSignal): Promise<Socket> {
  if (signal.aborted) throw abortReason(signal);
  const socket = connect({ ...options, noDelay: true });
  return new Promise((resolve, reject) => {
    const end = (error: Error): void => {
      socket.destroy();
      reject(error);
    };
    const stop = onAbort(signal, () => end(abortReason(signal)));
    socket.once("connect", () => {
      stop();
      socket.removeAllListeners("error");
      resolve(socket);
    });
    socket.once("error", (error) => {
      stop();
      end(new DialFailure(describeSocketError(error), { cause: error }));
    });
  });
}

function failDial(error: unknown): never {
  throw new DialFailure(describeSocketError(error), { cause: error });
}
