import { chmod, constants, copyFile, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { endWithProcess } from "./end-with-process";
import { holdFileLock } from "./file-lock";
import { openImage } from "./image";
import type { Lab } from "./lab";
import {
  createRunFolder,
  EVERYDAY_LATE,
  forwardedSshPort,
  isMachineThere,
  machineMonitor,
  openRunFolder,
  removeAbandonedRuns,
  removeRun,
  startMachine,
  USUAL_HARDWARE,
  type Hardware,
  type Lifetime,
  type Machine,
  type RunFolder,
} from "./machine";
import { withProgress, type Log } from "./progress";
import { chosenRelease, type Release } from "./release";
import { RunningLab } from "./running-lab";
import { ensureSnapshot, SNAPSHOT_NAME, type Snapshot } from "./snapshot";

/** How a lab is started. */
export interface StartLabOptions {
  /** Where progress goes; default: standard error. */
  readonly log?: Log;
  /** Default: the lab ends with this process, however that ends. */
  readonly lifetime?: Lifetime;
  /** Which Debian the host is; default: what the environment says ({@link RELEASE_VARIABLE}), else trixie. */
  readonly release?: Release;
  /** What of the machine is otherwise than usual. */
  readonly hardware?: Partial<Hardware>;
}

/** Environment variable with the run folder of the lab that a test run shares. */
export const SHARED_LAB_VARIABLE = "MULTIFUNCTION_PCI_LAB";

/** In a run's folder: what its machine is. */
const KIND_FILE = "kind.json";

/** What a run's machine is: enough to find its image and its saved state. */
interface Kind {
  readonly release: Release;
  readonly hardware: Hardware;
  /** The image's folder. */
  readonly image: string;
}

const toStandardError: Log = (line) => process.stderr.write(`${line}\n`);

/** Starts a lab of one's own from the saved state, which is made first if the cache has none. */
export async function startLab(options: StartLabOptions = {}): Promise<Lab> {
  const log = options.log ?? toStandardError;
  const lifetime = options.lifetime ?? "process";
  const release = options.release ?? chosenRelease();
  const hardware = { ...USUAL_HARDWARE, ...options.hardware };
  await removeAbandonedRuns();
  const snapshot = await ensureSnapshot(log, release, hardware);
  const { image, accelerator } = snapshot;
  const folder = await createRunFolder(lifetime);
  let isWanted = true;
  const remove = (): void => {
    isWanted = false;
    removeRun(folder.path);
  };
  const disarm = lifetime === "process" ? endWithProcess(remove) : () => undefined;
  const end = async (): Promise<void> => {
    disarm();
    remove();
  };
  try {
    return await withProgress(
      log,
      `Starting the lab (${release}, accelerator: ${accelerator.name})`,
      async () => {
        const kind: Kind = { release, hardware, image: image.folder };
        await writeFile(join(folder.path, KIND_FILE), JSON.stringify(kind));
        const machine = await startFromSnapshot(folder, snapshot, hardware, lifetime);
        machine.ended.catch((error: unknown) => {
          if (isWanted) log(error instanceof Error ? error.message : String(error));
        });
        const lab = new RunningLab({ folder, image, release, port: machine.sshPort, end });
        await lab.awaken();
        if (hardware.extras === "everyday")
          await machineMonitor(folder.monitorSocket, "device_add", EVERYDAY_LATE);
        return lab;
      },
    );
  } catch (error) {
    await end();
    throw error;
  }
}

/** Starts a run's machine from a copy of the saved state. */
async function startFromSnapshot(
  folder: RunFolder,
  { image, accelerator, emulator, disk, extraDisks }: Snapshot,
  hardware: Hardware,
  lifetime: Lifetime,
): Promise<Machine> {
  // A saved state inside a disk is loaded from that disk only, never from a backing file.
  for (const saved of [disk, ...extraDisks]) {
    const own = join(folder.path, basename(saved));
    await copyFile(saved, own, constants.COPYFILE_FICLONE);
    await chmod(own, 0o600);
  }
  return startMachine({
    image,
    accelerator: accelerator.name,
    emulator,
    hardware,
    folder,
    lifetime,
    snapshot: SNAPSHOT_NAME,
  });
}

/**
 * Takes a lab that another process started for as long as it is needed, alone: waits until nobody else in the
 * test run uses it. Its state is whatever the last user left: restore first. A machine that has ended of
 * itself, which an emulated one may, is started anew, without the states that were saved in it. Default: the
 * one that the test run's global setup started.
 */
export async function connectLab(
  runFolder = process.env[SHARED_LAB_VARIABLE],
  log = toStandardError,
): Promise<Lab> {
  if (!runFolder) throw new Error(`No lab is running for this: ${SHARED_LAB_VARIABLE} is not set`);
  const folder = await openRunFolder(runFolder);
  const use = await holdFileLock(folder.useLock, log);
  try {
    const kind = JSON.parse(await readFile(join(runFolder, KIND_FILE), "utf8")) as Kind;
    const { release, hardware } = kind;
    if (!isMachineThere(folder)) {
      log("The lab's machine has ended: it is started anew");
      await startFromSnapshot(folder, await ensureSnapshot(log, release, hardware), hardware, "process");
    }
    const image = await openImage(kind.image);
    const port = await forwardedSshPort(folder.monitorSocket);
    return new RunningLab({ folder, image, release, port, end: () => use.release() });
  } catch (error) {
    await use.release();
    throw error;
  }
}
