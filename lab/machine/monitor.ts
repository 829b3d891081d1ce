import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** How long one command may take; the slowest, saving the state, takes two seconds on an idle machine. */
const COMMAND_TIMEOUT_MS = 60_000;

interface MonitorLine {
  readonly QMP?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly class: string; readonly desc: string };
}

/** Sends one line of QEMU's human monitor (`savevm`, `loadvm`, `info usernet`) and returns what it prints. */
export async function humanMonitor(socketPath: string, line: string): Promise<string> {
  return String(await machineMonitor(socketPath, "human-monitor-command", { "command-line": line }));
}

/**
 * Sends one QMP command to the machine's QEMU. The connection lasts for that command only: the socket serves
 * one client at a time, and several processes share a lab.
 */
export async function machineMonitor(socketPath: string, execute: string, args: object): Promise<unknown> {
  const socket = connect(socketPath);
  const what = JSON.stringify({ execute, arguments: args });
  const timer = setTimeout(
    () => socket.destroy(new Error(`No answer from QEMU to ${what} within ${COMMAND_TIMEOUT_MS} ms`)),
    COMMAND_TIMEOUT_MS,
  );
  try {
    const replies = monitorReplies(socket);
    await replies.next();
    await command(socket, replies, { execute: "qmp_capabilities" });
    return await command(socket, replies, { execute, arguments: args });
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Like `humanMonitor`, for commands that print only when they fail. */
export async function humanMonitorSilently(socketPath: string, line: string): Promise<void> {
  const printed = (await humanMonitor(socketPath, line)).trim();
  if (printed) throw new Error(`QEMU refused "${line}": ${printed}`);
}

async function command(
  socket: Socket,
  replies: AsyncGenerator<MonitorLine, void>,
  request: object,
): Promise<unknown> {
  socket.write(`${JSON.stringify(request)}\n`);
  const reply = (await replies.next()).value;
  if (!reply) throw new Error("QEMU closed its monitor");
  if (reply.error) throw new Error(`QEMU: ${reply.error.class}: ${reply.error.desc}`);
  return reply.return;
}

/** Greeting and replies in order, without the events in between. */
async function* monitorReplies(socket: Socket): AsyncGenerator<MonitorLine, void> {
  for await (const text of createInterface({ input: socket })) {
    const line = JSON.parse(text) as MonitorLine;
    if (line.QMP || line.error || "return" in line) yield line;
  }
}
