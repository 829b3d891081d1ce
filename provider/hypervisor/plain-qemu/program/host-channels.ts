import type { Duplex } from "node:stream";
import type { RemoteHost } from "../../../async/remote-command";

/** How a host without libvirt is reached: channels of a connection that someone else owns. */
export interface HostChannels extends RemoteHost {
  /** See Observation. */
  readonly hostKeyFingerprint?: string;
  openUnixSocket(path: string, signal?: AbortSignal): Promise<Duplex>;
}

/** How the host program becomes root: by the login, which is root's, or by sudo. */
export type Privilege = "login" | "sudo";
