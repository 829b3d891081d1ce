import type { GuestDevice } from "../../host/facts";

type Named = Pick<GuestDevice, "kind" | "key">;

/** The name of a guest in what follows `-name`: `web`, `guest=web,debug-threads=on`. */
export function nameOfArgument(text: string): string {
  const parts = text.split(",");
  const named = parts.find((one) => one.startsWith("guest="));
  return named?.slice("guest=".length) ?? parts[0] ?? "";
}

/**
 * The devices of the host in one argument of QEMU's, of whichever form: `-drive file=/dev/sdb,…`, `-blockdev
 * {"driver":"host_device","filename":"/dev/sdb"}`, `-device usb-host,hostbus=1,hostaddr=4`. QEMU doubles a
 * comma in a value, and a path with one is not told.
 */
export function devicesOfArgument(text: string): Named[] {
  const paths = [...text.matchAll(/(?<=^|[=":,])\/dev\/[^,"\s}]{1,300}/g)].map(([path]) => pathDevice(path));
  return [...paths.flat(), ...mediatedDevice(text), ...usbDevice(text)];
}

/** Nodes that each QEMU has, and that are nobody's device. */
const SHARED =
  /^\/dev\/(?:null|zero|full|u?random|hwrng|kvm|sev|sgx_vepc|sgx_provision|vhost-\w+|net\/tun|shm\/.*|hugepages.*|pts\/.*|ptmx|fd(?:set)?\/.*|vfio\/.*|tty|userfaultfd|iommu)$/;

function pathDevice(path: string): Named[] {
  // a vDPA device is none of those that are named alike
  if (SHARED.test(path) && !path.startsWith("/dev/vhost-vdpa")) return [];
  return [{ kind: kindOfPath(path), key: path }];
}

/** By the names that udev gives to nodes. */
function kindOfPath(path: string): GuestDevice["kind"] {
  if (/^\/dev\/vhost-vdpa/.test(path)) return "vdpa";
  if (/^\/dev\/input\//.test(path)) return "input";
  if (/^\/dev\/tpm/.test(path)) return "tpm";
  if (/^\/dev\/(?:tty|serial\/)/.test(path)) return "serial";
  if (/^\/dev\/dri\//.test(path)) return "display";
  if (/^\/dev\/(?:sg|bsg)/.test(path)) return "scsi";
  return "disk";
}

/** `vfio-pci,sysfsdev=/sys/bus/mdev/devices/UUID` */
function mediatedDevice(text: string): Named[] {
  const [, uuid] =
    /sysfsdev"?[=:]"?\/sys\/[^,"\s]*\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/.exec(text) ?? [];
  return uuid === undefined ? [] : [{ kind: "mdev", key: `mdev:${uuid}` }];
}

/** `usb-host,hostbus=1,hostaddr=4`, `…,hostbus=1,hostport=4.2`, `…,vendorid=0x046d,productid=0xc31c` */
function usbDevice(text: string): Named[] {
  const valueOf = (name: string): string | undefined =>
    new RegExp(`[,"]${name}"?[=:]"?([0-9a-fx.]{1,30})`).exec(text)?.[1];
  const [bus, address, port] = ["hostbus", "hostaddr", "hostport"].map(valueOf);
  if (bus !== undefined && address !== undefined) return [{ kind: "usb", key: `usb:${bus}:${address}` }];
  if (bus !== undefined && port !== undefined) return [{ kind: "usb", key: `usb-port:${bus}-${port}` }];
  const [vendor, product] = ["vendorid", "productid"].map((name) => hexOf(valueOf(name)));
  return vendor === undefined || product === undefined
    ? []
    : [{ kind: "usb", key: `usb-id:${vendor}:${product}` }];
}

/** `0x046d`, and in JSON `1133`: four digits of hex. */
function hexOf(text: string | undefined): string | undefined {
  if (text === undefined || !/^(?:0x[0-9a-f]{1,4}|\d{1,5})$/.test(text)) return undefined;
  return Number(text).toString(16).padStart(4, "0");
}
