import * as pulumi from "@pulumi/pulumi";
import { MultifunctionPciAttachment, type ConnectionArgs } from "pulumi-multifunction-pci";

// What differs between the stacks is in Pulumi.<stack>.yaml, and nowhere else.
const config = new pulumi.Config();

const nic = new MultifunctionPciAttachment("nic", {
  // The private key is the stack's own multifunction-pci:privateKey.
  connection: config.requireObject<ConnectionArgs>("connection"),
  guest: { domain: config.require("domain") },
  device: config.require("device"),
  functions: config.requireObject<number[]>("functions"),
  leftovers: "hold",
});

export const slot = nic.slot;
export const attached = nic.attached.apply((all) => all.map((one) => one.hostAddress));
