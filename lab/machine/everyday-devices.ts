import { join } from "node:path";
import type { Hardware } from "./hardware";

/** Each disk's size: enough for a partition table and a file system. */
export const EXTRA_DISK_SIZE = "64M";

/** What the everyday devices' disks are called in the machine's folder and in QEMU. */
const DISKS = ["nvme", "sata0", "sata1", "usb"] as const;

/** Where the everyday devices are; tests name them. */
export const EVERYDAY = {
  nvme: "0000:03:00.0",
  sata: "0000:04:00.0",
  sound: "0000:05:00.0",
  usb: "0000:06:00.0",
  serial: "0000:07:00.0",
  display: "0000:00:1e.0",
} as const;

/** What QEMU cannot save, and so is plugged into the running machine: arguments of `device_add`. */
export const EVERYDAY_LATE = { driver: "nvme", serial: "lab-nvme", drive: "nvme", bus: "port3" } as const;

/** Kernel arguments that make the serial card a console: the fifth port, after four of the chipset's. */
export const SERIAL_CARD_CONSOLE = "console=ttyS4";

/** Files of the disks that a machine has beside its root disk: their states are saved with the root's. */
export function extraDisks(hardware: Hardware, folder: string): string[] {
  return hardware.extras === "everyday" ? DISKS.map((name) => join(folder, `${name}.qcow2`)) : [];
}

/**
 * A display that is the boot VGA, and behind ports of their own, each in its IOMMU group: an HBA with two
 * disks, a sound card, a USB controller with keyboard and stick, a serial card, and room for
 * {@link EVERYDAY_LATE}.
 */
export function everydayArguments(folder: string, quoted: (path: string) => string): string[] {
  const drives = extraDisks({ nic: "e1000e", extras: "everyday" }, folder).map(
    (file, index) => `if=none,id=${DISKS[index]},format=qcow2,cache=unsafe,file=${quoted(file)}`,
  );
  const ports = [3, 4, 5, 6, 7].map(
    (n) =>
      `pcie-root-port,id=port${n},chassis=${n},slot=${n},bus=pcie.0,addr=0x18.0x${n - 3}${n === 3 ? ",multifunction=on" : ""}`,
  );
  const devices = [
    "VGA,bus=pcie.0,addr=0x1e",
    ...ports,
    "ich9-ahci,id=hba,bus=port4",
    "ide-hd,drive=sata0,bus=hba.0",
    "ide-hd,drive=sata1,bus=hba.1",
    "intel-hda,id=sound,bus=port5",
    "hda-output,audiodev=silence,bus=sound.0",
    "qemu-xhci,id=usb,bus=port6",
    "usb-kbd,bus=usb.0",
    "usb-storage,drive=usb,bus=usb.0",
    "pci-serial,chardev=serialcard,bus=port7",
  ];
  return [
    ...["-audiodev", "none,id=silence", "-chardev", "null,id=serialcard"],
    ...drives.flatMap((drive) => ["-drive", drive]),
    ...devices.flatMap((device) => ["-device", device]),
  ];
}
