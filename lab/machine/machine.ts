import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { machineArguments, type MachineOptions } from "./arguments";
import type { Emulator } from "./emulator";
import { humanMonitor } from "./monitor";
import type { Lifetime } from "./run-folder";

/** A machine that QEMU has started, and whose saved state, if any, is loaded. */
export interface Machine {
  readonly sshPort: number;
  /** Rejects when QEMU ends, of itself (a panic of the kernel inside) or not. */
  readonly ended: Promise<never>;
  /** Ends QEMU in an orderly way, its disk written, and waits until it is gone. */
  quit(): Promise<void>;
}

/**
 * Loading a saved state takes a second on an idle machine; reading it from a cold disk may take much longer.
 */
const START_TIMEOUT_MS = 120_000;
const POLL_MS = 50;

/**
 * Starts QEMU. A machine with the lifetime of this process is killed by the kernel when this
 * process dies, whatever it dies of.
 */
export async function startMachine(
  options: MachineOptions & { readonly emulator: Emulator; readonly lifetime: Lifetime },
): Promise<Machine> {
  const log = await open(options.folder.qemuLog, "a");
  const owned = options.lifetime === "process";
  // `detached` makes it the leader of a session of its own; the program setsid would fork away from us then
  const command = [...(owned ? ["setpriv", "--pdeathsig", "KILL"] : []), ...options.emulator.command];
  const [file = "", ...args] = [...command, ...machineArguments(options)];
  const env = { ...process.env, ...options.emulator.env };
  const child = spawn(file, args, { env, stdio: ["ignore", log.fd, log.fd], detached: !owned });
  await once(child, "spawn");
  await log.close();
  child.unref();
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    // QEMU serves its monitor only once the saved state is loaded.
    if (existsSync(options.folder.monitorSocket)) {
      const sshPort = await forwardedSshPort(options.folder.monitorSocket).catch(unlessNotListening);
      if (sshPort !== undefined)
        return { sshPort, ended: endOf(child, options.folder.serialLog), quit: () => quit(child) };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  child.kill("SIGKILL");
  throw new Error(
    `The lab's QEMU did not start: ${(await readFile(options.folder.qemuLog, "utf8")).slice(-2000)}`,
  );
}

/** Between making its socket and listening at it, QEMU may lose the processor. */
function unlessNotListening(error: Error & { code?: string }): undefined {
  if (error.code !== "ECONNREFUSED") throw error;
  return undefined;
}

function endOf(child: ChildProcess, serialLog: string): Promise<never> {
  const ended = once(child, "exit").then(async ([code, signal]): Promise<never> => {
    const console = await readFile(serialLog, "utf8").catch(() => "");
    const panic = /^.*(?:Kernel panic|Oops|BUG).*$/m.exec(console)?.[0] ?? "";
    const how = signal
      ? `by ${signal}`
      : `with ${code}${code === 0 ? ", as it does when its kernel dies" : ""}`;
    throw new Error(`The lab's QEMU has ended ${how}${panic && `: ${panic}`}`);
  });
  // whoever does not wait for the end need not handle it
  ended.catch(() => undefined);
  return ended;
}

async function quit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}

/** The loopback port that QEMU forwards to the machine's sshd. */
export async function forwardedSshPort(monitorSocket: string): Promise<number> {
  const table = await humanMonitor(monitorSocket, "info usernet");
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)/.exec(table)?.[1];
  if (port === undefined) throw new Error(`QEMU names no forwarded port: ${table}`);
  return Number(port);
}
