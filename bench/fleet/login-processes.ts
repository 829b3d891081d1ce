import { median } from "../median";
import { SshClient } from "../ssh-client";
import type { Fleet } from "./fleet";

const RUNS = 3;

/**
 * Processes that a login starts which runs nothing: those of sshd, and the shell that is asked for `:`.
 * Whoever comes to a host by SSH has them.
 */
export async function countLoginProcesses(fleet: Fleet): Promise<number> {
  const [host] = fleet.hosts;
  if (host === undefined) throw new Error("there is no host to log in to");
  const counts: number[] = [];
  for (let n = 0; n < RUNS; n++) {
    const { processes } = await fleet.measure(async () => {
      await SshClient.direct(host.destination).run(":");
    });
    counts.push(processes);
  }
  return median(counts);
}
