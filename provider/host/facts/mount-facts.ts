/** What there is to tell which disk is mounted where. */
export interface MountFacts {
  /** Lines of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
  readonly mountInfo: readonly string[];
  /** Lines of /proc/swaps without its heading. */
  readonly swaps: readonly string[];
  /** The member disks of each btrfs. */
  readonly btrfsFilesystems: readonly (readonly string[])[];
  /** `8:1` → `sda1` */
  readonly nameByNumber: ReadonlyMap<string, string>;
  /** `vg-root` → `dm-0` */
  readonly nameByMapperName: ReadonlyMap<string, string>;
}

/** Most pairs of disk and mount point: a btrfs on many disks counts each for each of its mounts. */
const MAX_PAIRS = 50_000;

/** Longest part of a mount point that is shown; the kernel's own limit for a path is 4,096. */
const SHOWN_CHARACTERS = 500;

/**
 * Disk → mount points, `[SWAP]` for swap. A mount is traced by its device number, and by the name of its
 * source where the number is not a disk's (btrfs numbers its mounts itself). A file system on several disks
 * is mounted on each: members of a btrfs, sources of a bcachefs, journal and realtime device of an XFS.
 */
export function mountPointsByDisk(facts: MountFacts): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, Set<string>>();
  let pairs = 0;
  const add = (disk: string | undefined, mountPoint: string): void => {
    if (disk === undefined) return;
    pairs += 1;
    if (pairs > MAX_PAIRS) throw new Error("too many disks are mounted in too many places");
    const places = found.get(disk) ?? new Set<string>();
    found.set(disk, places.add(mountPoint));
  };
  const btrfsOf = new Map(facts.btrfsFilesystems.flatMap((disks) => disks.map((disk) => [disk, disks])));
  for (const line of facts.mountInfo) {
    const fields = line.split(" ");
    const separator = fields.indexOf("-");
    const mountPoint = unescape(fields[4] ?? "").slice(0, SHOWN_CHARACTERS);
    // bcachefs: /dev/sda:/dev/sdb
    const paths = unescape(fields[separator + 2] ?? "").split(/:(?=\/dev\/)/);
    const extra = (fields[separator + 3] ?? "").matchAll(/(?:^|,)(?:logdev|rtdev)=([^,]*)/g);
    for (const [, path = ""] of extra) paths.push(unescape(path));
    add(facts.nameByNumber.get(fields[2] ?? ""), mountPoint);
    for (const source of paths.map((path) => findDisk(path, facts))) {
      add(source, mountPoint);
      const members = source === undefined ? [] : (btrfsOf.get(source) ?? []);
      for (const member of members) add(member, mountPoint);
    }
  }
  for (const line of facts.swaps) add(findDisk(unescape(line.split(/\s+/)[0] ?? ""), facts), "[SWAP]");
  return new Map([...found].map(([disk, places]) => [disk, [...places]]));
}

/** The disk behind a path as the kernel writes it: `/dev/sda1`, `/dev/mapper/vg-root`. */
export function findDisk(path: string, facts: MountFacts): string | undefined {
  if (!path.startsWith("/dev/")) return undefined;
  const name = path.slice("/dev/".length);
  if (name.startsWith("mapper/")) return facts.nameByMapperName.get(name.slice("mapper/".length));
  // sysfs writes "!" where a device's name holds "/" (cciss/c0d0)
  return name.replaceAll("/", "!");
}

/**
 * The kernel writes these as three octal digits (Linux fs/proc_namespace.c: mangle; fs/seq_file.c).
 * Backslashes are last, so that what one of them makes is not read again.
 */
function unescape(text: string): string {
  return text
    .replaceAll("\\040", " ")
    .replaceAll("\\011", "\t")
    .replaceAll("\\012", "\n")
    .replaceAll("\\043", "#")
    .replaceAll("\\134", "\\");
}
