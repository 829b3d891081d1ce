/**
 * Names that the kernel gives, udev by place in the machine, and libvirt by number: they tell what a thing
 * is, and not whose. What has none of these forms may be anybody's word.
 */
const KERNEL_NAMES: readonly RegExp[] = [
  /^\d{1,6}$/,
  /^\d{1,4}:\d{1,7}$/,
  /^(?:[0-9a-f]{4,8}:)?[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/,
  /^pci[0-9a-f]{4,8}:[0-9a-f]{2}$/,
  /^(?:sd|hd|vd|xvd)[a-z]{1,3}\d{0,3}$/,
  /^nvme(?:-subsys)?\d{1,4}(?:c\d{1,4})?(?:n\d{1,4})?(?:p\d{1,3})?$/,
  /^(?:dm-|md|loop|sr|fd|ram|zram|nbd|rbd|bcache|drbd|mmcblk|pmem|zd)\d{1,6}(?:p\d{1,3})?$/,
  /^(?:lo|eth\d{1,4}|bond\d{1,4}|br\d{1,4}|vmbr\d{1,4}|virbr\d{1,4}|vnet\d{1,5}|tap\d{1,5}|tun\d{1,5}|macvtap\d{1,5}|ib\d{1,4}|wlan\d{1,4}|dummy\d{1,4})$/,
  /^en(?:o\d{1,4}|P\d{1,4}p\d{1,4}s\d{1,4}|p\d{1,4}s\d{1,4}|s\d{1,4})(?:f\d{1,4})?(?:np\d{1,4}|v\d{1,4}|d\d{1,4})?$/,
  /^\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,6}(?::\d{1,3}\.\d{1,3})?$/,
  /^\d{1,5}:\d{1,3}:\d{1,5}:\d{1,5}$/,
  /^(?:usb|ata|host|input|event|mouse|js|card|renderD|controlD|controlC|tty|ttyS|ttyUSB|ttyACM|tpm|tpmrm|watchdog|ipmi|vdpa|vhost-vdpa-|virtio|virtfn|fb|vtcon|dmar|ivhd|domain|port|nvme|mlx\d_|bnxt_re|irdma|hns_)\d{1,5}$/,
  /^target\d{1,5}:\d{1,3}:\d{1,5}$/,
  /^(?:pcmC\d{1,2}D\d{1,2}[pc]|hwC\d{1,2}D\d{1,2})$/,
  /^card\d{1,3}-(?:HDMI-[AB]|DP|eDP|DVI-[ADI]|VGA|LVDS|DSI|Virtual|Unknown)-\d{1,3}$/,
];

/** Folders and files that every kernel has under these names, and places that every system has. */
const COMMON_NAMES = new Set(
  [
    "sys devices class bus dev block char pci usb mdev vdpa thunderbolt scsi virtual platform system drivers driver",
    "net input sound drm graphics vtconsole tty tpm infiniband mdev_bus watchdog ipmi iommu iommu_group kernel",
    "iommu_groups physfn slaves holders device dm loop mapper disk nvme ieee80211 hdaudio misc backing_file name uuid",
    "vendor numa_node sriov_numvfs secondary_bus_number boot_vga enable enabled status reset_method power_state",
    "resource driver_override partition size busnum devnum idVendor idProduct bDeviceClass bInterfaceClass",
    "bInterfaceSubClass bInterfaceProtocol nvme-subsystem nvme-fabrics bond bonding bonding_masters",
    "boot efi home var lib run srv tmp usr opt proc root etc mnt media console ptmx",
  ].flatMap((line) => line.split(" ")),
);

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Stable stand-ins for all that tells whose host it is: the same word has the same one everywhere. */
export class StandIns {
  readonly #given = new Map<string, string>();

  /** One part of a path, or one word. */
  word(text: string): string {
    if (text === "" || text === "." || text === "..") return text;
    if (COMMON_NAMES.has(text) || KERNEL_NAMES.some((form) => form.test(text))) return text;
    const known = this.#given.get(text);
    if (known !== undefined) return known;
    const number = this.#given.size + 1;
    const made = UUID.test(text)
      ? `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`
      : `name${number}`;
    this.#given.set(text, made);
    return made;
  }

  /** A path, absolute or not: the name of a driver is no secret, and what is below an interface is. */
  path(text: string): string {
    const parts = text.split("/");
    return parts
      .map((part, index) => {
        if (parts[index - 1] === "drivers" && /^[A-Za-z0-9_-]{1,64}$/.test(part)) return part;
        return part.startsWith("lower_") ? `lower_${this.word(part.slice(6))}` : this.word(part);
      })
      .join("/");
  }
}
