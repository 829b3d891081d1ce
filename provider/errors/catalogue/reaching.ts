import { sentence, type ErrorParts } from "./entry";
import { installAndList } from "./host-list";

/** Reaching a host, its libvirt and its QEMU. */
export const reaching = {
  // --- ssh ---
  SSH_DIAL_FAILED: (d: { target: string; attempts: number; reason: string; cure?: string | undefined }) => ({
    what: `cannot reach ${d.target} over SSH after ${d.attempts} attempt(s): ${sentence(d.reason)}`,
    cure: sentence(d.cure ?? `Check connection.host and connection.port, and that sshd listens there.`),
  }),
  SSH_HANDSHAKE_FAILED: (d: { target: string; reason: string; cure?: string | undefined }) => ({
    what: `the SSH handshake with ${d.target} failed: ${sentence(d.reason)}`,
    cure: sentence(d.cure ?? `Check that an SSH server of a supported version listens there, and its log.`),
  }),
  SSH_ALGORITHMS_DIFFER: (d: {
    target: string;
    kind: string;
    server: string;
    own: string;
    cure: string;
  }) => ({
    what:
      `${d.target} and this provider have no ${d.kind} in common: ` +
      `the server offers ${d.server}; this provider takes ${d.own}.`,
    touched: `No credential was sent.`,
    cure: sentence(d.cure),
  }),
  SSH_SERVER_UNSUPPORTED: (d: { target: string; server: string }) => ({
    what:
      `the SSH server of ${d.target} (${d.server}) is not served: no sshd process of the host serves the connection, ` +
      `and ending that process is how a lock is kept safe.`,
    touched: "nothing",
    cure: `Use the host's sshd: another address or port (connection.host, connection.port); this server may be the jump host on the way (connection.proxy).`,
  }),
  SSH_KEY_UNUSABLE: (d: { target: string; source: string; reason: string }) => ({
    what: `the private key for ${d.target} (${d.source}) cannot be used: ${sentence(d.reason)}`,
    touched: `Nothing was sent to the host.`,
  }),
  SSH_CONFIG_UNSUPPORTED: (d: { host: string; reason: string }) => ({
    what: `what OpenSSH's configuration says of ${d.host} cannot be followed: ${sentence(d.reason)}`,
    touched: `Nothing was sent to the host.`,
    cure:
      `Correct the option, or take it out for this host ("ssh -G ${d.host}" prints what holds for it); ` +
      `MULTIFUNCTION_PCI_SSH_CONFIG names another file in its place, or "none".`,
  }),
  SSH_AUTH_REFUSED: (d: {
    target: string;
    offered: readonly string[];
    allowed: readonly string[];
    reason: string;
    cure?: string | undefined;
  }) => ({
    what:
      `${d.target} refused the login: ${sentence(d.reason)} Offered: ${d.offered.join("; ") || "no credential at all"}. ` +
      `The server accepts: ${d.allowed.join(", ") || "it did not say"}.`,
    cure: sentence(
      d.cure ??
        `Check connection.user, that a key offered is in the user's authorized_keys, or give another credential.`,
    ),
  }),
  SSH_PASSWORD_EXPIRED: (d: { target: string; asked: string }) => ({
    what: `the password for ${d.target} has to be changed before anything else: the host says ${d.asked}.`,
    touched: `It is not changed from here.`,
    cure: `Log in once with "ssh" and change it, then give the new one. An account with an expired password refuses a key's login too.`,
  }),
  SSH_HOST_KEY_ARGUMENT_INVALID: (d: { target: string; reason: string }) => ({
    what: `connection.hostKey for ${d.target} ${sentence(d.reason)}`,
    cure:
      `Expected a public key line ("ssh-ed25519 AAAA..."), lines of known_hosts or "ssh-keyscan" for this host, ` +
      `or a fingerprint ("SHA256:" and 43 characters, as "ssh-keygen -l" prints).`,
  }),
  SSH_HOST_KEY_UNKNOWN: (d: {
    target: string;
    received: string;
    line: string;
    files: readonly string[];
    authorities: readonly string[];
  }) => ({
    what:
      `the host key of ${d.target} is not known: it shows ${d.received}, and there is no line for it in ` +
      `${d.files.join(", ")}.` +
      (d.authorities.length === 0
        ? ""
        : ` The @cert-authority in ${d.authorities.join(", ")} does not help: certificates of hosts are not followed.`),
    cure:
      `Compare the fingerprint with the host's own ("ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub" there); ` +
      `if it is the same, set connection.hostKey to it or add this line to known_hosts: ${d.line}`,
  }),
  SSH_HOST_KEY_MISMATCH: (d: {
    target: string;
    received: readonly string[];
    expected: readonly string[];
    isAfterLogin?: boolean;
  }) => ({
    what:
      `the host key of ${d.target} is not the expected one: received ${d.received.join(", ")}, ` +
      `expected ${d.expected.join(" or ")}. Someone may be standing in between, or the host was installed anew.`,
    cure: d.isAfterLogin
      ? `The connection was ended when keys were exchanged anew. Find out which it is before you run again.`
      : `Find out which before correcting what is expected. No credential was sent.`,
  }),
  SSH_HOST_KEY_REVOKED: (d: { target: string; received: string; source: string }) => ({
    what: `the host key of ${d.target}, ${d.received}, is revoked (${d.source}).`,
    touched: `No credential was sent.`,
    cure: `Give the host a new key.`,
  }),
  SSH_HOST_KEY_NOT_ALLOWED: (d: { target: string; reason: string }) => ({
    what: `OpenSSH's configuration allows no host key that ${d.target} could show: ${sentence(d.reason)}`,
    touched: `No credential was sent.`,
    cure:
      `Give the host a key that is allowed, or correct HostKeyAlgorithms or RequiredRSASize ` +
      `("ssh -G" prints what holds for it).`,
  }),
  SSH_KNOWN_HOSTS_COMMAND_FAILED: (d: { target: string; command: string; reason: string }) => ({
    what: `which host keys ${d.target} may show is not known: KnownHostsCommand ${d.command} failed: ${sentence(d.reason)}`,
    touched: `No credential was sent.`,
    cure: `Run it by hand, correct it or take KnownHostsCommand out of OpenSSH's configuration, or set connection.hostKey.`,
  }),
  SSH_HOST_KEY_NOT_RECORDED: (d: { target: string; file: string; line: string; reason: string }) => ({
    what: `the new host key of ${d.target} cannot be written to ${d.file} (${d.reason}), so the next run would accept any other.`,
    cure: `Make the file writable, or add the line yourself: ${d.line}`,
  }),
  SSH_JUMP_REFUSED: (d: { target: string; jumpHost: string; reason: string }) => ({
    what: `the jump host ${d.jumpHost} refuses to forward to ${d.target}: ${sentence(d.reason)}`,
    cure: `Its sshd must allow it (AllowTcpForwarding, PermitOpen).`,
  }),
  SSH_CONNECTION_LOST: (d: { target: string; reason: string }) => ({
    what: `the SSH connection to ${d.target} has ended: ${sentence(d.reason)}`,
    cure: `Run again once the host can be reached.`,
  }),
  SSH_CHANNEL_REFUSED: (d: { target: string; what: string; reason: string; cure?: string | undefined }) => ({
    what: `${d.target} refused to open ${d.what}: ${sentence(d.reason)}`,
    cure: sentence(
      d.cure ??
        `Check that it is there and the user may open it, and AllowStreamLocalForwarding and PermitOpen in its sshd_config.`,
    ),
  }),
  SSH_HELPER_FAILED: (d: { target: string; reason: string }) => ({
    what: `the helper that holds the locks on ${d.target} failed: ${sentence(d.reason)}`,
    cure: `It is a bash program on an exec channel; the user's login must run commands and print nothing that ends them.`,
  }),
  SSH_LOGIN_UNFINISHED: (d: { target: string; waitedSeconds: number; printed: string }) => ({
    what:
      `the login on ${d.target} does not end: after ${d.waitedSeconds} s it had not begun the command that it was given` +
      `${d.printed === "" ? "" : `, and had printed: ${d.printed}`}.`,
    touched: "nothing",
    cure: `Look for what waits or loops in that account's login scripts (.bashrc, .profile, .zshenv), its shell or a ForceCommand: "ssh" with the command "true" must return at once.`,
  }),
  SSH_HELPER_TOOL_MISSING: (d: { target: string; tool: string; debianPackage: string; found?: string }) =>
    d.found === undefined
      ? {
          what: `${d.target} has no "${d.tool}", which this provider needs there.`,
          cure: `Install it (Debian: ${d.debianPackage}).`,
        }
      : {
          what: `${d.debianPackage} is missing on ${d.target}: its "${d.tool}" is ${d.found}.`,
          cure: `Install ${d.debianPackage}; the package is called so by most distributions.`,
        },
  SSH_LOCK_NOT_MADE: (d: { target: string; reason: string }) => ({
    what: `a lock cannot be made on ${d.target}: ${sentence(d.reason)}`,
    touched: "nothing",
    cure:
      `Locks are folders in /run/lock, or in /tmp where that has no sticky bit: it must be writable for the user ` +
      `and have room ("df -h" and "df -i" there).`,
  }),
  SSH_LOCK_NOT_GRANTED: (d: { target: string; lock: string; waitedSeconds: number; reason: string }) => ({
    what:
      `gave up waiting for lock ${d.lock} on ${d.target} after ${d.waitedSeconds} s: ${sentence(d.reason)} ` +
      `Another operation on the same guest or IOMMU group holds it.`,
    cure: `Let it finish, or allow more time in timeouts.`,
  }),
  SSH_LOCK_LOST: (d: { target: string; locks: readonly string[]; reason: string }) => ({
    what: `lost the lock ${d.locks.join(", ")} on ${d.target} in the middle of an operation: ${sentence(d.reason)}`,
    touched: `The host has cut this connection off, so nothing more was sent.`,
    cure: `Run again: what was begun is then finished or undone.`,
  }),
  // --- libvirt ---
  LIBVIRT_UNREACHABLE: (d: { label: string; uri: string; tried: readonly string[]; inPods?: boolean }) => ({
    what: `cannot reach libvirt (${d.uri}) on ${d.label}; tried: ${d.tried.join("; ")}.`,
    cure:
      d.inPods === true
        ? `It is a node of KubeVirt (or Harvester): its guests run in pods, each with a libvirt of its own, and are not served. ` +
          `Give them host devices by KubeVirt's own means.`
        : `Check that libvirtd or virtqemud runs there, and that the SSH user is root or in the group libvirt.`,
  }),
  LIBVIRT_TOO_OLD: (d: { label: string; version: string }) => ({
    what: `libvirt on ${d.label} is ${d.version}; 6.0.0 or newer is needed.`,
    touched: "nothing",
    cure: `Update libvirt on the host.`,
  }),
  UNASSIGNED_IGNORED: (d: { hostAddress: string; guest: string }) => ({
    what:
      `libvirt did not keep ${d.hostAddress} unassigned in guest ${d.guest}, as it must from 8.3.0 on; ` +
      `it was detached again.`,
    cure: `Report this with the host's libvirt version.`,
  }),
  GROUP_NOT_KEPT: (d: { hostAddress: string; guest: string; reason: string }) => ({
    what:
      `${d.hostAddress}, which guest ${d.guest} was shown alone for a moment, did not stay held afterwards: ` +
      sentence(d.reason),
    cure: `Run again.`,
  }),
  HOLD_FAILED: (d: { hostAddress: string; guest: string; reason: string }) => ({
    what: `libvirt did not take ${d.hostAddress} for guest ${d.guest}: ${sentence(d.reason)}`,
  }),
  RELEASE_FAILED: (d: { hostAddress: string; guest: string; reason: string }) => ({
    what: `libvirt did not give ${d.hostAddress} of guest ${d.guest} back to the host: ${sentence(d.reason)}`,
  }),
  CONFIGURE_FAILED: (d: { functions: readonly string[]; guest: string; reason: string }) => ({
    what: `libvirt did not add ${d.functions.join(", ")} to the configuration of guest ${d.guest}: ${sentence(d.reason)}`,
  }),
  UNCONFIGURE_FAILED: (d: { functions: readonly string[]; guest: string; reason: string }) => ({
    what: `libvirt did not take ${d.functions.join(", ")} out of the configuration of guest ${d.guest}: ${sentence(d.reason)}`,
  }),
  STILL_PLUGGED: (d: { hostAddress: string; guest: string; qemuId: string }) => ({
    what:
      `${d.hostAddress} is not released: QEMU of guest ${d.guest} still has it as ${d.qemuId}, and a release now would ` +
      `block libvirt.`,
    cure: `Run again once the guest has let go.`,
  }),
  XML_UNREADABLE: (d: { what: string; reason: string }) => ({
    what: `libvirt sent ${d.what} in a form that cannot be read: ${sentence(d.reason)}`,
    cure: `Check the host's libvirt.`,
  }),
  LIBVIRT_REFUSED: (d: { target: string; reason: string; missingDaemon?: string }) => ({
    what: `${d.target} did not do what was asked: ${sentence(d.reason)}`,
    cure:
      d.missingDaemon === undefined
        ? `Look into libvirt's log on the host, and run again.`
        : `${d.missingDaemon} does not listen there, which virtqemud needs: install it, and enable ${d.missingDaemon}.socket ` +
          `("systemctl enable --now ${d.missingDaemon}.socket"); then run again.`,
  }),
  LIBVIRT_CONNECTION_LOST: (d: { target: string; reason: string }) => ({
    what: `the connection to libvirt on ${d.target} has ended: ${sentence(d.reason)}`,
    cure: `Run again once libvirtd is back.`,
  }),
  PROTOCOL_BROKEN: (d: { target: string; reason: string }) => ({
    what:
      `what answers for libvirt or QEMU on ${d.target} does not keep to their protocol: ${sentence(d.reason)} ` +
      `Its answers are not used.`,
    cure: `Check that this is the right host, and its libvirt and QEMU.`,
  }),
  // --- QEMU, and hosts without libvirt ---
  QMP_SOCKET_UNREACHABLE: (d: { label: string; socket: string; tried: readonly string[] }) => ({
    what: `cannot reach QEMU's monitor ${d.socket} on ${d.label}; tried: ${d.tried.join("; ")}.`,
    cure:
      `Check guest.qmpSocket, who may open that socket, and that sshd forwards sockets (AllowStreamLocalForwarding) ` +
      `or a relay program is there.`,
  }),
  QMP_SOCKET_BUSY: (d: { label: string; socket: string; way: string; seconds: number }) => ({
    what:
      `QEMU's monitor ${d.socket} on ${d.label} was reached (${d.way}), but did not greet within ${d.seconds} s: ` +
      `it serves one client at a time, and another has it, or QEMU stands still.`,
    cure:
      `Look who ("ss -xp | grep ${d.socket}"), end that client, or give QEMU a monitor ` +
      `of its own for this: -qmp unix:PATH,server=on,wait=off.`,
  }),
  QEMU_IS_LIBVIRTS: (d: { socket: string }) => ({
    what: `the QEMU behind ${d.socket} was started by libvirt, which must know of every function that its guest has.`,
    touched: "nothing",
    cure:
      `Name the guest in guest.domain instead of guest.qmpSocket. A guest in a pod (KubeVirt, Harvester) is not served: ` +
      `its libvirt is in the pod as well.`,
  }),
  QMP_CONNECTION_LOST: (d: { target: string; reason: string }) => ({
    what: `the connection to QEMU's monitor on ${d.target} has ended: ${sentence(d.reason)}`,
    cure: `Run again.`,
  }),
  QEMU_REFUSED: (d: { target: string; reason: string }) => ({
    what: `a QEMU on ${d.target} did not do what was asked: ${sentence(d.reason)}`,
    cure: `Look into that QEMU's log on the host, and run again.`,
  }),
  QMP_PROTOCOL_BROKEN: (d: { target: string; reason: string }) => ({
    what:
      `what answers for a QEMU on ${d.target} does not keep to QMP: ${sentence(d.reason)} ` +
      `Its answers are not used.`,
    cure: `Check that this is the right host and the right guest, and its QEMU.`,
  }),
  HOST_PROGRAM_FAILED: (d: { target: string; reason: string }) => ({
    what: `what has to be done as root on ${d.target} failed: ${sentence(d.reason)}`,
    cure:
      `It is a bash program; connection.user has to be root, or guest.privilege "sudo" with the program installed ` +
      `and allowed as docs/security.md has it.`,
  }),
  HOST_PROGRAM_OUTDATED: (d: {
    target: string;
    found: number;
    needed: number;
    lines: readonly string[];
  }) => ({
    what: `the host program on ${d.target} speaks version ${d.found}, and this release version ${d.needed}.`,
    touched: "nothing",
    cure: d.found > d.needed ? `Update this package; the host has a newer program.` : installAndList(d.lines),
  }),
  HOST_CHANGE_STUCK: (d: {
    target: string;
    functions: readonly string[];
    begun?: string;
    seconds?: number;
    users?: string;
    libvirtGuest?: string;
  }) => ({
    what:
      `a change of ${d.functions.join(", ")} on ${d.target} has not returned` +
      (d.seconds === undefined ? "" : ` after ${d.seconds} s`) +
      (d.begun === undefined ? "" : `; begun was: ${d.begun}`) +
      (d.users === undefined ? "" : `; it is open on the host by ${d.users}`) +
      (d.libvirtGuest === undefined
        ? `. It goes on there by itself, with its locks; nothing else waits for it.`
        : `. It goes on in libvirtd by itself; libvirt takes no other change of guest ${d.libvirtGuest} meanwhile, and ` +
          `may keep other guests waiting that get or return host devices.`),
    cure: `Look what its driver waits for ("dmesg"). If it never returns, the host needs a reboot.`,
  }),
  HOST_WITHOUT_UUID: (d: { target: string }) => ({
    what: `${d.target} has neither a UUID in its firmware nor a machine id, so it could not be known again.`,
    cure: `Give it one: "systemd-machine-id-setup".`,
  }),
  LEDGER_UNREADABLE: (d: { where: string; reason: string }) => ({
    what: `the owners' record ${d.where} cannot be read: ${sentence(d.reason)}`,
    touched: "nothing",
    cure: `It tells which driver each function goes back to: look at it, and remove it only when its functions are back.`,
  }),
  BIND_FAILED: (d: { functions: readonly string[]; reason: string }) => ({
    what: `the host did not bind ${d.functions.join(", ")} to vfio-pci: ${sentence(d.reason)}`,
  }),
  UNBIND_FAILED: (d: { functions: readonly string[]; reason: string }) => ({
    what: `the host did not give ${d.functions.join(", ")} back: ${sentence(d.reason)}`,
  }),
  FUNCTION_STILL_OPEN: (d: { hostAddress: string; process: string }) => ({
    what:
      `${d.hostAddress} is not given back to the host: process ${d.process} has its IOMMU group open, ` +
      `and the kernel would wait for it without end.`,
    cure: `Detach it there, or end that process, and run again.`,
  }),
} satisfies Record<string, (details: never) => ErrorParts>;
