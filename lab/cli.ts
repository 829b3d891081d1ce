/**
 * The lab by hand: `npx tsx lab/cli.ts build | up | down | restore | exec COMMAND… | console GUEST COMMAND…`.
 * `up` starts a lab that stays until `down`; the others use the one that is up.
 */
import { parseArgs } from "node:util";
import { GUESTS, type GuestName } from "./guests";
import { ensureSudo } from "./image";
import type { Lab } from "./lab";
import { listLastingRuns, removeAbandonedRuns, removeRun, parseHardware, type Hardware } from "./machine";
import {
  chosenRelease,
  DEFAULT_RELEASE,
  parseRelease,
  RELEASE_VARIABLE,
  RELEASES,
  type Release,
} from "./release";
import { ensureSnapshot } from "./snapshot";
import { connectLab, startLab } from "./start-lab";
import { describeUse } from "./usage";

const USAGE = `Usage: npx tsx lab/cli.ts COMMAND
  build [MACHINE]           make what a lab and its tests need, if the cache has it not
  up [MACHINE]              start a lab that stays until "down", and print how to use it
  down                      end it
  restore                   put it back to its first state
  exec COMMAND…             run a shell command on its host, as root
  console GUEST COMMAND…    run a line in a guest (${GUESTS.join(", ")})
MACHINE: --release NAME, --nic igb (a card with virtual functions in place of the first),
         --extras everyday (with a display, disks, sound, USB and a serial card as well)
Releases: ${RELEASES.join(", ")}; default: what $${RELEASE_VARIABLE} says, else ${DEFAULT_RELEASE}`;

async function main([verb, ...rest]: readonly string[]): Promise<number> {
  const log = (line: string): void => console.error(line);
  switch (verb) {
    case "build": {
      const { release, hardware } = machineIn(rest);
      await ensureSnapshot(log, release, hardware);
      await ensureSudo(log, release);
      return 0;
    }
    case "up": {
      const machine = machineIn(rest);
      await removeAbandonedRuns();
      if ((await listLastingRuns()).length > 0) throw new Error('A lab is up already: "down" ends it');
      const lab = await startLab({ log, lifetime: "until-ended", ...machine });
      console.log(describeUse(lab, machine.hardware));
      await lab.disconnect();
      return 0;
    }
    case "down":
      for (const run of await listLastingRuns()) removeRun(run);
      return 0;
    case "restore":
      return withLab(async (lab) => {
        await lab.restore();
        return 0;
      });
    case "exec":
      return withLab(async (lab) => {
        const { stdout, stderr, code } = await lab.exec(rest.join(" "));
        process.stdout.write(stdout);
        process.stderr.write(stderr);
        return code;
      });
    case "console":
      return withLab(async (lab) => {
        const [guest, ...command] = rest;
        process.stdout.write(await lab.guestConsole(guestNamed(guest), command.join(" ")));
        return 0;
      });
    case undefined:
    default:
      console.error(USAGE);
      return 2;
  }
}

async function withLab(use: (lab: Lab) => Promise<number>): Promise<number> {
  const [run] = await listLastingRuns();
  if (!run) throw new Error('No lab is up: "npx tsx lab/cli.ts up" starts one');
  const lab = await connectLab(run);
  try {
    return await use(lab);
  } finally {
    await lab.close();
  }
}

function machineIn(args: readonly string[]): { readonly release: Release; readonly hardware: Hardware } {
  const options = {
    release: { type: "string" },
    nic: { type: "string" },
    extras: { type: "string" },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const release = values.release === undefined ? chosenRelease() : parseRelease(values.release);
  return { release, hardware: parseHardware(values) };
}

function guestNamed(name: string | undefined): GuestName {
  const guest = GUESTS.find((known) => known === name);
  if (!guest) throw new Error(`No guest "${name ?? ""}". Guests: ${GUESTS.join(", ")}`);
  return guest;
}

main(process.argv.slice(2)).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
