import type { Lock, Progress } from "../apply";
import type { StreamFactory } from "../hypervisor/libvirt";
import type { HostChannels } from "../hypervisor/plain-qemu";
import type { HostHelper } from "../host/helper";
import type { SshConnection } from "../ssh";

/** The sockets of a host, as the hypervisor without libvirt needs them. */
export function channelsOf(ssh: SshConnection): HostChannels {
  return {
    label: ssh.label,
    hostKeyFingerprint: ssh.hostKeyFingerprint,
    openUnixSocket: ssh.openUnixSocket.bind(ssh),
  };
}

/** The byte streams of a host, as libvirt's session needs them. */
export function streamsOf(ssh: SshConnection): StreamFactory {
  return {
    label: ssh.label,
    hostKeyFingerprint: ssh.hostKeyFingerprint,
    openUnixSocket: ssh.openUnixSocket.bind(ssh),
    openCommand: ssh.exec.bind(ssh),
  };
}

/** The locks of a host; whoever waits for a lock says so by the progress. */
export function lockOf(helper: HostHelper, progress: Progress | undefined): Lock {
  return {
    acquire: (names, signal, clock) =>
      helper.lock(names, signal, {
        onWaiting: (name) => progress?.(`waiting for another operation to let go of ${name}`),
        clock,
      }),
  };
}
