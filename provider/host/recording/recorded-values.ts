import type { StandIns } from "./stand-ins";

/** What a file of sysfs may say as it is: words of the kernel's own. */
const WORDS = new Set(
  "enabled disabled connected disconnected unknown none D0 D1 D2 D3hot D3cold flr af_flr pm bus slot device_specific acpi cxl_bus (null)".split(
    " ",
  ),
);

/** Numbers of the kernel's: none is long enough for an address of a network card, or a serial number. */
const NUMBERS = /^(?:-?\d{1,10}|0x[0-9a-f]{1,8}|[0-9a-f]{1,4}|\d{1,4}:\d{1,7})$/;

/** The lines of a file that may stand in a recording; undefined where none of it may. */
export function valueOf(path: string, lines: readonly string[], standIns: StandIns): string[] | undefined {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const [first = ""] = lines;
  if (path.endsWith("/dm/uuid")) return [mapperUuid(first, standIns)];
  if (path.endsWith("/dm/name")) return [standIns.word(first)];
  if (path.endsWith("/loop/backing_file")) return [standIns.path(first)];
  if (name === "resource") return lines.map(sizeAlone);
  if (name === "driver_override") return [first === "vfio-pci" ? first : "(null)"];
  if (name === "size") return /^\d{1,15}$/.test(first) ? [first] : undefined;
  const isKnown = lines.every((line) =>
    line.split(" ").every((word) => word === "" || WORDS.has(word) || NUMBERS.test(word)),
  );
  return isKnown ? [...lines] : undefined;
}

/** Who made a mapped device is at the beginning. */
function mapperUuid(text: string, standIns: StandIns): string {
  const [, maker, rest = ""] = /^(LVM|CRYPT|mpath|DMRAID|part\d{1,3})-(.*)$/.exec(text) ?? [];
  return maker === undefined ? standIns.word(text) : `${maker}-${standIns.word(rest)}`;
}

/** `START END FLAGS` of a region: its place is the host's, its size is the device's. */
function sizeAlone(line: string): string {
  const form = /^0x([0-9a-f]{16}) 0x([0-9a-f]{16}) 0x([0-9a-f]{16})$/;
  const [, start, end, flags] = form.exec(line) ?? [];
  if (start === undefined || end === undefined || flags === undefined) return "";
  const size = BigInt(`0x${end}`) - BigInt(`0x${start}`);
  const hex = (value: bigint): string => `0x${(value < 0n ? 0n : value).toString(16).padStart(16, "0")}`;
  return `${hex(0n)} ${hex(size)} 0x${flags}`;
}

/** `36 1 8:1 / /boot rw - ext4 /dev/sda1 rw`, without its options. */
export function mountOf(line: string, standIns: StandIns): string | undefined {
  const fields = line.split(" ");
  const dash = fields.indexOf("-");
  const [id = "", parent = "", number = "", root = "", place = ""] = fields;
  const [type = "", source = ""] = fields.slice(dash + 1);
  if (dash < 5 || ![id, parent].every((one) => /^\d{1,9}$/.test(one)) || !/^\d{1,5}:\d{1,7}$/.test(number))
    return undefined;
  const kind = FILE_SYSTEMS.has(type) ? type : "other";
  return `${id} ${parent} ${number} ${standIns.path(root)} ${standIns.path(place)} rw - ${kind} ${standIns.path(source)} rw`;
}

const FILE_SYSTEMS = new Set(
  "ext2 ext3 ext4 xfs btrfs zfs bcachefs f2fs vfat exfat ntfs ntfs3 iso9660 squashfs erofs jfs swap".split(
    " ",
  ),
);

/** `/dev/dm-1 partition 4194300 0 -2` */
export function swapOf(line: string, standIns: StandIns): string | undefined {
  const [, path, kind, size] = /^(\S+)\s+(partition|file)\s+(\d{1,15})(?:\s|$)/.exec(line) ?? [];
  return path === undefined ? undefined : `${standIns.path(path)} ${kind} ${size} 0 -2`;
}
