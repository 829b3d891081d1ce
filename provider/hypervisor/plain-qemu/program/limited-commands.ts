import type { HostChannels, HostCommand } from "./host-channels";

/**
 * The same channels with so many commands at a time: each is a session of its SSH connection, of which sshd allows ten
 * (MaxSessions). Whoever comes then waits for a turn, first come first served.
 */
export function limitCommands(channels: HostChannels, most: number): HostChannels {
  const waiting: (() => void)[] = [];
  let running = 0;
  const pass = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  const takeTurn = async (signal: AbortSignal | undefined): Promise<void> => {
    if (running < most) return void (running += 1);
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(signal?.reason as Error);
      };
      waiting.push(go);
      signal?.addEventListener("abort", leave, { once: true });
    });
  };
  return {
    label: channels.label,
    ...(channels.hostKeyFingerprint !== undefined && { hostKeyFingerprint: channels.hostKeyFingerprint }),
    openUnixSocket: (path, signal) => channels.openUnixSocket(path, signal),
    exec: async (command, signal): Promise<HostCommand> => {
      signal?.throwIfAborted();
      await takeTurn(signal);
      try {
        const started = await channels.exec(command, signal);
        if (started.stdio.destroyed) pass();
        else started.stdio.once("close", pass);
        return started;
      } catch (cause) {
        pass();
        throw cause;
      }
    },
  };
}
