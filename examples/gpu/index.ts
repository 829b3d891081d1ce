import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment, type GuestArgs } from "pulumi-multifunction-pci";

const config = new pulumi.Config();
const device = config.require("device");
const functions = config.getObject<number[]>("functions") ?? [0, 1, 2, 3];

const gpu = new MultifunctionPciAttachment("gpu", {
  // The private key is the stack's multifunction-pci:privateKey.
  connection: {
    host: config.require("host"),
    port: config.getNumber("port"),
    user: config.get("user"),
    hostKey: config.require("hostKey"),
  },
  // { domain: "guest1" } of libvirt, or { qmpSocket: "/var/run/qemu-server/100.qmp" } of Proxmox VE.
  guest: config.requireObject<GuestArgs>("guest"),
  functionMap: [
    // VGA. Its ROM (VBIOS) from a file, where the card's own is not to be read.
    { hostAddress: `${device}.0`, guestFunction: 0, romFile: config.get("romFile") },
    // Audio: sound over HDMI and DisplayPort.
    { hostAddress: `${device}.1`, guestFunction: 1 },
    // USB: the xHCI controller behind the card's USB-C connector.
    { hostAddress: `${device}.2`, guestFunction: 2 },
    // UCSI: power and modes of that connector.
    { hostAddress: `${device}.3`, guestFunction: 3 },
  ].filter(({ guestFunction }) => functions.includes(guestFunction)),
  // What happens to functions of the same IOMMU group that are not given away.
  leftovers: config.get<"refuse" | "hold">("leftovers"),
});

export const slot = gpu.slot;
export const attached = gpu.attached;
