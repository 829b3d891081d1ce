import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment } from "pulumi-multifunction-pci";

const config = new pulumi.Config();

const ports = new MultifunctionPciAttachment("ports", {
  // The private key is the stack's multifunction-pci:privateKey: no input, and in no state of the resource.
  connection: {
    host: config.require("host"),
    port: config.getNumber("port"),
    user: config.get("user"),
    hostKey: config.require("hostKey"),
  },
  guest: { domain: config.require("domain") },
  device: config.require("device"),
  functions: config.requireObject<number[]>("functions"),
  // The rest of the IOMMU group: taken from the host, and shown to nobody.
  leftovers: "hold",
});

export const slot = ports.slot;
export const attached = ports.attached.apply((all) => all.map((one) => one.hostAddress));
export const held = ports.held.apply((all) => all.map((one) => one.hostAddress));
