import type { BeneathDevice, HostDevices } from "../host/facts";
import { describeHostDevices } from "./describe-host-use";
import { listSome } from "./list-some";

/** Most devices that are named in one list. */
const MOST_NAMED = 6;

/** What is said of a device, whatever it hangs below. */
export type LostDevice = Omit<BeneathDevice, "hostAddresses">;

/** All that the host has no more. */
export interface LostDevices extends Partial<HostDevices> {
  readonly beneath?: readonly LostDevice[] | undefined;
}

/**
 * All that the host has no more, in words that follow "with": `interface eth1 and disk sda, and keyboard
 * 'Dell KB216'`; empty where it is nothing.
 */
export function describeLost({ interfaces = [], disks = [], beneath = [] }: LostDevices): string {
  return [describeHostDevices({ interfaces, disks }), listBeneath(worthTelling(beneath))]
    .filter((one) => one !== "")
    .join(", and ");
}

/**
 * Without what is told otherwise: interfaces and disks; parts of a USB device; of displays what is neither a
 * card nor a screen.
 */
function worthTelling(devices: readonly LostDevice[]): LostDevice[] {
  const usb = new Set(devices.filter((one) => one.kind === "usb").map((one) => one.name));
  return devices.filter(({ kind, name, within = "", traits = [] }) => {
    if (usb.has(within) || kind === "interface" || kind === "disk") return false;
    return kind !== "display" || /^card\d+$/.test(name) || traits.some((one) => one !== "boot");
  });
}

/** `keyboard 'Dell KB216', RDMA device mlx5_0 and 12 more`; empty where there is none. */
export function listBeneath(devices: readonly LostDevice[]): string {
  return listSome(devices, MOST_NAMED, describeBeneath);
}

const WORDS: Readonly<Record<BeneathDevice["kind"], string>> = {
  interface: "interface",
  disk: "disk",
  display: "display",
  tty: "serial port",
  mdev: "mediated device",
  vdpa: "vDPA device",
  tpm: "TPM",
  watchdog: "watchdog",
  ipmi: "IPMI",
  thunderbolt: "Thunderbolt device",
  rdma: "RDMA device",
  sound: "sound card",
  usb: "USB device",
  input: "input device",
};

/** `keyboard 'Dell KB216'`, `sound card card0 (PCH)`, `display card0-HDMI-A-1 (lit)` */
function describeBeneath({ kind, name, detail, traits = [] }: LostDevice): string {
  if (kind === "usb" || kind === "input") {
    const role = traits.find((one) => one === "keyboard" || one === "mouse");
    const word = role ?? (traits.includes("storage") ? "USB storage" : WORDS[kind]);
    return `${word} ${detail === undefined ? name : `'${detail}'`}`;
  }
  const shown = traits.filter((one) => one === "lit" || one === "console");
  const more = [...(detail === undefined ? [] : [detail]), ...shown];
  return `${WORDS[kind]} ${name}${more.length === 0 ? "" : ` (${more.join(", ")})`}`;
}
