import type { LibvirtClient, LibvirtDomain } from "../../libvirt-rpc";

/** Whether the guest does not run any more. */
export async function hasEnded(
  client: LibvirtClient,
  domain: LibvirtDomain,
  signal: AbortSignal,
): Promise<boolean> {
  const { state } = await client.domainState(domain, signal);
  return state === "shutoff" || state === "crashed";
}
