import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment, type GuestArgs } from "pulumi-multifunction-pci";

const config = new pulumi.Config();

const ports = new MultifunctionPciAttachment("ports", {
  // The private key is the stack's multifunction-pci:privateKey.
  connection: {
    host: config.require("host"),
    port: config.getNumber("port"),
    user: config.get("user"),
    hostKey: config.require("hostKey"),
  },
  // { domain: "guest1" } of libvirt, or { qmpSocket: "/var/run/qemu-server/100.qmp" } of Proxmox VE.
  guest: config.requireObject<GuestArgs>("guest"),
  // The first becomes guest function 0, the next one 1, up to 7: one device in the guest, whichever host
  // slots they are in.
  functionMap: config
    .requireObject<string[]>("virtualFunctions")
    .map((hostAddress, guestFunction) => ({ hostAddress, guestFunction })),
});

export const slot = ports.slot;
export const attached = ports.attached;
