import { sentence, type ErrorParts } from "./entry";

/** A host by its UUID and, if it is known, the fingerprint of its SSH host key. */
function hostText(uuid: string, key: string | undefined): string {
  return key === undefined ? uuid : `${uuid} with the host key ${key}`;
}

/** Carrying out what was planned, and verifying what was recorded. */
export const carryingOut = {
  PROVIDER_ENDING: (d: { reason: string }) => ({
    what: `the provider process is ending: ${sentence(d.reason)}`,
    touched: `Nothing was touched by this operation.`,
    cure: `Run again.`,
  }),
  DEADLINE_EXCEEDED: (d: { what: string; seconds: number; reason: string }) => ({
    what: `the ${d.what} took longer than ${d.seconds} s: ${sentence(d.reason)}`,
    cure: `Where that is too short for this guest, raise timeouts.`,
  }),
  PLUG_FAILED: (d: { hostAddress: string; slot: string; reason: string; isRefusedByIommu?: boolean }) => ({
    what: `QEMU did not take ${d.hostAddress} into guest slot ${d.slot}: ${sentence(d.reason)}`,
    ...(d.isRefusedByIommu === true && {
      cure:
        `The kernel's own reason is in the host's log ("dmesg"): mostly that interrupts are not remapped ` +
        `(VFIO's parameter allow_unsafe_interrupts does without), or that the firmware keeps memory of the device (RMRR).`,
    }),
  }),
  GUEST_MEMORY_NOT_LOCKED: (d: { hostAddress: string; slot: string; reason: string }) => ({
    what:
      `QEMU did not take ${d.hostAddress} into guest slot ${d.slot}, because it may not lock the guest's memory ` +
      `(VFIO_MAP_DMA, -12): ${sentence(d.reason)}`,
    cure:
      `VFIO pins all of it; with a virtual IOMMU once for each device. Under libvirt look at hard_limit ("virsh memtune"); ` +
      `else raise LimitMEMLOCK of its unit, or "prlimit --memlock" of its process. The host has to have that memory free.`,
  }),
  GUEST_MEMORY_NOT_MAPPED: (d: { hostAddress: string; slot: string; reason: string }) => ({
    what:
      `QEMU did not take ${d.hostAddress} into guest slot ${d.slot}, because the host's IOMMU does not take an address of the ` +
      `guest (VFIO_MAP_DMA, -22): ${sentence(d.reason)}`,
    cure:
      `The guest's addresses reach higher than the IOMMU's, or into what the host has reserved. Give its processor fewer: ` +
      `<maxphysaddr mode='emulate' bits='39'/> in <cpu> (QEMU: -cpu …,phys-bits=39), and start it anew.`,
  }),
  UNPLUG_REFUSED_BY_GUEST: (d: { slot: string; functions: readonly string[] }) => ({
    what: `the guest refused to let go of ${d.functions.join(", ")} in slot ${d.slot}; it still has them.`,
    cure:
      `See in the guest who uses the device and why it refused (its kernel log), ` +
      `or reset it, and run again.`,
  }),
  UNPLUG_NEEDS_RUNNING_GUEST: (d: {
    slot: string;
    functions: readonly string[];
    by: "QEMU" | "libvirt";
    state: string;
    meaning: string;
    cure: string;
  }) => ({
    what:
      `the guest ${d.meaning} (${d.by} says "${d.state}"), and lets go of ${d.functions.join(", ")} in slot ${d.slot} only ` +
      `when it runs; the request stays with it.`,
    cure: sentence(d.cure),
  }),
  GUEST_HALTED_MEANWHILE: (d: {
    slot: string;
    by: "QEMU" | "libvirt";
    state: string;
    meaning: string;
    cure: string;
  }) => ({
    what: `the guest ${d.meaning} (${d.by} says "${d.state}"), before it took what was plugged into slot ${d.slot}.`,
    cure: sentence(d.cure),
  }),
  SLOT_SWEPT: (d: { slot: string; missing: readonly string[] }) => ({
    what: `guest slot ${d.slot} was emptied again right after the plug, unasked: ${d.missing.join(", ")} are gone from QEMU.`,
    cure: `Run again.`,
  }),
  SLOT_HALF_BOOTED: (d: { slot: string }) => ({
    what: `the guest began to boot while its slot ${d.slot} was half plugged, and would see function 0 alone.`,
    cure: `Run again.`,
  }),
  GUEST_STOPPED: (d: { guest: string }) => ({
    what: `guest ${d.guest} stopped meanwhile; its functions have gone back to the host.`,
    cure: `Start it and run again.`,
  }),
  ATTACH_FAILED: (d: { guest: string; reason: string; outcome: string }) => ({
    what: `attaching to guest ${d.guest} failed: ${sentence(d.reason)}`,
    touched: d.outcome,
  }),
  ATTACHED_WITH_LEFTOVERS: (d: { guest: string; left: readonly string[]; reason: string }) => ({
    what: `guest ${d.guest} has what is wanted, and keeps it, but not all is done: ${sentence(d.reason)}`,
    touched: `Left to do: ${d.left.join("; ")}.`,
    cure: `Run again: that alone is done then, and the guest is not interrupted.`,
  }),
  DETACH_FAILED: (d: { guest: string; reason: string }) => ({
    what: `detaching from guest ${d.guest} failed: ${sentence(d.reason)}`,
    cure: `What is left is still recorded; run again to finish.`,
  }),
  HOST_NOT_VERIFIED: (d: {
    functions: readonly string[];
    guestUuid: string;
    reason: string;
    variable: string;
  }) => ({
    what:
      `${sentence(d.reason)} So it cannot be verified that ${d.functions.join(", ")} are back with the host, nor that guest ` +
      `${d.guestUuid} no longer has them.`,
    cure:
      `Run destroy again once the host answers. Where it is gone for good, set ` +
      `${d.variable}=1 in the environment of that one command: the attachment is then forgotten unseen.`,
  }),
  ANOTHER_HOST: (d: {
    host: string;
    expected: string;
    actual: string;
    expectedKey?: string | undefined;
    actualKey?: string | undefined;
  }) => ({
    what:
      `${d.host} is host ${hostText(d.actual, d.actualKey)}, but this attachment was made on host ` +
      `${hostText(d.expected, d.expectedKey)}, and no record of it is here.`,
    touched: "nothing",
    cure:
      `Correct connection.host. ` +
      (d.expected === d.actual
        ? `A UUID alone does not tell, boards and cloned images share it. If this is the host, with a new key: start its guest, ` +
          `by which it is known. `
        : `If it is the same host, libvirt makes up a UUID at each start because the firmware has none: ` +
          `set host_uuid = "${d.expected}" in its libvirtd.conf or virtqemud.conf. `) +
      `Where host or guest is gone for good, "pulumi state delete" forgets the attachment.`,
  }),
  ANOTHER_GUEST: (d: { guest: string; expected: string; actual: string }) => ({
    what: `guest ${d.guest} is now ${d.actual}, but this attachment was made in guest ${d.expected}.`,
    touched: "nothing",
    cure: `Run "pulumi preview": it plans a replacement.`,
  }),
  GROUP_NODE_LOST: (d: { hostAddress: string; reason: string }) => ({
    what: `the guest's QEMU cannot open the VFIO group of ${d.hostAddress}: ${sentence(d.reason)}`,
    cure: `Run again.`,
  }),
  GROUP_NODE_BUSY: (d: { hostAddress: string; path: string; holders: readonly string[] }) => ({
    what:
      `the guest's QEMU cannot open ${d.path} for ${d.hostAddress}, which is in use: ` +
      (d.holders.length === 0
        ? `another process has it open, which this login cannot see.`
        : `${d.holders.join(", ")} has it open.`),
    cure:
      (d.holders.length === 0 ? `Look for it as root on the host ("fuser -v ${d.path}"). ` : ``) +
      `Detach the device there, or end that process, and run again.`,
  }),
  GROUP_NODE_DENIED: (d: {
    hostAddress: string;
    path: string;
    by: "cgroup" | "access";
    confinements: readonly string[];
    reason: string;
  }) => ({
    what:
      `the guest's QEMU may not open ${d.path} for ${d.hostAddress}: ${sentence(d.reason)} ` +
      (d.by === "cgroup"
        ? `That is the answer of a cgroup whose list of devices does not have it.`
        : `That is the answer of the node's owner and mode, or of a security module; active on the host: ` +
          `${d.confinements.join(", ") || "none that this login can see"}.`),
    cure:
      d.by === "cgroup"
        ? `Allow the device: cgroup_device_acl in libvirt's qemu.conf, or DeviceAllow of the unit that starts QEMU. ` +
          `Where libvirt manages the guest and somebody has detached a function of this group, destroy this resource and run again.`
        : `Compare "ls -l ${d.path}" with QEMU's user, and look into the host's log for a denial ("dmesg", "ausearch -m avc"). ` +
          `Where libvirt manages the guest and somebody has detached a function of this group, destroy this resource and run again.`,
  }),
  GUEST_CONNECTION_LOST: (d: { waitingFor: readonly string[] }) => ({
    what: `the connection to the guest was lost while it was letting go of ${d.waitingFor.join(", ")}.`,
    cure: `Run again: what it has let go of is found and released.`,
  }),
  DRIVER_NOT_BACK: (d: { functions: readonly string[]; reason: string }) => ({
    what: `functions are back on the host without their driver: ${d.functions.join(", ")}: ${sentence(d.reason)}`,
    cure: `Run again, or bind them by hand: echo ADDRESS > /sys/bus/pci/drivers_probe.`,
  }),
} satisfies Record<string, (details: never) => ErrorParts>;
