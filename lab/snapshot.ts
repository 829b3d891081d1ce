import { chmod, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureBuilt, recipeKey } from "./cache";
import { runCommand } from "./command";
import { GUESTS, GuestConsole } from "./guest-console";
import { ensureImage, type LabImage } from "./image";
import {
  chooseAccelerator,
  machineFacts,
  createRunFolder,
  humanMonitorSilently,
  removeRun,
  startMachine,
  type Accelerator,
  type RunFolder,
} from "./machine";
import { withProgress, type Log } from "./progress";
import { Shell } from "./shell";

/** The machine's saved state, in its disk's overlay: everything is up, nothing was done yet. */
export interface Snapshot {
  readonly image: LabImage;
  readonly accelerator: Accelerator;
  readonly disk: string;
}

/** Name of the saved state within the disk. */
export const SNAPSHOT_NAME = "base";

/** To be changed when what is done between boot and saving changes. */
const BOOT_RECIPE = "two guests booted, capabilities asked, 2";

/** An emulated machine with several processors may fail to boot once in a while. */
const BOOT_ATTEMPTS = 3;

/** Twenty times what an idle machine with two processors takes without KVM. */
const SSH_TIMEOUT_MS = 10 * 60_000;
const GUEST_TIMEOUT_MS = 30 * 60_000;

/** Each domain's UUID; constant, so that tests can name it. */
const GUEST_UUIDS = {
  guest1: "11111111-1111-4111-8111-111111111111",
  guest2: "22222222-2222-4222-8222-222222222222",
} as const;

/** The saved state, from the cache or made now by booting everything once. */
export async function ensureSnapshot(log: Log): Promise<Snapshot> {
  const image = await ensureImage(log);
  const accelerator = await chooseAccelerator(image, log);
  const recipe = [
    BOOT_RECIPE,
    basename(image.folder),
    ...accelerator.facts,
    ...machineFacts(image, accelerator.name),
  ];
  const folder = await ensureBuilt({
    family: "snapshot",
    key: await recipeKey(recipe),
    log,
    build: (unfinished) => buildSnapshot(unfinished, image, accelerator, log),
  });
  return { image, accelerator, disk: join(folder, "disk.qcow2") };
}

async function buildSnapshot(
  folder: string,
  image: LabImage,
  accelerator: Accelerator,
  log: Log,
): Promise<void> {
  log(`The lab's first start boots a hypervisor and two guests (accelerator: ${accelerator.name})`);
  for (let attempt = 1; ; attempt++) {
    const run = await createRunFolder("process");
    try {
      await bootAndSave(run, image, accelerator, log);
      const disk = join(folder, "disk.qcow2");
      await rename(run.disk, disk);
      await chmod(disk, 0o444);
      return;
    } catch (error) {
      if (attempt === BOOT_ATTEMPTS) throw error;
      log(`${error instanceof Error ? error.message : String(error)}; booting once more`);
    } finally {
      removeRun(run.path);
    }
  }
}

async function bootAndSave(
  run: RunFolder,
  image: LabImage,
  accelerator: Accelerator,
  log: Log,
): Promise<void> {
  await runCommand("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, run.disk]);
  const machine = await startMachine({
    image,
    accelerator: accelerator.name,
    folder: run,
    lifetime: "process",
  });
  const shell = await withProgress(log, "Booting the hypervisor (half a minute without KVM)", () =>
    Promise.race([
      machine.ended,
      Shell.connect(
        { port: machine.sshPort, privateKey: image.privateKey, hostKey: image.hostKey },
        SSH_TIMEOUT_MS,
      ),
    ]),
  );
  await withProgress(log, "Booting two guests in it (three minutes without KVM)", async () => {
    await Promise.race([machine.ended, Promise.all(GUESTS.map((guest) => bootGuest(shell, guest)))]);
  });
  await shell.exec("virsh capabilities");
  await withProgress(log, "Saving the state", async () => {
    await shell.end();
    // The session's processes end after its connection does, and are not to be in the saved state.
    await sleep(3_000);
    await humanMonitorSilently(run.monitorSocket, `savevm ${SNAPSHOT_NAME}`);
    // A machine that is killed may leave tables of its disk unwritten; one that quits does not.
    await machine.quit();
  });
}

async function bootGuest(shell: Shell, guest: (typeof GUESTS)[number]): Promise<void> {
  const { code, stderr } = await shell.exec(`lab-start-guest ${guest} ${GUEST_UUIDS[guest]}`, {
    timeoutMs: GUEST_TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`${guest} does not start: ${stderr}`);
  const console = await GuestConsole.open(shell, guest);
  try {
    await console.waitUntilReady(GUEST_TIMEOUT_MS);
  } finally {
    console.close();
  }
}
