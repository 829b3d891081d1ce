import { commandOf, scriptOf, type Step, type Steps } from "../script";
import { SshClient } from "../ssh-client";
import type { Cost, Fleet, FleetGuest } from "./fleet";
import { fleetStepsFor } from "./fleet-steps";
import type { Host } from "./host";
import { inParallel } from "./in-parallel";

/** What attaching all and detaching all has cost. */
export interface ShellResult {
  readonly attach: Cost;
  readonly detach: Cost;
}

/** Carries steps out at one guest's host. */
type Carrier = (guest: FleetGuest, steps: readonly Step[]) => Promise<void>;

async function attachAndDetach(fleet: Fleet, parallel: number, carry: Carrier): Promise<ShellResult> {
  const all = async (stepsOf: (steps: Steps) => readonly Step[]): Promise<void> => {
    await inParallel(fleet.guests, parallel, (guest) => carry(guest, stepsOf(fleetStepsFor(guest))));
  };
  const attach = await fleet.measure(() => all((steps) => [...steps.lookBeforeAttach, ...steps.attach]));
  await fleet.expect("all attached");
  const detach = await fleet.measure(() => all((steps) => [...steps.lookBeforeDetach, ...steps.detach]));
  await fleet.expect("none attached");
  return { attach, detach };
}

/** Each step over an ssh of its own. */
export function byOneSshPerStep(fleet: Fleet, parallel: number): Promise<ShellResult> {
  return attachAndDetach(fleet, parallel, async ({ host }, steps) => {
    const ssh = SshClient.direct(host.destination);
    for (const step of steps) await ssh.run(commandOf(step));
  });
}

/** Each step by an ssh over one connection for each host, which its first step opens. */
export async function byControlMaster(fleet: Fleet, parallel: number): Promise<ShellResult> {
  const masters = new Map<Host, Promise<SshClient>>();
  const masterOf = (host: Host): Promise<SshClient> => {
    const path = fleet.file(`control-${masters.size}`);
    const master = masters.get(host) ?? SshClient.shared(host.destination, path);
    masters.set(host, master);
    return master;
  };
  try {
    return await attachAndDetach(fleet, parallel, async ({ host }, steps) => {
      const ssh = await masterOf(host);
      for (const step of steps) await ssh.run(commandOf(step));
    });
  } finally {
    for (const master of masters.values()) await (await master).close();
  }
}

/** All steps of an attachment as one script over one ssh. */
export function byScriptOverSsh(fleet: Fleet, parallel: number): Promise<ShellResult> {
  return attachAndDetach(fleet, parallel, async ({ host }, steps) => {
    await SshClient.direct(host.destination).run("bash -s", scriptOf(steps));
  });
}

/** The script on the host itself, which pays for no network. */
export function byScriptOnHost(fleet: Fleet, parallel: number): Promise<ShellResult> {
  return attachAndDetach(fleet, parallel, async ({ host }, steps) => {
    await host.run(scriptOf(steps));
  });
}
