import { fail } from "../../errors";
import { LibvirtErrorCode, type LibvirtClient } from "../../libvirt-rpc";
import type { GuestIdentity, Observation } from "../../plan";
import { parseDomainXml, type DomainDescription } from "./domain-xml";
import type { LibvirtSession } from "./libvirt-session";
import { isLibvirtError } from "./refused";

/** virConnectListAllDomainsFlags: all guests; running ones only. */
const DOMAINS = { all: 0, running: 1 } as const;

/**
 * Longest descriptions of all guests together, in characters: a thousand guests have some 20 million. The
 * protocol would let 16,384 guests of four megabytes each through.
 */
export const MAX_DESCRIPTIONS_CHARACTERS = 128 * 1024 * 1024;

/** The guests that run on a host, and what they have of it; with an older libvirt the ledger is that of all guests. */
export interface RunningGuests extends Pick<
  Observation,
  "hostUuid" | "holdings" | "ledger" | "olderLibvirt"
> {
  readonly guests: readonly GuestIdentity[];
}

/** Looks at a host without a guest in mind. @throws the errors of the session and of libvirt; XML_UNREADABLE */
export async function lookAtRunningGuests(
  session: LibvirtSession,
  signal: AbortSignal,
): Promise<RunningGuests> {
  const client = await session.client(signal);
  const version = await session.olderVersion(signal);
  const [hostUuid, guests] = await Promise.all([
    session.hostUuid(signal),
    // what an older libvirt's guest is held stays held when it ends
    describeGuests(client, version === undefined ? "running" : "all", signal),
  ]);
  const running = guests.filter((one) => one.isRunning);
  return {
    hostUuid,
    guests: running.map((one) => one.identity),
    holdings: running.flatMap((one) => one.holdings),
    ledger: guests.flatMap((one) => one.ledger.map((entry) => ({ guest: one.identity, entry }))),
    ...(version !== undefined && { olderLibvirt: { version } }),
  };
}

/** One that ends or is undefined meanwhile is left out. */
export async function describeGuests(
  client: LibvirtClient,
  which: keyof typeof DOMAINS,
  signal: AbortSignal,
): Promise<DomainDescription[]> {
  const domains = await client.listDomains(DOMAINS[which], signal);
  let total = 0;
  const described = await Promise.all(
    domains.map((domain) =>
      unlessGone(LibvirtErrorCode.NO_DOMAIN, async () => {
        const xml = await client.domainXml(domain, {}, signal);
        total += xml.length;
        if (total > MAX_DESCRIPTIONS_CHARACTERS)
          throw fail("XML_UNREADABLE", {
            what: "the descriptions of its guests",
            reason: `they are longer than ${MAX_DESCRIPTIONS_CHARACTERS} characters together`,
          });
        return parseDomainXml(xml);
      }),
    ),
  );
  const found = described.filter((one) => one !== undefined);
  return which === "all" ? found : found.filter((one) => one.isRunning);
}

/** What a look finds; undefined where libvirt answers with this error. */
export async function unlessGone<T>(code: number, look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (isLibvirtError(error, code)) return undefined;
    throw error;
  }
}
