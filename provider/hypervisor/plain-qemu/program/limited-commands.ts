import { Semaphore } from "../../../async/semaphore";
import type { RemoteCommand } from "../../../async/remote-command";
import type { HostChannels } from "./host-channels";

/**
 * The same channels with so many commands at a time: each is a session of its SSH connection, of which sshd
 * allows ten (MaxSessions). Whoever comes then waits for a turn, first come first served.
 */
export function limitCommands(channels: HostChannels, most: number): HostChannels {
  const turns = new Semaphore(most);
  return {
    label: channels.label,
    ...(channels.hostKeyFingerprint !== undefined && { hostKeyFingerprint: channels.hostKeyFingerprint }),
    openUnixSocket: (path, signal) => channels.openUnixSocket(path, signal),
    exec: async (command, signal): Promise<RemoteCommand> => {
      const pass = await turns.acquire(signal);
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
