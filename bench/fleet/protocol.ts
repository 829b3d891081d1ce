/** One guest of a host and the device that it is to have. */
export interface GuestOfHost {
  /** Path of its monitor on the host. */
  readonly socket: string;
  /** Slot of its device on the host, alone in its IOMMU group. */
  readonly device: string;
}

/** What a host's process is started with, as JSON in its one argument. */
export interface HostSetup {
  /** Address inside its network namespace. */
  readonly address: string;
  /** 32 digits, the host's machine id. */
  readonly machineId: string;
  /** Path of the client's key pair; its public half may log in. */
  readonly clientKey: string;
  readonly guests: readonly GuestOfHost[];
}

/** A host that is ready. */
export interface HostReady {
  readonly port: number;
  /** Public key line of its sshd. */
  readonly hostKey: string;
}

/** What a host can be asked. */
export type HostRequest =
  { readonly ask: "count" } | { readonly ask: "state" } | { readonly ask: "run"; readonly script: string };

/** Counters of a host since it was started. */
export interface HostCounts {
  /** Logins that sshd has accepted. */
  readonly handshakes: number;
  /** Processes and threads that were started in the host's PID namespace; asking costs one. */
  readonly tasks: number;
}

/** What a host has attached, over all guests. */
export interface HostState {
  /** Functions on vfio-pci, and all that there are. */
  readonly held: number;
  readonly functions: number;
  /** Functions that guests have in their slots. */
  readonly plugged: number;
}

/** The answers, each to the request of the same number. */
export type HostMessage =
  | { readonly ready: HostReady }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: string };

/** A request and its number. */
export interface HostQuestion {
  readonly id: number;
  readonly request: HostRequest;
}
