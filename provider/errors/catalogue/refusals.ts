import { sentence, type ErrorParts } from "./entry";
import { installAndList } from "./host-list";

/** `, since 2026-11-29T12:00:00Z`; nothing if nobody wrote it down. */
function sinceText(since: string | undefined): string {
  return since === undefined ? "" : `, since ${since}`;
}

const FOR_X86 =
  `Enable the IOMMU in the firmware (VT-d, AMD-Vi) and on the kernel command line of the host: intel_iommu=on with Intel's; ` +
  `AMD's is on by default, unless amd_iommu=off stands there.`;
const FOR_ARM =
  `There must be an SMMU (SMMUv3) before the device: enable it in the firmware, whose IORT table has to name it for this ` +
  `root complex; with a device tree it is the property iommu-map. The kernel needs no parameter; "dmesg | grep -i smmu" shows it.`;

/** By the name that bash gives the architecture (HOSTTYPE). */
function howToHaveGroups(architecture = ""): string {
  if (/^(x86_64|i[3-6]86)$/.test(architecture)) return FOR_X86;
  if (/^(aarch64|arm)/.test(architecture)) return FOR_ARM;
  if (/^(powerpc|ppc)/.test(architecture))
    return `The kernel makes groups there by itself, without a parameter: look into "dmesg" why it has made none for this host bridge.`;
  if (/^riscv/.test(architecture))
    return `The machine needs a RISC-V IOMMU before the device, which few have, and a kernel with its driver (6.13 or newer).`;
  return architecture === ""
    ? `On x86: ${FOR_X86} On arm64: ${FOR_ARM}`
    : `Enable the IOMMU of this ${architecture} in its firmware and in the kernel.`;
}

/**
 * What planning refuses with: nothing was touched. A preview shows it as the answer, not as a failure to
 * look.
 */
export const refusals = {
  DEVICE_NOT_FOUND: (d: { device: string }) => ({
    what: `the host has no PCI device at ${d.device}.`,
    cure: `Look for it with "lspci -D" and correct device.`,
  }),
  FUNCTION_NOT_FOUND: (d: { hostAddress: string; present: readonly string[] }) =>
    d.present.length === 0
      ? {
          what: `the host has no PCI function ${d.hostAddress}; nothing is in that slot.`,
          cure: `Correct device.`,
        }
      : {
          what: `the host has no PCI function ${d.hostAddress}; that device has ${d.present.join(", ")}.`,
          cure: `Correct functions or functionMap.`,
        },
  FUNCTION_IS_BRIDGE: (d: { hostAddress: string; isOfMachine: boolean }) =>
    d.isOfMachine
      ? {
          what: `${d.hostAddress} is a bridge that the host itself is made of (its host, ISA or LPC bridge), and not given to a guest.`,
          cure: `Leave it out of functions.`,
        }
      : {
          what: `${d.hostAddress} is a PCI bridge, which cannot be given to a guest.`,
          cure: `Name a function behind it.`,
        },
  FUNCTION_WITHOUT_IOMMU_GROUP: (d: { hostAddress: string; architecture?: string }) => ({
    what: `${d.hostAddress} has no IOMMU group, so VFIO cannot protect the host from it.`,
    cure: howToHaveGroups(d.architecture),
  }),
  LEFTOVERS_REFUSED: (d: { leftovers: readonly string[]; groups: readonly number[] }) => ({
    what:
      `functions of IOMMU group ${d.groups.join(", ")} would stay with a host driver, which VFIO does not allow: ` +
      `${d.leftovers.join(", ")}.`,
    touched: "nothing",
    cure:
      `Assign them as well, or set leftovers to "hold": ` +
      `they are then taken from the host and shown to nobody.`,
  }),
  LEFTOVER_NOT_HELD: (d: { leftovers: readonly string[] }) => ({
    what:
      `the IOMMU group has what leftovers: "hold" does not take from the host: ${d.leftovers.join(", ")}. ` +
      `Behind Intel VMD are disks of the host, which would be gone with it.`,
    touched: "nothing",
    cure: `Switch VMD off in the host's firmware for the ports of this group; or choose a device of another group.`,
  }),
  DOMAIN_NOT_ADDRESSABLE: (d: { functions: readonly string[] }) => ({
    what:
      `${d.functions.join(", ")} cannot be given to a guest: ` +
      `QEMU takes PCI domains of four digits (0000 to ffff) alone. Intel VMD makes domains beyond them.`,
    cure:
      `Switch VMD off in the host's firmware for the port of that device, and use the address that it has then ` +
      `("lspci -D"); or choose another device.`,
  }),
  GROUP_BRIDGE_IN_USE: (d: {
    bridges: readonly string[];
    unbinds: readonly string[];
    kernelRelease: string;
  }) => ({
    what:
      `a bridge in the IOMMU group has a driver with which the host's kernel` +
      `${d.kernelRelease === "" ? "" : ` (Linux ${d.kernelRelease})`} keeps the group from guests: ${d.bridges.join(", ")}.`,
    touched: "nothing",
    cure: `Take it from that driver: ${d.unbinds.join(" && ")}; or move the device to a slot behind another port.`,
  }),
  FUNCTION_HELD_BY_GUEST: (d: { hostAddress: string; guest: string; alias: string }) => ({
    what: `${d.hostAddress} is in use by guest ${d.guest} (hostdev ${d.alias}).`,
    touched: "nothing",
    cure: `Detach it there first.`,
  }),
  FUNCTION_PLUGGED_OTHERWISE: (d: { functions: readonly string[]; guest: string }) => ({
    what: `QEMU of guest ${d.guest} has ${d.functions.join(", ")}, plugged by someone else under ids of their own.`,
    touched: "nothing",
    cure: `Unplug them there first (QMP device_del with such an id), and run again.`,
  }),
  FUNCTION_UNIDENTIFIED: (d: { functions: readonly string[]; guest: string; ids: readonly string[] }) => ({
    what:
      `${d.functions.join(", ")} cannot go back to the host: QEMU of guest ${d.guest} has ${d.ids.join(", ")}, plugged by ` +
      `someone else in a way that does not tell which host function it is. If it were one of these, the release would block.`,
    cure: `Unplug it there (QMP device_del with that id), or shut the guest down, and run again.`,
  }),
  FUNCTION_USED_BY_HOST: (d: { uses: readonly string[]; canOverride: boolean }) => ({
    what: `the host needs what would be taken from it: ${d.uses.join("; ")}.`,
    touched: "nothing",
    cure:
      `Choose other functions, or move that use to another device first; ` +
      (d.canOverride
        ? `to take them all the same, set allowInUse to true.`
        : `what carries this SSH connection is never taken.`),
  }),
  FUNCTION_DRIVER_IN_USE: (d: { hostAddress: string; driver: string; uses: string }) => ({
    what:
      `${d.hostAddress} cannot be taken from ${d.driver}: it ${d.uses}. The driver would wait for the end of that, however ` +
      `long, and nothing could end the wait.`,
    touched: "nothing",
    cure: `End what uses it and run again, or bind it to vfio-pci when the host boots; allowInUse does not change this.`,
  }),
  FUNCTION_NOT_ANSWERING: (d: { hostAddress: string; powerState?: string }) => ({
    what:
      `${d.hostAddress} does not answer: its configuration space reads as all ones` +
      (d.powerState === undefined ? `.` : ` (power state ${d.powerState}).`),
    touched: "nothing",
    cure:
      `Bring it back: echo 1 > /sys/bus/pci/devices/${d.hostAddress}/remove && echo 1 > /sys/bus/pci/rescan; ` +
      `if that does not help, switch the host off and on.`,
  }),
  GROUP_RESERVED_BY_FIRMWARE: (d: {
    hostAddress: string;
    iommuGroup: number;
    regions: readonly string[];
  }) => ({
    what:
      `the firmware goes on using memory through IOMMU group ${d.iommuGroup} of ${d.hostAddress} (reserved, direct: ` +
      `${d.regions.join(", ")}), and the kernel gives such a device to no guest.`,
    touched: "nothing",
    cure:
      `Switch off in the firmware what uses the device (shared management ports, option ROMs, RMRR), ` +
      `or put it into another slot.`,
  }),
  INTERRUPTS_NOT_REMAPPED: (d: { hostAddress: string }) => ({
    what: `the host does not remap interrupts, and without that VFIO gives ${d.hostAddress} to no guest.`,
    touched: "nothing",
    cure:
      `Switch it on in the firmware (VT-d interrupt remapping, x2APIC) and take "nointremap" from the kernel's command line. ` +
      `echo Y > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts lets VFIO do without: then a guest with a ` +
      `device can raise any interrupt of the host, and so stop or take it over.`,
  }),
  VIRTUAL_IOMMU_SPLITS_GROUP: (d: {
    guest: string;
    virtualIommu: string;
    iommuGroup: number;
    functions: readonly string[];
  }) => ({
    what:
      `guest ${d.guest} has a virtual IOMMU (${d.virtualIommu}), with which each function has an address space of its own, ` +
      `and ${d.functions.join(", ")} are of one IOMMU group of the host (${d.iommuGroup}), which has one alone.`,
    touched: "nothing",
    cure: `Attach one function of the group, with leftovers: "hold" for the others; or start the guest without the virtual IOMMU.`,
  }),
  FUNCTION_HELD_BY_PROCESS: (d: { hostAddress: string; driver: string; by: string }) => ({
    what:
      `${d.hostAddress} is open through ${d.driver}, and no guest of this host is known to have it: ` +
      (d.by === "" ? `which process has it, this login cannot see.` : `${d.by} has it.`),
    touched: "nothing",
    cure:
      (d.by === "" ? `Look for it as root on the host ("fuser -v /dev/vfio/*"). ` : ``) +
      `End that program, or detach the device there, and run again.`,
  }),
  CONNECTION_THROUGH_GUEST: (d: { guest: string; interfaces: readonly string[] }) => ({
    what:
      `this SSH connection goes through guest ${d.guest} (${d.interfaces.join(", ")}), and may be cut off ` +
      `in the middle by what would be unplugged from it.`,
    touched: "nothing",
    cure:
      `Reach the host by another way (another address of it in connection.host, or connection.proxy); ` +
      `to unplug it all the same, set allowDisconnect to true.`,
  }),
  PHYSICAL_FUNCTION_NEEDED: (d: {
    hostAddress: string;
    virtualFunctions: readonly string[];
    by: string;
  }) => ({
    what:
      `${d.hostAddress} is the physical function of ${d.virtualFunctions.join(", ")}, which ${d.by} needs: ` +
      `when the host's driver loses the one, the others are gone.`,
    touched: "nothing",
    cure: `Leave ${d.hostAddress} to the host, or its virtual functions out.`,
  }),
  ATTACHMENT_OWNED_BY_ANOTHER: (d: {
    functions: readonly string[];
    guest: string;
    owner: string;
    canAdopt: boolean;
  }) => ({
    what: `${d.functions.join(", ")} in guest ${d.guest} are attached by another owner: ${d.owner}.`,
    touched: "nothing",
    cure: d.canAdopt
      ? `If this resource was renamed, give it an alias; to take the attachment over, set adopt to true.`
      : `Destroy that attachment first.`,
  }),
  ATTACHMENT_ADOPTED_BY_ANOTHER: (d: { owner: string; guest: string }) => ({
    what: `what this resource had attached to guest ${d.guest} has been adopted by ${d.owner}.`,
    touched: "nothing",
    cure: `Remove this resource from the program, or set adopt to true to take it back.`,
  }),
  ATTACHMENT_EXISTS: (d: {
    guest: string;
    owner: string;
    since?: string;
    functions: readonly string[];
    slot: string;
  }) => ({
    what:
      `guest ${d.guest} has an attachment of the same owner, ${d.owner}, already${sinceText(d.since)}: ` +
      `${d.functions.join(", ")} in ${d.slot}. The program wants other functions or another slot, and this stack's state ` +
      `does not know of it.`,
    touched: "nothing",
    cure:
      `Write the program as it was then, which takes it over without an interruption; or set adopt to true, ` +
      `which changes it; or destroy it from the stack that has it. If that stack is to keep it, give this resource another name.`,
  }),
  ATTACHMENT_TAKEN_OVER: (d: {
    guest: string;
    owner: string;
    since?: string;
    functions: readonly string[];
    prior: readonly string[];
    isTwin: boolean;
  }) =>
    d.isTwin
      ? {
          what:
            `guest ${d.guest} has ${d.functions.join(", ")} under the owner token of this resource, ${d.owner}, and this ` +
            `resource's state remembers ${d.prior.join(", ")}: two resources have the same token.`,
          touched: "nothing",
          cure:
            `If what is there is this resource's, set adopt to true and run "pulumi up". If it is another's, forget this ` +
            `resource with "pulumi state delete": the next "pulumi up" then makes it anew, under a token of its own.`,
        }
      : {
          what:
            `what guest ${d.guest} has under the owner token of this resource, ${d.owner}, is not this state's any more` +
            `${sinceText(d.since)}: ${d.functions.join(", ")}; another stack of the same name has made it or taken it over.`,
          touched: "nothing",
          cure:
            `Set adopt to true to take it over, or forget it here with "pulumi state delete". ` +
            `Give one of the resources another name.`,
        },
  GUEST_NOT_FOUND: (d: { guest: string }) => ({
    what: `the host has no guest ${d.guest}.`,
    cure: `Look with "virsh list --all" and correct guest.domain or connection.host.`,
  }),
  GUEST_NOT_RUNNING: (d: { guest: string; hasConfiguration: boolean }) => ({
    what: `guest ${d.guest} is not running; a live attachment needs a running guest.`,
    touched: "nothing",
    cure: d.hasConfiguration
      ? `Start it and run again; or set persistent to true: then its configuration gets the functions now, and the ` +
        `guest has them from its next start on.`
      : `Start it and run again.`,
  }),
  GUEST_NEVER_RAN: (d: { guest: string }) => ({
    what:
      `guest ${d.guest} was started paused and has never run; an unplug asked for now would block its slot ` +
      `until a reset.`,
    touched: "nothing",
    cure: `Resume the guest and run again.`,
  }),
  GUEST_HALTED: (d: {
    guest: string;
    by: "QEMU" | "libvirt";
    state: string;
    meaning: string;
    cure: string;
  }) => ({
    what: `guest ${d.guest} ${d.meaning} (${d.by} says "${d.state}"); nothing is plugged or unplugged in that state.`,
    touched: "nothing",
    cure: sentence(d.cure),
  }),
  GUEST_IS_TRANSIENT: (d: { guest: string }) => ({
    what: `guest ${d.guest} is transient: it has no configuration that a later cold boot could use.`,
    touched: "nothing",
    cure: `Define it ("virsh define"), or leave persistent out.`,
  }),
  PERSISTENT_NEEDS_NEWER_LIBVIRT: (d: { guest: string; version: string; obstacle: "running" | "held" }) =>
    d.obstacle === "running"
      ? {
          what:
            `persistent needs libvirt 8.3.0 or newer on the host of guest ${d.guest} while that runs; this one is ` +
            `${d.version}, and could not tell what a cold boot has plugged from what was plugged live.`,
          touched: "nothing",
          cure:
            `Shut the guest off and run again: its configuration is changed then. Or leave persistent out, or update ` +
            `libvirt.`,
        }
      : {
          what:
            `guest ${d.guest} is shut off, and functions of this attachment are on vfio-pci still: libvirt ${d.version}, ` +
            `older than 8.3.0, does not give back what was held live, so that this cannot become persistent.`,
          touched: "nothing",
          cure: `Give them back with "pulumi destroy", then run again; or update libvirt.`,
        },
  STEPPING_STONE_IMPOSSIBLE: (d: { version: string; guest: string; reason: string; cure: string }) => ({
    what:
      `libvirt ${d.version}, older than 8.3.0, can give guest ${d.guest} a set only by showing it one function of each ` +
      `IOMMU group alone for some seconds, and ${sentence(d.reason)}`,
    touched: "nothing",
    cure: `${d.cure}, or update libvirt on the host.`,
  }),
  FUNCTION_CONFIGURED_OTHERWISE: (d: { functions: readonly string[]; guest: string }) => ({
    what: `the configuration of guest ${d.guest} gives it ${d.functions.join(", ")} already, by a device of its own.`,
    touched: "nothing",
    cure: `Remove that device ("virsh detach-device --config"), or leave persistent out.`,
  }),
  FUNCTION_CONFIGURED_ELSEWHERE: (d: { functions: readonly string[]; guest: string; other: string }) => ({
    what:
      `guest ${d.guest} is to have ${d.functions.join(", ")} at its next start, and so is guest ${d.other}, by its ` +
      `configuration: whichever of them starts second would not start.`,
    touched: "nothing",
    cure: `Take them out of the configuration of ${d.other}, or name other functions.`,
  }),
  GROUP_NODE_CLOSED: (d: { guest: string; pid: number; user: string; path: string; owner?: string }) => ({
    what:
      `QEMU of guest ${d.guest} (process ${d.pid}, user ${d.user}) may not open ${d.path}, ` +
      (d.owner === undefined ? `which will be root's when it appears.` : `which belongs to ${d.owner}.`),
    touched: "nothing",
    cure:
      (d.owner === undefined
        ? `On the host, once: `
        : `On the host now: chown ${d.user} ${d.path}; for good: `) +
      `echo 'SUBSYSTEM=="vfio", OWNER="${d.user}"' > /etc/udev/rules.d/10-vfio.rules && udevadm control --reload.`,
  }),
  HOST_RULES_MISSING: (d: { target: string; reason: string; lines: readonly string[] }) => ({
    what: `${d.target} does not allow this to the account: ${sentence(d.reason)}`,
    cure: installAndList(d.lines),
  }),
  MEMLOCK_TOO_LOW: (d: {
    guest: string;
    pid?: number;
    user?: string;
    unit?: string;
    limitMiB: number;
    memoryMiB: number;
    neededBytes: number;
    isOncePerDevice?: boolean;
  }) => ({
    what:
      `QEMU of guest ${d.guest} (` +
      (d.pid === undefined ? `by hard_limit of its memtune` : `process ${d.pid}, user ${d.user}`) +
      `) may lock ${d.limitMiB} MiB; VFIO pins all of the guest's ${d.memoryMiB} MiB` +
      (d.isOncePerDevice === true ? `, once for each device of a guest with a virtual IOMMU` : ``) +
      `, for which it needs ${d.neededBytes} bytes with a margin.`,
    touched: "nothing",
    cure:
      d.pid === undefined
        ? `Take the limit away: "virsh memtune ${d.guest} --hard-limit -1 --live --config"; or raise it to ` +
          `${Math.ceil(d.neededBytes / 1024)} (KiB).`
        : `On the host now: prlimit --pid ${d.pid} --memlock=${d.neededBytes}:${d.neededBytes}; for its next start: ` +
          `LimitMEMLOCK=${d.neededBytes} in [Service] of ${d.unit ?? "its systemd unit, or ulimit -l where a script starts it"}.`,
  }),
  NO_FREE_SLOT: (d: { guest: string; buses: readonly string[]; hasConfiguration: boolean }) => ({
    what:
      `guest ${d.guest} has no free hotplug slot on its ${d.buses.length} port(s) and buses: ` +
      `${d.buses.join("; ") || "it has no hotplug bus"}.`,
    cure: d.hasConfiguration
      ? `Add a port to its configuration for the next boot: <controller type='pci' model='pcie-root-port'/>.`
      : `Give its QEMU one more port at its next start: -device pcie-root-port,id=rp9,bus=pcie.0,chassis=9.`,
  }),
  SLOT_CONFIGURED_OTHERWISE: (d: { guest: string; slot: string; isMissing: boolean }) => ({
    what:
      `the attachment stands in guest slot ${d.slot} of ${d.guest}, and cannot be persistent there: the guest's configuration ` +
      (d.isMissing ? `has no such bus.` : `gives that slot to another device at its next boot.`),
    touched: "nothing",
    cure:
      (d.isMissing
        ? `Add the bus to the configuration`
        : `Give that device another address in the configuration`) +
      ` ("virsh edit"); or name in guestSlot where the attachment is to go, for which the guest loses it for a moment; ` +
      `or leave persistent out.`,
  }),
  SLOT_REFUSED: (d: { guest: string; slot: string; reason: string }) => ({
    what: `guest slot ${d.slot} of ${d.guest} cannot be used: ${sentence(d.reason)}`,
    cure: `Correct guestSlot, or leave it out.`,
  }),
} satisfies Record<string, (details: never) => ErrorParts>;
