import { fieldsOf, isText, listOf, textAs } from "./ip-output";

/** One interface as `ip -d address show` tells it. */
export interface IpAddress {
  readonly ifname: string;
  readonly flags: readonly string[];
  /** `ether`, `loopback`, `ppp`, `none` */
  readonly linkType?: string;
  readonly link?: string;
  /** Whether what it runs on, or the other end of a pair, is in another network namespace. */
  readonly isElsewhere: boolean;
  readonly master?: string;
  readonly kind?: string;
  /** What a tunnel is bound to. */
  readonly underlying?: string;
  readonly local?: string;
  readonly remote?: string;
  readonly addresses: readonly string[];
}

/** The kernel's one device for every switch of Open vSwitch: its ports are the ports of all. */
export const OVS_DATAPATH = "ovs-system";

/** Kinds whose `link` is their other end, and nothing that they run on. */
const PAIRS = new Set(["veth", "netkit", "vxcan"]);

/** Kinds that carry nothing out of the host; some of them have ports, and those are beneath them. */
const CARRY_NOTHING = new Set(["dummy", "ifb", "nlmon", "bridge", "bond", "team", "vrf"]);

/**
 * Kinds whose packets leave by whichever address or route leads to the other end; of `tun` a program sends
 * them, such as a VPN's. `lo` has none: what comes over it comes from a program of the host.
 */
const CARRIED_BY_ADDRESS = new Set([
  ...["amt", "bareudp", "erspan", "geneve", "gre", "gretap", "gtp", "ip6erspan", "ip6gre", "ip6gretap"],
  ...["ip6tnl", "ipip", "ovpn", "sit", "tun", "vti", "vti6", "vxlan", "wireguard", "xfrm"],
]);

/**
 * What carries an interface without a function and without anything beneath it: nothing; an interface of
 * another network namespace; whichever has an address or a route; or it is not known.
 */
export type Beneath = "nothing" | "namespace" | "addresses" | "unknown";

/** Takes of what `ip` printed only what has the type that it has everywhere. */
export function findAddress(value: unknown): IpAddress | undefined {
  const fields = fieldsOf(value);
  const linkinfo = fieldsOf(fields["linkinfo"]);
  const own = fieldsOf(linkinfo["info_data"]);
  if (!isText(fields["ifname"])) return undefined;
  return {
    ifname: fields["ifname"],
    flags: listOf(fields["flags"]).filter(isText),
    ...textAs("linkType", fields["link_type"]),
    ...textAs("link", fields["link"]),
    isElsewhere: fields["link_netnsid"] !== undefined,
    ...textAs("master", fields["master"]),
    ...textAs("kind", linkinfo["info_kind"]),
    ...textAs("underlying", own["link"]),
    ...textAs("local", own["local"] ?? own["local6"]),
    ...textAs("remote", own["remote"] ?? own["remote6"] ?? own["group"] ?? own["group6"]),
    addresses: listOf(fields["addr_info"])
      .map((one) => fieldsOf(one)["local"])
      .filter(isText),
  };
}

/** What an interface runs on, as far as itself tells: the parent that a VLAN or tunnel names. */
export function parentsOf(one: IpAddress): readonly string[] {
  const parents = [one.link, one.underlying].filter((name) => name !== undefined);
  return one.isElsewhere || isPair(one) ? [] : [...new Set(parents)];
}

/** The other end of a pair of this network namespace. */
export function findOtherEnd(one: IpAddress): string | undefined {
  return isPair(one) && !one.isElsewhere ? one.link : undefined;
}

function isPair({ kind }: IpAddress): boolean {
  return kind !== undefined && PAIRS.has(kind);
}

/** Whether a PPP link of whichever kind: those that pppd makes have no kind in every kernel. */
export function isPpp({ kind, linkType }: IpAddress): boolean {
  return kind === "ppp" || linkType === "ppp";
}

/** Whether it sends its packets to an address, by whichever interface leads there. */
export function isTunnel({ kind }: IpAddress): boolean {
  return kind !== undefined && CARRIED_BY_ADDRESS.has(kind);
}

/** What is beneath where no interface is known to be. */
export function beneathOf(one: IpAddress): Beneath {
  if (one.isElsewhere) return "namespace";
  if (isTunnel(one) || one.linkType === "loopback") return "addresses";
  return one.kind !== undefined && CARRY_NOTHING.has(one.kind) ? "nothing" : "unknown";
}
