import type { LibvirtClient, LibvirtDomain } from "../../libvirt-rpc";

/** Whether the guest does not run any more. */
export async function hasEnded(
  client: LibvirtClient,
  domain: LibvirtDomain,
  signal: AbortSignal,
): Promise<boolean> {
  const { state } = await client.domainState(domain, signal);
  // one that has crashed, and was kept, has its QEMU still
  return state === "shutoff";
}
