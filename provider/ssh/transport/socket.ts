import { lookup } from "node:dns/promises";
import { connect, isIP, type Socket, type TcpNetConnectOpts } from "node:net";
import { networkInterfaces } from "node:os";
import type { Duplex } from "node:stream";
import type { Route } from "../config/route";
import type { SshTarget } from "../config/target";
import { DialFailure, describeSocketError } from "./dial-failure";
import { openProxyCommand } from "./proxy-command";
import { abortReason, onAbort, untilAborted } from "../../async/abort";

/**
 * Time for one of several addresses of a name before the next is tried. Node's default of 250 ms ends
 * attempts over slow links that would have succeeded.
 */
const PER_ADDRESS_MS = 2500;

/**
 * Opens the connection to a host that is reached without a jump host.
 *
 * @throws DialFailure; the signal's reason
 */
export async function openRoute({ host, port, route }: SshTarget, signal: AbortSignal): Promise<Duplex> {
  if (signal.aborted) throw abortReason(signal);
  if (route?.proxyCommand !== undefined) return openProxyCommand(route.proxyCommand, signal);
  if (route === undefined) return openTcp({ host, port }, signal);
  return openOneOf(await endsOf(host, route, signal), port, signal);
}

/** Both ends of an attempt: the host's address, and this machine's where it is chosen. */
interface Ends {
  readonly address: string;
  readonly localAddress?: string;
}

/** One attempt after the other, as OpenSSH makes them (sshconnect.c: ssh_connect_direct). */
async function openOneOf(all: readonly Ends[], port: number, signal: AbortSignal): Promise<Socket> {
  const failures: string[] = [];
  for (const { address, localAddress } of all) {
    try {
      const ends = { host: address, port, ...(localAddress !== undefined && { localAddress }) };
      return await openTcp(ends, signal);
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
  const all = await addressesOf(host, signal);
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

interface Address {
  readonly address: string;
  readonly family: number;
}

async function addressesOf(name: string, signal: AbortSignal): Promise<readonly Address[]> {
  const family = isIP(name);
  if (family !== 0) return [{ address: name, family }];
  try {
    return await untilAborted(lookup(name, { all: true }), signal);
  } catch (error) {
    if (signal.aborted) throw abortReason(signal);
    throw new DialFailure(describeSocketError(error), { cause: error });
  }
}

/** Addresses of this machine that the connection may come from, best first. */
async function ownAddressesOf(route: Route, signal: AbortSignal): Promise<readonly Address[]> {
  if (route.bindAddress !== undefined) return addressesOf(route.bindAddress, signal);
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

async function openTcp(
  ends: Pick<TcpNetConnectOpts, "host" | "port" | "localAddress">,
  signal: AbortSignal,
): Promise<Socket> {
  if (signal.aborted) throw abortReason(signal);
  const socket = connect({ ...ends, noDelay: true, autoSelectFamilyAttemptTimeout: PER_ADDRESS_MS });
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
