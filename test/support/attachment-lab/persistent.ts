import { aliasOf, tagOf } from "../../../provider/plan";
import { at } from "../desired";
import { NIC, type AttachmentLab } from "./attachment-lab";
import { ALL, ByHand } from "./by-hand";

/** What the tests of persistent attachments expect of the lab's device, in guest1's port of the same bus. */
export const OWNER = "organization/lab/test/nic";
export const e1000e = ALL.map(() => "e1000e");
export const vfio = ALL.map(() => "vfio-pci");
export const persistent = { persistent: true };
export const twoHeld = { persistent: true, functions: [0, 2], leftovers: "hold" };
export const allConfigured = ALL.map((n) => `${NIC}.${n} at pci.8 0.${n}`);
export const twoConfigured = [`${NIC}.0 at pci.8 0.0`, `${NIC}.1`, `${NIC}.2 at pci.8 0.2`, `${NIC}.3`];
export const nothingConfigured = { functions: [], owners: [] };

/** The ids of functions that a guest was started with. */
export function coldIds(...numbers: readonly number[]): string[] {
  return numbers.map((n) => aliasOf(tagOf(OWNER), at(`${NIC}.${n}`)));
}

/** The ids that QEMU has of ours, plugged or started with, in the order of the host's functions. */
export async function attachedIdsInQemu(lab: AttachmentLab): Promise<string[]> {
  return (await new ByHand(lab).idsInQemu()).filter((name) => name.includes("mfpci-"));
}
