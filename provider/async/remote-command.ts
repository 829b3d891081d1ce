import type { Duplex } from "node:stream";

/** A command that runs on a host. */
export interface RemoteCommand {
  /** Writes to its standard input, reads its standard output. Read it, or the command stalls. */
  readonly stdio: Duplex;
  /** The beginning of what it has written to standard error so far. */
  readonly stderrText: string;
  /**
   * Hands over what it writes to standard error: what {@link stderrText} has already, and all that follows.
   */
  readStderr(listener: (chunk: Buffer) => void): void;
  /** Never rejects. A null code: the connection was lost, or the host did not say. */
  readonly exited: Promise<{ readonly code: number | null }>;
  /** Known when it has ended: why the host ran none of it, though it took the command. */
  readonly refusal?: Error | undefined;
}

/** A host on which commands can be started, over a connection that someone else owns. */
export interface RemoteHost {
  /** For messages: `root@hv1:22`. */
  readonly label: string;
  /** What its SSH server calls itself, for messages. */
  readonly serverVersion?: string;
  /** Resolves when the command has been started; the signal is of no consequence afterwards. */
  exec(command: string, signal?: AbortSignal): Promise<RemoteCommand>;
}
