import { shorten } from "../errors";
import type {
  DiskClaim,
  DiskHolder,
  GuestDevice,
  GuestDeviceKind,
  HostDevices,
  UnreadPart,
} from "../host/facts";
import { describeUseBeneath } from "./describe-use-beneath";
import { listSome } from "./list-some";
import { describeOpenUse, describeUnseenOpeners } from "./describe-open-use";
import type {
  CarriedThing,
  DiskLabel,
  GuestDeviceReason,
  HostNote,
  HostUse,
  HostUseReason,
  InterfaceLayer,
} from "../host/uses";

/**
 * What the host uses a function for, in words that follow "it": `has interface eth1, which carries VLAN
 * eth1.5`.
 */
export function describeHostUse(use: HostUseReason): string {
  switch (use.kind) {
    case "this-connection":
      return `carries this SSH connection (${describeCarrier(use)})`;
    case "default-route":
      return `carries the host's default route (${describeCarrier(use)})`;
    case "addresses":
      return `has interface ${use.device}, which is up with address ${listSome(use.addresses)}`;
    case "routes":
      return `has interface ${use.device}, which is up with a route to ${listSome(use.routes)}`;
    case "interface-layer":
      return `has interface ${use.device}, which ${describeLayer(use.layer)}`;
    case "hidden-interface":
      return "has a network interface that is in another network namespace";
    case "possible-carrier":
      return `has interface ${use.device}, which may carry ${CARRIED[use.carries]}: ${describeUnknown(use)}`;
    case "unread-interface":
      return `has interface ${use.device}, of which what the host's "ip" says cannot be read`;
    case "unread-routes":
      return `has interface ${use.device}, which may have a route: what the host's "ip" says of routes cannot be read`;
    case "unread-function":
      return "has a device of which what the host says cannot be read";
    case "virtual-function-in-use":
      return `has virtual function ${use.use.hostAddress}, which ${describeHostUse(use.use)}`;
    case "virtual-functions": {
      const count = use.virtualFunctions.length;
      return count === 1 ? "has a virtual function enabled" : `has ${count} virtual functions enabled`;
    }
    case "mount":
      return `has disk ${describeDisk(use.disk)}, which is mounted on ${listSome(use.mountPoints)}`;
    case "swap":
      return `has disk ${describeDisk(use.disk)}, which is used as swap`;
    case "disk-claim":
      return `has disk ${describeDisk(use.disk)}, which ${describeClaim(use.claim)}`;
    case "open":
    case "module-in-use":
      return describeOpenUse(use);
    case "disk-holder": {
      const holders = `${HOLDERS[use.holder]} ${listSome(use.holders, 3, describeDisk)}`;
      return `has disk ${describeDisk(use.disk)}, which is a part of ${holders}`;
    }
    case "display":
    case "serial-console":
    case "mediated-device":
    case "vdpa":
    case "thunderbolt":
    case "machine-device":
    case "compute":
    case "user-driver":
    case "left-out":
      return describeUseBeneath(use);
    case "guest-device":
      return describeGuestDevice(use);
  }
}

/** All that the host uses a function for, in words that follow "it". */
export function listUses(uses: readonly HostUse[]): string {
  return uses.map(describeHostUse).join(", and ");
}

/** Most interfaces, and most disks, of a function that are named: a shelf of disks has a hundred. */
const MOST_DEVICES = 16;

/** `interface eth2`, `interfaces eth2, eth3 and disk sda`; empty if there is none. */
export function describeHostDevices({ interfaces, disks }: HostDevices): string {
  const list = (word: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${word}${names.length === 1 ? "" : "s"} ${listSome(names, MOST_DEVICES)}`];
  return [...list("interface", interfaces), ...list("disk", disks)].join(" and ");
}

const CARRIED: Readonly<Record<CarriedThing, string>> = {
  "this-connection": "this SSH connection",
  "default-route": "the host's default route",
};

function describeUnknown({ via }: { readonly via?: string }): string {
  return via === undefined
    ? "over which interface it comes is not known"
    : `it goes over ${via}, and what carries that is not known`;
}

/** What one look at the host has not found out, in a sentence without its full stop. */
export function describeHostNote(note: HostNote): string {
  if (note.kind === "unlocated-devices")
    return `which functions these devices of guests are on is not known: ${listSome(note.devices, 3, nameGuestDevice)}`;
  if (note.kind === "unread")
    return `${UNREAD[note.part]}, and counts as used where it may be: ${note.reason}`;
  if (note.kind === "unseen-openers") return describeUnseenOpeners(note);
  if (note.kind === "unseen-functions")
    return `who has its functions open, and how they are reset, was not looked at: ${note.reason}`;
  return (
    `what carries ${CARRIED[note.carries]} beneath interface ${note.via} is not known, ` +
    "so each function with an interface that is up counts as used"
  );
}

const UNREAD: Readonly<Record<UnreadPart["part"], string>> = {
  interfaces: 'what the host\'s "ip address" says cannot be read as a whole',
  routes: 'what the host\'s "ip route" says cannot be read as a whole',
  "route-to-client": "the route to this machine cannot be read",
  connection: "over which of the host's interfaces this SSH connection comes is not known",
  record: "a part of what the host says of its devices cannot be read",
  beneath: "not all of the host's devices were looked at",
};

function describeCarrier({ device, via }: { readonly device: string; readonly via?: string }): string {
  return `interface ${device}${partOf(via)}`;
}

function partOf(via: string | undefined): string {
  return via === undefined ? "" : `, a part of ${via}`;
}

/** What an interface is for what runs on it, in words that follow "which". */
function describeLayer({ name = "", type }: InterfaceLayer): string {
  switch (type) {
    case "bridge":
    case "bond":
    case "team":
      return `is a port of ${type} ${name}`;
    case "openvswitch":
      return "is a port of Open vSwitch";
    case "vrf":
      return `is in VRF ${name}`;
    case "vlan":
      return `carries VLAN ${name}`;
    case "macvlan":
    case "macvtap":
    case "ipvlan":
    case "ipvtap":
    case "macsec":
      return `carries ${type} ${name}`;
    case undefined:
      return `carries interface ${name}`;
    default:
      return TUNNELS.has(type) ? `carries tunnel ${name} (${type})` : `carries interface ${name} (${type})`;
  }
}

const TUNNELS = new Set([
  ...["vxlan", "geneve", "gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan"],
  ...["ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm", "bareudp", "l2tp", "gtp"],
]);

/** In words that follow "which". */
function describeClaim({ by, name = "" }: DiskClaim): string {
  switch (by) {
    case "filesystem":
      return `is mounted in another mount namespace (${name})`;
    case "zfs":
      return name === "" ? "is a part of a ZFS pool" : `is a part of ZFS pool ${name}`;
    case "scsi-target":
      return `is exported by SCSI target ${name}`;
    case "nvme-target":
      return `is exported by NVMe target ${name}`;
    case "unread":
      return "is used for something that cannot be read";
  }
}

const HOLDERS: Readonly<Record<DiskHolder, string>> = {
  raid: "RAID",
  lvm: "LVM volume",
  encryption: "encrypted volume",
  multipath: "multipath device",
  mapper: "device-mapper device",
  bcache: "bcache",
  drbd: "DRBD device",
  loop: "loop device",
  other: "block device",
};

/** The kinds of what guests have, as nouns before a name. */
const GUEST_DEVICES: Readonly<Record<GuestDeviceKind, string>> = {
  disk: "disk",
  scsi: "SCSI device",
  mdev: "mediated device",
  usb: "USB device",
  vdpa: "vDPA device",
  input: "input device",
  tpm: "TPM",
  serial: "serial port",
  display: "display device",
  interface: "interface",
};

/** `has disk vg-data (dm-3), which is a disk of guest nas` */
function describeGuestDevice({ what, device, guest, by = "guest", via }: GuestDeviceReason): string {
  const owner = `${by} ${guest}`;
  if (what === "disk" && by !== "guest") return `has disk ${describeDisk(device)}, which ${owner} has open`;
  if (what === "disk") return `has disk ${describeDisk(device)}, which is a disk of ${owner}`;
  if (what === "interface")
    return `has interface ${device.name}${partOf(via)}, which carries an interface of ${owner}`;
  return `has ${GUEST_DEVICES[what]} ${device.name}, which ${owner} has`;
}

/** `disk /dev/x of guest nas`, neither of them longer than can be read. */
function nameGuestDevice({ guest, by = "guest", kind, key }: GuestDevice): string {
  return `${GUEST_DEVICES[kind]} ${shorten(key, 100)} of ${by} ${shorten(guest, 100)}`;
}

function describeDisk({ name, alias }: DiskLabel): string {
  return alias === undefined ? name : `${alias} (${name})`;
}
