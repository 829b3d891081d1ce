/** A reason is quoted as it came: with a full stop at its end or without, or with another error's code. */
function sentence(reason: string): string {
  return /[.!?\]]$/.test(reason) ? reason : `${reason}.`;
}

/** `, since 2026-11-29T12:00:00Z`; nothing where nobody wrote it down. */
function sinceText(since: string | undefined): string {
  return since === undefined ? "" : `, since ${since}`;
}

/** A host by its UUID and, where that is known, the fingerprint of its SSH host key. */
function hostText(uuid: string, key: string | undefined): string {
  return key === undefined ? uuid : `${uuid} with the host key ${key}`;
}

/** Reaching a host and its libvirt. */
const reaching = {
  // --- ssh ---
  SSH_DIAL_FAILED: (d: { target: string; attempts: number; reason: string }) =>
    `cannot reach ${d.target} over SSH after ${d.attempts} attempt(s): ${sentence(d.reason)} ` +
    `Check connection.host and connection.port, and that sshd listens there.`,
  SSH_HANDSHAKE_FAILED: (d: { target: string; reason: string }) =>
    `the SSH handshake with ${d.target} failed: ${sentence(d.reason)} ` +
    `Check that an SSH server of a supported version listens there, and its log.`,
  SSH_KEY_UNUSABLE: (d: { target: string; source: string; reason: string }) =>
    `the private key for ${d.target} (${d.source}) cannot be used: ${sentence(d.reason)} Nothing was sent to the host.`,
  SSH_CONFIG_UNSUPPORTED: (d: { host: string; reason: string }) =>
    `what OpenSSH's configuration says of ${d.host} cannot be followed: ${sentence(d.reason)} Nothing was sent to the host.`,
  SSH_AUTH_REFUSED: (d: {
    target: string;
    offered: readonly string[];
    allowed: readonly string[];
    reason: string;
  }) =>
    `${d.target} refused the login: ${sentence(d.reason)} Offered: ${d.offered.join("; ") || "no credential at all"}. ` +
    `The server accepts: ${d.allowed.join(", ") || "it did not say"}. ` +
    `Check connection.user, that a key offered is in the user's authorized_keys, or give another credential.`,
  SSH_PASSWORD_EXPIRED: (d: { target: string; asked: string }) =>
    `the password for ${d.target} has to be changed before anything else: the host says ${d.asked}. It is not changed from here. ` +
    `Log in once with "ssh" and change it, then give the new one. An account with an expired password refuses a key's login too.`,
  SSH_HOST_KEY_ARGUMENT_INVALID: (d: { target: string; reason: string }) =>
    `connection.hostKey for ${d.target} ${sentence(d.reason)} Expected a public key line ("ssh-ed25519 AAAA..."), ` +
    `lines of known_hosts or "ssh-keyscan" for this host, or a fingerprint ("SHA256:" and 43 characters, as "ssh-keygen -l" prints).`,
  SSH_HOST_KEY_UNKNOWN: (d: { target: string; received: string; line: string; files: readonly string[] }) =>
    `the host key of ${d.target} is not known: it shows ${d.received}, and there is no line for it in ` +
    `${d.files.join(", ")}. Compare the fingerprint with the host's own ("ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub" there); ` +
    `if it is the same, set connection.hostKey to it or add this line to known_hosts: ${d.line}`,
  SSH_HOST_KEY_MISMATCH: (d: { target: string; received: readonly string[]; expected: readonly string[] }) =>
    `the host key of ${d.target} is not the expected one: received ${d.received.join(", ")}, ` +
    `expected ${d.expected.join(" or ")}. Someone may be standing in between, or the host was installed anew. ` +
    `Find out which before correcting what is expected. No credential was sent.`,
  SSH_HOST_KEY_REVOKED: (d: { target: string; received: string; source: string }) =>
    `the host key of ${d.target}, ${d.received}, is revoked (${d.source}). No credential was sent. ` +
    `Give the host a new key.`,
  SSH_HOST_KEY_NOT_RECORDED: (d: { target: string; file: string; line: string; reason: string }) =>
    `the new host key of ${d.target} cannot be written to ${d.file} (${d.reason}), so the next run would accept any other. ` +
    `Make the file writable, or add the line yourself: ${d.line}`,
  SSH_JUMP_REFUSED: (d: { target: string; jumpHost: string; reason: string }) =>
    `the jump host ${d.jumpHost} refuses to forward to ${d.target}: ${sentence(d.reason)} ` +
    `Its sshd must allow it (AllowTcpForwarding, PermitOpen).`,
  SSH_CONNECTION_LOST: (d: { target: string; reason: string }) =>
    `the SSH connection to ${d.target} has ended: ${sentence(d.reason)} Run again once the host can be reached.`,
  SSH_CHANNEL_REFUSED: (d: { target: string; what: string; reason: string }) =>
    `${d.target} refused to open ${d.what}: ${sentence(d.reason)}`,
  SSH_HELPER_FAILED: (d: { target: string; reason: string }) =>
    `the helper that holds the locks on ${d.target} failed: ${sentence(d.reason)} ` +
    `It is a bash program on an exec channel; the user's login must run commands and print nothing that ends them.`,
  SSH_HELPER_TOOL_MISSING: (d: { target: string; tool: string; debianPackage: string }) =>
    `${d.target} has no "${d.tool}", which this provider needs there. Install it (Debian: ${d.debianPackage}).`,
  SSH_LOCK_NOT_GRANTED: (d: { target: string; lock: string; waitedSeconds: number; reason: string }) =>
    `gave up waiting for lock ${d.lock} on ${d.target} after ${d.waitedSeconds} s: ${sentence(d.reason)} ` +
    `Another operation on the same guest or IOMMU group holds it. Let it finish, or allow more time in timeouts.`,
  SSH_LOCK_LOST: (d: { target: string; locks: readonly string[]; reason: string }) =>
    `lost the lock ${d.locks.join(", ")} on ${d.target} in the middle of an operation: ${sentence(d.reason)} ` +
    `The host has cut this connection off, so nothing more was sent. Run again: what was begun is then finished or undone.`,
  // --- libvirt ---
  LIBVIRT_UNREACHABLE: (d: { label: string; uri: string; tried: readonly string[] }) =>
    `cannot reach libvirt (${d.uri}) on ${d.label}; tried: ${d.tried.join("; ")}. ` +
    `Check that libvirtd or virtqemud runs there, and that the SSH user is root or in the group libvirt.`,
  LIBVIRT_TOO_OLD: (d: { label: string; version: string }) =>
    `libvirt on ${d.label} is ${d.version}; 6.0.0 or newer is needed. Nothing was touched. Update libvirt on the host.`,
  UNASSIGNED_IGNORED: (d: { hostAddress: string; guest: string }) =>
    `libvirt did not keep ${d.hostAddress} unassigned in guest ${d.guest}, as it must from 8.3.0 on; it was detached again. ` +
    `Report this with the host's libvirt version.`,
  GROUP_NOT_KEPT: (d: { hostAddress: string; guest: string; reason: string }) =>
    `${d.hostAddress}, which guest ${d.guest} was shown alone for a moment, did not stay held afterwards: ${sentence(d.reason)} Run again.`,
  HOLD_FAILED: (d: { hostAddress: string; guest: string; reason: string }) =>
    `libvirt did not take ${d.hostAddress} for guest ${d.guest}: ${sentence(d.reason)}`,
  RELEASE_FAILED: (d: { hostAddress: string; guest: string; reason: string }) =>
    `libvirt did not give ${d.hostAddress} of guest ${d.guest} back to the host: ${sentence(d.reason)}`,
  CONFIGURE_FAILED: (d: { functions: readonly string[]; guest: string; reason: string }) =>
    `libvirt did not add ${d.functions.join(", ")} to the configuration of guest ${d.guest}: ${sentence(d.reason)}`,
  UNCONFIGURE_FAILED: (d: { functions: readonly string[]; guest: string; reason: string }) =>
    `libvirt did not take ${d.functions.join(", ")} out of the configuration of guest ${d.guest}: ${sentence(d.reason)}`,
  STILL_PLUGGED: (d: { hostAddress: string; guest: string; qemuId: string }) =>
    `${d.hostAddress} is not released: QEMU of guest ${d.guest} still has it as ${d.qemuId}, and a release now would ` +
    `block libvirt. Run again once the guest has let go.`,
  XML_UNREADABLE: (d: { what: string; reason: string }) =>
    `libvirt sent ${d.what} in a form that cannot be read: ${sentence(d.reason)} Check the host's libvirt.`,
  LIBVIRT_REFUSED: (d: { target: string; reason: string }) =>
    `${d.target} did not do what was asked: ${sentence(d.reason)} Look into libvirt's log on the host, and run again.`,
  LIBVIRT_CONNECTION_LOST: (d: { target: string; reason: string }) =>
    `the connection to libvirt on ${d.target} has ended: ${sentence(d.reason)} Run again once libvirtd is back.`,
  PROTOCOL_BROKEN: (d: { target: string; reason: string }) =>
    `what answers for libvirt or QEMU on ${d.target} does not keep to their protocol: ${sentence(d.reason)} ` +
    `Its answers are not used. Check that this is the right host, and its libvirt and QEMU.`,
  // --- QEMU without libvirt ---
  QMP_SOCKET_UNREACHABLE: (d: { label: string; socket: string; tried: readonly string[] }) =>
    `cannot reach QEMU's monitor ${d.socket} on ${d.label}; tried: ${d.tried.join("; ")}. ` +
    `Check guest.qmpSocket, who may open that socket, and that sshd forwards sockets (AllowStreamLocalForwarding) or a relay program is there.`,
  QMP_SOCKET_BUSY: (d: { label: string; socket: string; way: string; seconds: number }) =>
    `QEMU's monitor ${d.socket} on ${d.label} was reached (${d.way}), but did not greet within ${d.seconds} s: it serves one client at a time, ` +
    `and another has it, or QEMU stands still. Look who ("ss -xp | grep ${d.socket}"), end that client, or give QEMU a monitor ` +
    `of its own for this: -qmp unix:PATH,server=on,wait=off.`,
  QEMU_IS_LIBVIRTS: (d: { socket: string }) =>
    `the QEMU behind ${d.socket} was started by libvirt, which must know of every function that its guest has. ` +
    `Nothing was touched. Name the guest in guest.domain instead of guest.qmpSocket.`,
  QMP_CONNECTION_LOST: (d: { target: string; reason: string }) =>
    `the connection to QEMU's monitor on ${d.target} has ended: ${sentence(d.reason)} Run again.`,
  HOST_PROGRAM_FAILED: (d: { target: string; reason: string }) =>
    `what has to be done as root on ${d.target} failed: ${sentence(d.reason)} It is a bash program; connection.user has to be root, ` +
    `or guest.privilege "sudo" with the program installed and allowed as docs/security.md has it.`,
  HOST_WITHOUT_UUID: (d: { target: string }) =>
    `${d.target} has neither a UUID in its firmware nor a machine id, so it could not be known again. ` +
    `Give it one: "systemd-machine-id-setup".`,
  LEDGER_UNREADABLE: (d: { where: string; reason: string }) =>
    `the owners' record ${d.where} cannot be read: ${sentence(d.reason)} Nothing was touched. ` +
    `It tells which driver each function goes back to: look at it, and remove it only when its functions are back.`,
  BIND_FAILED: (d: { functions: readonly string[]; reason: string }) =>
    `the host did not bind ${d.functions.join(", ")} to vfio-pci: ${sentence(d.reason)}`,
  UNBIND_FAILED: (d: { functions: readonly string[]; reason: string }) =>
    `the host did not give ${d.functions.join(", ")} back: ${sentence(d.reason)}`,
  FUNCTION_STILL_OPEN: (d: { hostAddress: string; process: string }) =>
    `${d.hostAddress} is not given back to the host: process ${d.process} has its IOMMU group open, and the kernel would wait for it ` +
    `without end. Detach it there, or end that process, and run again.`,
} as const;

/** What planning refuses with: nothing was touched. A preview shows it as the answer, not as a failure to look. */
const refusals = {
  DEVICE_NOT_FOUND: (d: { device: string }) =>
    `the host has no PCI device at ${d.device}. Look for it with "lspci -D" and correct device.`,
  FUNCTION_NOT_FOUND: (d: { hostAddress: string; present: readonly string[] }) =>
    `the host has no PCI function ${d.hostAddress}; ` +
    (d.present.length === 0
      ? `nothing is in that slot. Correct device.`
      : `that device has ${d.present.join(", ")}. Correct functions or functionMap.`),
  FUNCTION_IS_BRIDGE: (d: { hostAddress: string }) =>
    `${d.hostAddress} is a PCI bridge, which cannot be given to a guest. Name a function behind it.`,
  FUNCTION_WITHOUT_IOMMU_GROUP: (d: { hostAddress: string }) =>
    `${d.hostAddress} has no IOMMU group, so VFIO cannot protect the host from it. ` +
    `Enable the IOMMU in the firmware and on the kernel command line of the host (intel_iommu=on; AMD has it on by default).`,
  LEFTOVERS_REFUSED: (d: { leftovers: readonly string[]; groups: readonly number[] }) =>
    `functions of IOMMU group ${d.groups.join(", ")} would stay with a host driver, which VFIO does not allow: ` +
    `${d.leftovers.join(", ")}. Nothing was touched. Assign them as well, or set leftovers to "hold": ` +
    `they are then taken from the host and shown to nobody.`,
  FUNCTION_HELD_BY_GUEST: (d: { hostAddress: string; guest: string; alias: string }) =>
    `${d.hostAddress} is in use by guest ${d.guest} (hostdev ${d.alias}). Nothing was touched. Detach it there first.`,
  FUNCTION_PLUGGED_OTHERWISE: (d: { functions: readonly string[]; guest: string }) =>
    `QEMU of guest ${d.guest} has ${d.functions.join(", ")}, plugged by someone else under ids of their own. ` +
    `Nothing was touched. Unplug them there first (QMP device_del with such an id), and run again.`,
  FUNCTION_UNIDENTIFIED: (d: { functions: readonly string[]; guest: string; ids: readonly string[] }) =>
    `${d.functions.join(", ")} cannot go back to the host: QEMU of guest ${d.guest} has ${d.ids.join(", ")}, plugged by someone else ` +
    `in a way that does not tell which host function it is. If it were one of these, the release would block. ` +
    `Unplug it there (QMP device_del with that id), or shut the guest down, and run again.`,
  FUNCTION_USED_BY_HOST: (d: { uses: readonly string[]; canOverride: boolean }) =>
    `the host needs what would be taken from it: ${d.uses.join("; ")}. Nothing was touched. ` +
    (d.canOverride
      ? `Choose other functions, or move that use to another device first; to take them all the same, set allowInUse to true.`
      : `Choose other functions, or move that use to another device first; what carries this SSH connection is never taken.`),
  PHYSICAL_FUNCTION_NEEDED: (d: { hostAddress: string; virtualFunctions: readonly string[]; by: string }) =>
    `${d.hostAddress} is the physical function of ${d.virtualFunctions.join(", ")}, which ${d.by} needs: when the host's driver ` +
    `loses the one, the others are gone. Nothing was touched. Leave ${d.hostAddress} to the host, or its virtual functions out.`,
  ATTACHMENT_OWNED_BY_ANOTHER: (d: {
    functions: readonly string[];
    guest: string;
    owner: string;
    canAdopt: boolean;
  }) =>
    `${d.functions.join(", ")} in guest ${d.guest} are attached by another owner: ${d.owner}. Nothing was touched. ` +
    (d.canAdopt
      ? `If this resource was renamed, give it an alias; to take the attachment over, set adopt to true.`
      : `Destroy that attachment first.`),
  ATTACHMENT_ADOPTED_BY_ANOTHER: (d: { owner: string; guest: string }) =>
    `what this resource had attached to guest ${d.guest} has been adopted by ${d.owner}. Nothing was touched. ` +
    `Remove this resource from the program, or set adopt to true to take it back.`,
  ATTACHMENT_EXISTS: (d: {
    guest: string;
    owner: string;
    since?: string;
    functions: readonly string[];
    slot: string;
  }) =>
    `guest ${d.guest} has an attachment of the same owner, ${d.owner}, already${sinceText(d.since)}: ` +
    `${d.functions.join(", ")} in ${d.slot}. The program wants other functions or another slot, and this stack's state does not ` +
    `know of it. Nothing was touched. Write the program as it was then, which takes it over without an interruption; or set ` +
    `adopt to true, which changes it; or destroy it from the stack that has it. If that stack is to keep it, give this resource another name.`,
  ATTACHMENT_TAKEN_OVER: (d: {
    guest: string;
    owner: string;
    since?: string;
    functions: readonly string[];
    prior: readonly string[];
    isTwin: boolean;
  }) =>
    d.isTwin
      ? `guest ${d.guest} has ${d.functions.join(", ")} under the owner token of this resource, ${d.owner}, and this resource's ` +
        `state remembers ${d.prior.join(", ")}: two resources have the same token. Nothing was touched. If what is there is this ` +
        `resource's, set adopt to true and run "pulumi up". If it is another's, forget this resource with "pulumi state delete": ` +
        `the next "pulumi up" then makes it anew, under a token of its own.`
      : `what guest ${d.guest} has under the owner token of this resource, ${d.owner}, is not this state's any more` +
        `${sinceText(d.since)}: ${d.functions.join(", ")}; another stack of the same name has made it or taken it over. Nothing was touched. ` +
        `Set adopt to true to take it over, or forget it here with "pulumi state delete". Give one of the resources another name.`,
  GUEST_NOT_FOUND: (d: { guest: string }) =>
    `the host has no guest ${d.guest}. Look with "virsh list --all" and correct guest.domain or connection.host.`,
  GUEST_NOT_RUNNING: (d: { guest: string }) =>
    `guest ${d.guest} is not running; a live attachment needs a running guest. Start it and run again.`,
  GUEST_NEVER_RAN: (d: { guest: string }) =>
    `guest ${d.guest} was started paused and has never run; an unplug asked for now would block its slot until a reset. ` +
    `Nothing was touched. Resume the guest and run again.`,
  GUEST_IS_TRANSIENT: (d: { guest: string }) =>
    `guest ${d.guest} is transient: it has no configuration that a later cold boot could use. Nothing was touched. ` +
    `Define it ("virsh define"), or leave persistent out.`,
  PERSISTENT_NEEDS_NEWER_LIBVIRT: (d: { guest: string; version: string }) =>
    `persistent needs libvirt 8.3.0 or newer on the host of guest ${d.guest}; this one is ${d.version}, and could not tell what a ` +
    `cold boot has plugged from what was plugged live. Nothing was touched. Leave persistent out, or update libvirt.`,
  STEPPING_STONE_IMPOSSIBLE: (d: { version: string; guest: string; reason: string; cure: string }) =>
    `libvirt ${d.version}, older than 8.3.0, can give guest ${d.guest} a set only by showing it one function of each IOMMU group ` +
    `alone for some seconds, and ${sentence(d.reason)} Nothing was touched. ${d.cure}, or update libvirt on the host.`,
  FUNCTION_CONFIGURED_OTHERWISE: (d: { functions: readonly string[]; guest: string }) =>
    `the configuration of guest ${d.guest} gives it ${d.functions.join(", ")} already, by a device of its own. ` +
    `Nothing was touched. Remove that device ("virsh detach-device --config"), or leave persistent out.`,
  GROUP_NODE_CLOSED: (d: { guest: string; pid: number; user: string; path: string; owner?: string }) =>
    `QEMU of guest ${d.guest} (process ${d.pid}, user ${d.user}) may not open ${d.path}, ` +
    (d.owner === undefined
      ? `which will be root's when it appears. Nothing was touched. On the host, once: `
      : `which belongs to ${d.owner}. Nothing was touched. On the host now: chown ${d.user} ${d.path}; for good: `) +
    `echo 'SUBSYSTEM=="vfio", OWNER="${d.user}"' > /etc/udev/rules.d/10-vfio.rules && udevadm control --reload.`,
  MEMLOCK_TOO_LOW: (d: {
    guest: string;
    pid: number;
    user: string;
    unit?: string;
    limitMiB: number;
    memoryMiB: number;
    neededBytes: number;
  }) =>
    `QEMU of guest ${d.guest} (process ${d.pid}, user ${d.user}) may lock ${d.limitMiB} MiB; VFIO pins all of the guest's ` +
    `${d.memoryMiB} MiB, for which it needs ${d.neededBytes} bytes with a margin. Nothing was touched. ` +
    `On the host now: prlimit --pid ${d.pid} --memlock=${d.neededBytes}:${d.neededBytes}; for its next start: ` +
    `LimitMEMLOCK=${d.neededBytes} in [Service] of ${d.unit ?? "its systemd unit, or ulimit -l where a script starts it"}.`,
  NO_FREE_SLOT: (d: { guest: string; buses: readonly string[]; hasConfiguration: boolean }) =>
    `guest ${d.guest} has no free hotplug slot on its ${d.buses.length} port(s) and buses: ` +
    `${d.buses.join("; ") || "it has no hotplug bus"}. ` +
    (d.hasConfiguration
      ? `Add a port to its configuration for the next boot: <controller type='pci' model='pcie-root-port'/>.`
      : `Give its QEMU one more port at its next start: -device pcie-root-port,id=rp9,bus=pcie.0,chassis=9.`),
  SLOT_CONFIGURED_OTHERWISE: (d: { guest: string; slot: string; isMissing: boolean }) =>
    `the attachment stands in guest slot ${d.slot} of ${d.guest}, and cannot be persistent there: the guest's configuration ` +
    (d.isMissing ? `has no such bus. ` : `gives that slot to another device at its next boot. `) +
    `Nothing was touched. ` +
    (d.isMissing
      ? `Add the bus to the configuration`
      : `Give that device another address in the configuration`) +
    ` ("virsh edit"); or name in guestSlot where the attachment is to go, for which the guest loses it for a moment; or leave persistent out.`,
  SLOT_REFUSED: (d: { guest: string; slot: string; reason: string }) =>
    `guest slot ${d.slot} of ${d.guest} cannot be used: ${sentence(d.reason)} Correct guestSlot, or leave it out.`,
} as const;

const carryingOut = {
  PROVIDER_ENDING: (d: { reason: string }) =>
    `the provider process is ending: ${sentence(d.reason)} Nothing was touched by this operation. Run again.`,
  DEADLINE_EXCEEDED: (d: { what: string; seconds: number; reason: string }) =>
    `the ${d.what} took longer than ${d.seconds} s: ${sentence(d.reason)} ` +
    `Where that is too short for this guest, raise timeouts.`,
  PLUG_FAILED: (d: { hostAddress: string; slot: string; reason: string }) =>
    `QEMU did not take ${d.hostAddress} into guest slot ${d.slot}: ${sentence(d.reason)}`,
  UNPLUG_REFUSED_BY_GUEST: (d: { slot: string; functions: readonly string[] }) =>
    `the guest refused to let go of ${d.functions.join(", ")} in slot ${d.slot}; it still has them. See in the guest who uses ` +
    `the device and why it refused (its kernel log), or reset it, and run again.`,
  SLOT_SWEPT: (d: { slot: string; missing: readonly string[] }) =>
    `guest slot ${d.slot} was emptied again right after the plug, unasked: ${d.missing.join(", ")} are gone from QEMU. Run again.`,
  SLOT_HALF_BOOTED: (d: { slot: string }) =>
    `the guest began to boot while its slot ${d.slot} was half plugged, and would see function 0 alone. Run again.`,
  GUEST_STOPPED: (d: { guest: string }) =>
    `guest ${d.guest} stopped meanwhile; its functions have gone back to the host. Start it and run again.`,
  ATTACH_FAILED: (d: { guest: string; reason: string; outcome: string }) =>
    `attaching to guest ${d.guest} failed: ${sentence(d.reason)} ${d.outcome}`,
  ATTACHED_WITH_LEFTOVERS: (d: { guest: string; left: readonly string[]; reason: string }) =>
    `guest ${d.guest} has what is wanted, and keeps it, but not all is done: ${sentence(d.reason)} ` +
    `Left to do: ${d.left.join("; ")}. Run again: that alone is done then, and the guest is not interrupted.`,
  DETACH_FAILED: (d: { guest: string; reason: string }) =>
    `detaching from guest ${d.guest} failed: ${sentence(d.reason)} What is left is still recorded; run again to finish.`,
  HOST_NOT_VERIFIED: (d: {
    functions: readonly string[];
    guestUuid: string;
    reason: string;
    variable: string;
  }) =>
    `${sentence(d.reason)} So it cannot be verified that ${d.functions.join(", ")} are back with the host, nor that guest ` +
    `${d.guestUuid} no longer has them. Run destroy again once the host answers. Where it is gone for good, set ` +
    `${d.variable}=1 in the environment of that one command: the attachment is then forgotten unseen.`,
  ANOTHER_HOST: (d: {
    host: string;
    expected: string;
    actual: string;
    expectedKey?: string | undefined;
    actualKey?: string | undefined;
  }) =>
    `${d.host} is host ${hostText(d.actual, d.actualKey)}, but this attachment was made on host ` +
    `${hostText(d.expected, d.expectedKey)}, and no record of it is here. Nothing was touched. Correct connection.host. ` +
    (d.expected === d.actual
      ? `A UUID alone does not tell, boards and cloned images share it. If this is the host, with a new key: start its guest, ` +
        `by which it is known. `
      : `If it is the same host, libvirt makes up a UUID at each start because the firmware has none: ` +
        `set host_uuid = "${d.expected}" in its libvirtd.conf or virtqemud.conf. `) +
    `Where host or guest is gone for good, "pulumi state delete" forgets the attachment.`,
  ANOTHER_GUEST: (d: { guest: string; expected: string; actual: string }) =>
    `guest ${d.guest} is now ${d.actual}, but this attachment was made in guest ${d.expected}. Nothing was touched. ` +
    `Run "pulumi preview": it plans a replacement.`,
  GROUP_NODE_LOST: (d: { hostAddress: string; reason: string }) =>
    `the guest's QEMU cannot open the VFIO group of ${d.hostAddress}: ${sentence(d.reason)} Run again.`,
  GUEST_CONNECTION_LOST: (d: { waitingFor: readonly string[] }) =>
    `the connection to the guest was lost while it was letting go of ${d.waitingFor.join(", ")}. ` +
    `Run again: what it has let go of is found and released.`,
  DRIVER_NOT_BACK: (d: { functions: readonly string[]; reason: string }) =>
    `functions are back on the host without their driver: ${d.functions.join(", ")}: ${sentence(d.reason)} ` +
    `Run again, or bind them by hand: echo ADDRESS > /sys/bus/pci/drivers_probe.`,
} as const;

/**
 * Every error a user can meet: stable code → message. A message says what happened, where, actual and
 * expected, and what to do next; it never holds a credential or a whole document of the peer.
 * docs/errors.md lists each code with cause and cure; a test holds the two together.
 */
export const catalogue = { ...reaching, ...refusals, ...carryingOut } as const;

export type ErrorCode = keyof typeof catalogue;

/** Codes of what planning refuses with: the chapter Planning of docs/errors.md. */
export const refusalCodes = Object.keys(refusals) as readonly (keyof typeof refusals)[];
