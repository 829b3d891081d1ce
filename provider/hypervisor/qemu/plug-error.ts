import { causeText, providerError } from "../../errors";
import { withTimeLimit } from "../../async/time-limit";
import { usersOfNode, type NodeUse } from "../../host/facts";
import type { GuestSlot, PciAddress } from "../../pci";
import { describeSlot } from "../../plan";
import { findUnmappedMemory, findUnopenedNode, isRefusedByIommu, type UnopenedNode } from "./known-errors";

/** Looks who has VFIO's nodes open on the host, and what confines QEMU there. */
export type ReadNodeUse = (signal: AbortSignal) => Promise<NodeUse>;

/** For a look that only makes an error more telling. */
const LOOK_LIMIT_MS = 5000;
const GROUP_OR_DEVICE = /^\/dev\/vfio\/(?:devices\/vfio|noiommu-)?\d+$/;

/** A plug that QEMU, or libvirt in its name, has refused. */
export interface RefusedPlug {
  readonly hostAddress: PciAddress;
  readonly slot: GuestSlot;
  readonly cause: unknown;
  /** Its words; default: those of the cause. */
  readonly reason?: string;
}

/**
 * The error of a plug. The errno tells what keeps QEMU from a node. One that is not there is the group's that
 * somebody's release has taken away, and comes back with the next hold. One that is open elsewhere, or that
 * QEMU may not open, does not: whoever has it, or what forbids it, is named as far as the host tells.
 */
export async function plugError(
  { hostAddress, slot, cause, reason = causeText(cause) }: RefusedPlug,
  readNodeUse: ReadNodeUse | undefined,
): Promise<Error> {
  const place = { hostAddress, slot: describeSlot(slot), reason };
  const unmapped = findUnmappedMemory(reason);
  if (unmapped === "limit") return providerError("GUEST_MEMORY_NOT_LOCKED", place, cause);
  if (unmapped === "address") return providerError("GUEST_MEMORY_NOT_MAPPED", place, cause);
  const node = findUnopenedNode(reason);
  const isMissing = node?.failure === "absent";
  if (node === undefined || (isMissing && !GROUP_OR_DEVICE.test(node.path)))
    return providerError(
      "PLUG_FAILED",
      { ...place, ...(isRefusedByIommu(reason) && { isRefusedByIommu: true }) },
      cause,
    );
  if (isMissing) return providerError("GROUP_NODE_LOST", { hostAddress, reason }, cause);
  const use = readNodeUse && (await withTimeLimit(LOOK_LIMIT_MS, readNodeUse).catch(() => undefined));
  return node.failure === "busy"
    ? providerError("GROUP_NODE_BUSY", { hostAddress, path: node.path, holders: holdersOf(node, use) }, cause)
    : providerError("GROUP_NODE_DENIED", { hostAddress, ...deniedBy(node, use), reason }, cause);
}

function holdersOf({ path }: UnopenedNode, use: NodeUse | undefined): string[] {
  const users = use === undefined ? [] : usersOfNode(use, path);
  const named = users.map(({ pid, command }) => `process ${pid}${command === "" ? "" : ` (${command})`}`);
  return [...new Set(named)];
}

/** The kernel's devices controller says EPERM; modes of files and security modules say EACCES. */
function deniedBy(
  { path, failure }: UnopenedNode,
  use: NodeUse | undefined,
): { readonly path: string; readonly by: "cgroup" | "access"; readonly confinements: readonly string[] } {
  if (failure === "denied-by-cgroup") return { path, by: "cgroup", confinements: [] };
  return { path, by: "access", confinements: use?.confinements ?? [] };
}
