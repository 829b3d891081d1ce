import type { Duplex } from "node:stream";

/** A command that runs on the host. */
export interface HostCommand {
  /** Writes to its standard input, reads its standard output. */
  readonly stdio: Duplex;
  /** The beginning of what it has written to standard error so far. */
  readonly stderrText: string;
  /** Never rejects. */
  readonly exited: Promise<{ readonly code: number | null }>;
}

/** How a host without libvirt is reached: channels of a connection that someone else owns. */
export interface HostChannels {
  /** For messages: `root@hv1:22`. */
  readonly label: string;
  /** See Observation. */
  readonly hostKeyFingerprint?: string;
  openUnixSocket(path: string, signal?: AbortSignal): Promise<Duplex>;
  exec(command: string, signal?: AbortSignal): Promise<HostCommand>;
}

/** How the host program becomes root: by the login, which is root's, or by sudo. */
export type Privilege = "login" | "sudo";
