import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";

const config = new pulumi.Config();
const qmpSocket = config.get("qmpSocket");

const nic = new MultifunctionPciAttachment("nic", {
  connection: {
    host: config.require("host"),
    port: config.getNumber("port") ?? 22,
    user: config.get("user") ?? "root",
    privateKey: config.requireSecret("sshKey"),
    hostKey: config.require("hostKey"),
  },
  // A libvirt domain, or the QMP socket of a QEMU without libvirt.
  guest: qmpSocket === undefined ? { domain: config.require("domain") } : { qmpSocket },
  device: config.require("device"),
  // Without `functions`: all that the device has.
  functions: config.getObject<number[]>("functions"),
  leftovers: config.get<"refuse" | "hold">("leftovers"),
});

export const slot = nic.slot;
export const attached = nic.attached;
