import type { ConsoleName, GuestName } from "./guests";
import type { Release } from "./release";
import type { ExecOptions, ExecResult } from "./shell";

/** How a client reaches the lab's sshd. The two other users log in with the same key. */
export interface LabSsh {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Public key line (type and base64) that the server presents. */
  readonly hostKey: string;
  readonly privateKey: string;
  readonly privateKeyFile: string;
  readonly users: {
    readonly root: "root";
    /** Member of the group `libvirt`, without other rights. */
    readonly operator: "operator";
    /** May log in, and not manage libvirt. */
    readonly outsider: "outsider";
  };
}

/** A running hypervisor host with two running guests and a four-function NIC at 0000:01:00 and 0000:02:00. */
export interface Lab {
  readonly ssh: LabSsh;
  /** Which Debian the host is. */
  readonly release: Release;
  /** Names the run to `connectLab` in another process. */
  readonly runFolder: string;
  /**
   * Puts everything back to the first state, or to one that this run has saved, in one to two seconds; ends
   * every SSH connection.
   */
  restore(state?: string): Promise<void>;
  /** Saves the present state for {@link restore}, in some five seconds; it lasts as long as the run. */
  save(state: string): Promise<void>;
  /**
   * Reboots the host, in a minute or two without KVM; every guest is shut off afterwards, and every SSH
   * connection has ended.
   */
  reboot(): Promise<void>;
  /** Runs a shell command on the host as root, past SSH; the exit code is the caller's to judge. */
  exec(command: string, options?: ExecOptions): Promise<ExecResult>;
  /** Runs one line in the guest and returns what it prints; throws if it fails. */
  guestConsole(guest: ConsoleName, command: string): Promise<string>;
  /** Addresses of the PCI functions that the guest's kernel shows, sorted. */
  guestPciFunctions(guest: ConsoleName): Promise<string[]>;
  /** The host driver of one function, null where it has none; throws where there is no such function. */
  hostDriver(address: string): Promise<string | null>;
  /** The host drivers of all functions, by address. */
  hostDrivers(): Promise<Record<string, string | null>>;
  /** Runs a QMP command in the guest's QEMU, through libvirt; throws QEMU's error. */
  qmp(guest: GuestName, command: string, args?: object): Promise<unknown>;
  /** Ends this process's connections and leaves the lab running, where its lifetime allows. */
  disconnect(): Promise<void>;
  /** Ends the lab, or, in a process that only connected to it, this process's use of it. */
  close(): Promise<void>;
}
