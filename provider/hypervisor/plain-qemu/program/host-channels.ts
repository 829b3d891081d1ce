import type { Duplex } from "node:stream";

/** How the sockets of a host without libvirt are reached: by a connection that someone else owns. */
export interface HostChannels {
  /** For messages: `root@hv1:22`. */
  readonly label: string;
  /** See Observation. */
  readonly hostKeyFingerprint?: string;
  openUnixSocket(path: string, signal?: AbortSignal): Promise<Duplex>;
}

/** How the host program becomes root: by the login, which is root's, or by sudo. */
export type Privilege = "login" | "sudo";
