import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { childEnvironment } from "./child-environment";

/** Of what a command writes to standard error, this much is kept: the end, where its failure is. */
const KEPT_STDERR_BYTES = 4096;

/**
 * Ends a process group once its own input has ended, which it does with whoever started it, however that one
 * ends: at first as OpenSSH does (sshconnect.c: ssh_kill_proxy_command), then by force.
 */
const WATCH = 'read -r line; kill -HUP "-$1" 2>/dev/null || exit 0; sleep 1; kill -KILL "-$1" 2>/dev/null';

/** A command of ssh_config that runs as long as it is needed. */
export interface ShellCommand {
  /** Rejects where there is no shell to start. */
  readonly spawned: Promise<void>;
  readonly input: Writable;
  readonly output: Readable;
  /** The end of what it has written to standard error so far. */
  readonly said: string;
  /** Undefined while it runs. */
  readonly exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  /** Resolves when it has ended; what it has started may go on, and hold its output open. */
  readonly exited: Promise<void>;
  /** Resolves when it has ended and all that it wrote has been read. */
  readonly closed: Promise<void>;
  /** Ends it, with all that it has started and that has not left its process group. */
  end(): void;
}

/**
 * Starts a command by the user's shell, as OpenSSH starts a ProxyCommand: `$SHELL -c "exec COMMAND"`, in a
 * process group of its own, and without this provider's and Pulumi's credentials in its environment. It is
 * ended with this process too, even where this one is killed.
 */
export function startShellCommand(command: string): ShellCommand {
  const environment = childEnvironment(process.env);
  const shell = environment["SHELL"] ?? "";
  const child = spawn(shell === "" ? "/bin/sh" : shell, ["-c", `exec ${command}`], {
    env: environment,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  const stopWatching = watch(child);
  let said = Buffer.alloc(0);
  let exit: { readonly code: number | null; readonly signal: string | null } | undefined;
  child.stderr.on("data", (chunk: Buffer) => {
    said = Buffer.concat([said, chunk]).subarray(-KEPT_STDERR_BYTES);
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve();
    });
  });
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  });
  const spawned = new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.on("error", reject);
  });
  return {
    spawned,
    input: child.stdin,
    output: child.stdout,
    exited,
    closed,
    get said() {
      return said.toString("utf8");
    },
    get exit() {
      return exit;
    },
    end: () => {
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
      stopWatching();
    },
  };
}

/** @returns has the process group ended */
function watch(child: ChildProcessWithoutNullStreams): () => void {
  if (child.pid === undefined) return () => undefined;
  const watcher = spawn("/bin/sh", ["-c", WATCH, "sh", String(child.pid)], {
    env: { PATH: process.env["PATH"] },
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  const end = (): void => void watcher.stdin.destroy();
  watcher.on("error", () => child.kill("SIGHUP"));
  watcher.stdin.on("error", () => undefined);
  // neither keeps this process from ending
  watcher.unref();
  (watcher.stdin as unknown as { unref?: () => void }).unref?.();
  return end;
}
