import { causeText, providerError, hasCode } from "../../errors";
import { LibvirtErrorCode, undefinedOnError, type LibvirtClient } from "../../libvirt-rpc";
import type { GuestDevice } from "../../host/facts";
import type { GuestIdentity, Observation } from "../../plan";
import { parseDomainXml, type DomainDescription } from "./xml/domain-xml";
import type { LibvirtSession } from "./libvirt-session";

/** virConnectListAllDomainsFlags: all guests; running ones only. */
const DOMAINS = { all: 0, running: 1 } as const;

/**
 * Longest descriptions of all guests together, in characters: a thousand guests have some 20 million. The
 * protocol would let 16,384 guests of four megabytes each through.
 */
export const MAX_DESCRIPTIONS_CHARACTERS = 128 * 1024 * 1024;

/**
 * The guests that run on a host, and what they have of it; with an older libvirt the ledger is that of all
 * guests.
 */
export interface RunningGuests extends Pick<
  Observation,
  "hostUuid" | "holdings" | "ledger" | "olderLibvirt" | "unreadGuests"
> {
  readonly guests: readonly GuestIdentity[];
  /** What they have by way of the host's own drivers. Default: nothing. */
  readonly guestDevices?: readonly GuestDevice[];
}

/**
 * Looks at a host without a guest in mind. @throws the errors of the session and of libvirt; XML_UNREADABLE
 */
export async function readRunningGuests(
  session: LibvirtSession,
  signal: AbortSignal,
): Promise<RunningGuests> {
  const client = await session.client(signal);
  const version = await session.olderVersion(signal);
  const [hostUuid, { guests, unread }] = await Promise.all([
    session.hostUuid(signal),
    // what an older libvirt's guest is held stays held when it ends
    describeGuests(client, version === undefined ? "running" : "all", signal),
  ]);
  const running = guests.filter((one) => one.isRunning);
  const known = new Set(running.map((one) => one.identity.uuid));
  const guestDevices = running.flatMap((one) => one.guestDevices);
  return {
    hostUuid,
    guests: [
      ...running.map((one) => one.identity),
      ...unread.map((one) => one.guest).filter((one) => !known.has(one.uuid)),
    ],
    holdings: running.flatMap((one) => one.holdings),
    ledger: guests.flatMap((one) => one.ledger.map((entry) => ({ guest: one.identity, entry }))),
    ...(guestDevices.length > 0 && { guestDevices }),
    ...toldUnread(unread),
    ...(version !== undefined && { olderLibvirt: { version } }),
  };
}

/** Of which guests something could not be read, for an observation; nothing where there are none. */
export function toldUnread(unread: DescribedGuests["unread"]): Pick<Observation, "unreadGuests"> {
  if (unread.length === 0) return {};
  return { unreadGuests: unread.map(({ guest, cause }) => ({ guest, reason: causeText(cause) })) };
}

/** What describes the guests of a host. */
export interface DescribedGuests {
  /** Those of which the ledger alone cannot be read are among them. */
  readonly guests: readonly DomainDescription[];
  /** What libvirt gives to one of these it gives to no other guest by itself. */
  readonly unread: readonly { readonly guest: GuestIdentity; readonly cause: Error }[];
}

/**
 * One that ends or is undefined meanwhile is left out. Anyone may write into a guest's metadata, so one of
 * which something cannot be read is no reason to refuse all others; but where guests that do not run matter,
 * it is the ledger alone that keeps their functions for them, and there it is.
 *
 * @throws XML_UNREADABLE, LEDGER_UNREADABLE where `which` is `all`
 */
export async function describeGuests(
  client: LibvirtClient,
  which: keyof typeof DOMAINS,
  signal: AbortSignal,
): Promise<DescribedGuests> {
  const domains = await client.listDomains(DOMAINS[which], signal);
  const unread: DescribedGuests["unread"][number][] = [];
  const notRead = (guest: GuestIdentity, cause: unknown): undefined => {
    if (which === "all" || !isUnreadable(cause)) throw cause;
    unread.push({ guest, cause });
  };
  let total = 0;
  const described = await Promise.all(
    domains.map((domain) =>
      undefinedOnError(LibvirtErrorCode.NO_DOMAIN, async () => {
        const xml = await client.domainXml(domain, {}, signal);
        total = requireBounded(total + xml.length);
        return readGuest({ name: domain.name, uuid: domain.uuid }, xml, notRead);
      }),
    ),
  );
  const found = described.filter((one) => one !== undefined);
  return { guests: which === "all" ? found : found.filter((one) => one.isRunning), unread };
}

/** @throws XML_UNREADABLE where the descriptions of all guests together are longer than a host's may be. */
export function requireBounded(characters: number): number {
  if (characters <= MAX_DESCRIPTIONS_CHARACTERS) return characters;
  throw providerError("XML_UNREADABLE", {
    what: "the descriptions of its guests",
    reason: `they are longer than ${MAX_DESCRIPTIONS_CHARACTERS} characters together`,
  });
}

/** What reading gives; undefined, and told of, where the description of the one guest is what is odd. */
export function unlessUnreadable<T>(read: () => T, tell: (cause: Error) => void): T | undefined {
  try {
    return read();
  } catch (cause) {
    if (!isUnreadable(cause)) throw cause;
    tell(cause);
    return undefined;
  }
}

function isUnreadable(cause: unknown): cause is Error {
  return cause instanceof Error && hasCode(cause, "XML_UNREADABLE", "LEDGER_UNREADABLE");
}

function readGuest(
  guest: GuestIdentity,
  xml: string,
  notRead: (guest: GuestIdentity, cause: unknown) => undefined,
): DomainDescription | undefined {
  try {
    const described = parseDomainXml(xml);
    if (described.unreadLedger !== undefined && described.isRunning) notRead(guest, described.unreadLedger);
    return described;
  } catch (cause) {
    return notRead(guest, cause);
  }
}
