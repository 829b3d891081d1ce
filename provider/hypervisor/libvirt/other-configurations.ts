import { LibvirtErrorCode, undefinedOnError, type LibvirtClient } from "../../libvirt-rpc";
import type { ConfiguredElsewhere, GuestIdentity } from "../../plan";
import { requireBounded, unlessUnreadable, type DescribedGuests } from "./running-guests";
import { parseDomainXml } from "./xml/domain-xml";

/** virConnectListAllDomainsFlags: guests that do not run; guests with a configuration. */
const DOMAINS = { off: 2, all: 4 } as const;

/** What the configurations of other guests give to them. */
export interface OtherConfigurations {
  readonly configuredElsewhere: readonly ConfiguredElsewhere[];
  readonly unread: DescribedGuests["unread"];
}

/** Whose configurations are read. */
export interface OtherGuests {
  /** Of the guest that is left out. */
  readonly ownUuid: string;
  /** `off`: those alone that do not run. */
  readonly which: keyof typeof DOMAINS;
}

/**
 * What the guests of a host get at their next cold boot, but for one of them. One whose configuration cannot
 * be read is told of: anyone who may define a guest may write an odd one.
 */
export async function describeOtherConfigurations(
  client: LibvirtClient,
  { ownUuid, which }: OtherGuests,
  signal: AbortSignal,
): Promise<OtherConfigurations> {
  const domains = (await client.listDomains(DOMAINS[which], signal)).filter((one) => one.uuid !== ownUuid);
  const unread: DescribedGuests["unread"][number][] = [];
  let total = 0;
  const found = await Promise.all(
    domains.map(async (domain) => {
      const xml = await undefinedOnError(LibvirtErrorCode.NO_DOMAIN, () =>
        // one that is undefined while it runs has none any more
        undefinedOnError(LibvirtErrorCode.OPERATION_INVALID, () =>
          client.domainXml(domain, { inactive: true }, signal),
        ),
      );
      if (xml === undefined) return [];
      total = requireBounded(total + xml.length);
      const guest: GuestIdentity = { name: domain.name, uuid: domain.uuid };
      const described = unlessUnreadable(
        () => parseDomainXml(xml),
        (cause) => unread.push({ guest, cause }),
      );
      return (described?.functions ?? []).map(({ hostAddress, alias }) => ({ guest, hostAddress, alias }));
    }),
  );
  return { configuredElsewhere: found.flat(), unread };
}
