import { groupByKind, splitOnce, unreadableRecordError } from "./fact-records";

/** Who has VFIO's nodes open on a host, and what may keep a QEMU from opening them. */
export interface NodeUse {
  readonly users: readonly NodeUser[];
  /** In words: `AppArmor`, `SELinux (enforcing)`. Empty also where the host does not tell. */
  readonly confinements: readonly string[];
}

/** A process that has a node of VFIO's open, as far as the login may see it. */
export interface NodeUser {
  readonly pid: number;
  /** Empty if it ended meanwhile. */
  readonly command: string;
  /** `/dev/vfio/5` */
  readonly path: string;
  /** Of a device's own node, `/dev/vfio/devices/vfio0`, the group that it is in. */
  readonly iommuGroup?: number;
}

/** Most processes that are told of: a host has a node for each guest's device. */
const MAX_USERS = 5_000;
const VFIO_FOLDER = "/dev/vfio";

/**
 * Reads the records of the helper's look at VFIO's nodes: `open PID NODE GROUP COMMAND`, and what is active
 * of the kernel's security modules. Pure.
 *
 * @throws Error when a record does not have its form
 */
export function parseNodeUse(lines: readonly string[]): NodeUse {
  const records = groupByKind(lines);
  const open = records.get("open") ?? [];
  if (open.length > MAX_USERS) throw new Error(`${open.length} descriptors lead to nodes of VFIO's`);
  const modules = new Set((records.get("lsm") ?? []).flatMap((line) => line.split(",")));
  const selinux = records.get("selinux")?.[0];
  return {
    users: open.map(readUser),
    confinements: [
      ...(modules.has("apparmor") ? ["AppArmor"] : []),
      ...(modules.has("selinux") || selinux !== undefined
        ? [selinux === "0" ? "SELinux (permissive)" : "SELinux (enforcing)"]
        : []),
    ],
  };
}

/** The users of one node, whether they have the group's node open or that of a device in it. */
export function usersOfNode({ users }: NodeUse, path: string): NodeUser[] {
  const group = /^\/dev\/vfio\/(?:noiommu-)?(\d+)$/.exec(path)?.[1];
  const ownGroup = users.find((one) => one.path === path)?.iommuGroup;
  const iommuGroup = group === undefined ? ownGroup : Number(group);
  return users.filter(
    (one) => one.path === path || (iommuGroup !== undefined && one.iommuGroup === iommuGroup),
  );
}

function readUser(record: string): NodeUser {
  const [pid, afterPid] = splitOnce(record);
  const [node, afterNode] = splitOnce(afterPid);
  const [group, command] = splitOnce(afterNode);
  if (!/^\d{1,10}$/.test(pid) || node === "") throw unreadableRecordError(record);
  const named = /^(?:noiommu-)?(\d{1,9})$/.exec(node)?.[1] ?? (/^\d{1,9}$/.test(group) ? group : undefined);
  return {
    pid: Number(pid),
    command,
    path: `${VFIO_FOLDER}/${node}`,
    ...(named !== undefined && { iommuGroup: Number(named) }),
  };
}
