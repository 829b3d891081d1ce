import type { QemuLimits } from "../../plan";
import type { GroupNode, HostLook, QemuProcess } from "./program/host-look";

/** Bits of Linux's capabilities (linux/capability.h). */
const CAP_DAC_OVERRIDE = 1n;
const CAP_IPC_LOCK = 14n;

/**
 * What the host lets the QEMU of a guest do with these IOMMU groups; undefined where no process was found.
 */
export function qemuLimitsOf(
  { qemu, nodes, rules }: HostLook,
  vfioFolder: string,
  iommuGroups: readonly number[],
): QemuLimits | undefined {
  if (qemu === undefined) return undefined;
  const has = (capability: bigint): boolean => ((qemu.capabilities >> capability) & 1n) === 1n;
  const { pid, unit, lockedMemoryBytes } = qemu;
  const isLimited = lockedMemoryBytes !== undefined && !has(CAP_IPC_LOCK);
  const nodeOf = new Map(nodes.map((one) => [one.iommuGroup, one]));
  const isOpenedByRule = rules.some((rule) => opensTo(rule, qemu));
  const closed = has(CAP_DAC_OVERRIDE)
    ? []
    : iommuGroups.flatMap((iommuGroup) => {
        const node = nodeOf.get(iommuGroup);
        const isOpen = node === undefined ? isOpenedByRule : isOpenTo(node, qemu);
        const path = `${vfioFolder}/${iommuGroup}`;
        return isOpen ? [] : [{ iommuGroup, path, ...(node && { owner: node.owner }) }];
      });
  return {
    pid,
    user: qemu.user === "" ? String(qemu.uid) : qemu.user,
    ...(unit !== undefined && { unit }),
    ...(isLimited && { lockedMemoryBytes }),
    closedNodes: closed,
  };
}

function isOpenTo({ uid, gid, mode }: GroupNode, qemu: QemuProcess): boolean {
  const bits = uid === qemu.uid ? mode >> 6 : qemu.groups.includes(String(gid)) ? mode >> 3 : mode;
  return (bits & 6) === 6;
}

/**
 * Whether a node that is not there yet will be open to QEMU: the kernel makes it for root alone, and a rule
 * of udev's hands it on. Only the plain words of rules are understood; GROUP without MODE gives 0660
 * (udev(7)).
 */
function opensTo(rule: string, { uid, user, groups }: QemuProcess): boolean {
  const value = (key: string): string | undefined =>
    new RegExp(`(?:^|[\\s,])${key}\\s*:?=\\s*"([^"]*)"`).exec(rule)?.[1];
  const [owner, group, mode] = [value("OWNER"), value("GROUP"), value("MODE")];
  const bits = mode === undefined ? (group === undefined ? 0o600 : 0o660) : Number.parseInt(mode, 8);
  const isOwner = owner !== undefined && (owner === user || owner === String(uid));
  const isMember = group !== undefined && groups.includes(group);
  return [isOwner ? bits >> 6 : 0, isMember ? bits >> 3 : 0, bits].some((one) => (one & 6) === 6);
}
