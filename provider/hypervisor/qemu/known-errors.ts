import { QmpError } from "../../qmp";

/**
 * Texts by which QEMU's errors must be told apart, because their class is GenericError. Seen in the
 * versions named; anything else is not recognised, and reported as it is.
 */
const texts = {
  /** Native hotplug, 7.2 and 10.0: nothing was requested; ask again later. */
  busy: /guest is busy \(power indicator blinking\)/,
  /** All slot kinds, 5.2 to 10.0: an earlier request is pending. */
  pending: /already in the process of unplug|unplug already in progress/,
  /** vfio, 10.0 under libvirt 11.3 and 7.2 under 9.0: the group's node is not in the guest's /dev. */
  groupNode: /Could not open '\/dev\/vfio\/\d+'|failed to open \/dev\/vfio\/\d+/,
} as const;

/** What QEMU's refusal of a device_del or device_add means; undefined for one that is not known. */
export function findMeaning(error: unknown): "gone" | keyof typeof texts | undefined {
  if (!(error instanceof QmpError)) return undefined;
  if (error.errorClass === "DeviceNotFound") return "gone";
  const known = Object.entries(texts).find(([, pattern]) => pattern.test(error.description));
  return known?.[0] as keyof typeof texts | undefined;
}
