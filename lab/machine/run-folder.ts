import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cacheFolder } from "../cache";

/** How long a run lasts: as long as the process that started it, or until someone ends it. */
export type Lifetime = "process" | "until-ended";

/**
 * The files of one running machine. The disk lies in the cache, so that it can share blocks with the
 * snapshot's.
 */
export interface RunFolder {
  readonly path: string;
  readonly disk: string;
  readonly serialLog: string;
  readonly qemuLog: string;
  readonly pidFile: string;
  /** Held by whoever is using a run that several processes share. */
  readonly useLock: string;
  /** QEMU's monitor. Sockets are in the temporary folder: their paths may have 107 characters only. */
  readonly monitorSocket: string;
  /** The way to the machine's own shell service. */
  readonly shellSocket: string;
}

const LASTING = "lasting-";
const OWNED = /^owned-(\d+)-/;
const SOCKET_FOLDER_FILE = "socket-folder";

/** A run without a machine that is younger than this is one that is being started. */
const STARTING_MS = 120_000;

function runsFolder(): string {
  return join(cacheFolder(), "run");
}

/** Makes the folder of a new run; its name tells whose it is. */
export async function createRunFolder(lifetime: Lifetime): Promise<RunFolder> {
  await mkdir(runsFolder(), { recursive: true });
  const prefix = lifetime === "process" ? `owned-${process.pid}-` : LASTING;
  const path = await mkdtemp(join(runsFolder(), prefix));
  const socketFolder = await mkdtemp(join(tmpdir(), "multifunction-pci-lab-"));
  await writeFile(join(path, SOCKET_FOLDER_FILE), socketFolder);
  return runFolderAt(path, socketFolder);
}

/** The folder of a run that was started before, by this process or another. */
export async function openRunFolder(path: string): Promise<RunFolder> {
  return runFolderAt(path, await readFile(join(path, SOCKET_FOLDER_FILE), "utf8"));
}

function runFolderAt(path: string, socketFolder: string): RunFolder {
  return {
    path,
    disk: join(path, "disk.qcow2"),
    serialLog: join(path, "serial.log"),
    qemuLog: join(path, "qemu.log"),
    pidFile: join(path, "qemu.pid"),
    useLock: join(path, "use.lock"),
    monitorSocket: join(socketFolder, "monitor.sock"),
    shellSocket: join(socketFolder, "shell.sock"),
  };
}

/**
 * Ends the machine of a run, if it is still there, and removes the run's files. Synchronous, for exit
 * handlers.
 */
export function removeRun(path: string): void {
  const pid = findMachinePid(path);
  if (pid !== undefined) process.kill(pid, "SIGKILL");
  const socketFolderFile = join(path, SOCKET_FOLDER_FILE);
  if (existsSync(socketFolderFile))
    rmSync(readFileSync(socketFolderFile, "utf8"), {
      recursive: true,
      force: true,
    });
  rmSync(path, { recursive: true, force: true });
}

/** Whether the run's machine is there: QEMU may have ended of itself. */
export function isMachineThere({ path }: RunFolder): boolean {
  return findMachinePid(path) !== undefined;
}

/** Runs that outlive the process that started them, and whose machine is there. */
export async function listLastingRuns(): Promise<string[]> {
  const paths = await listRuns();
  return paths.filter((path) => basename(path).startsWith(LASTING) && findMachinePid(path) !== undefined);
}

/** Removes what runs left behind whose process was killed, and ends their machines. */
export async function removeAbandonedRuns(): Promise<void> {
  for (const path of await listRuns()) {
    if (isAbandoned(path)) removeRun(path);
  }
}

function isAbandoned(path: string): boolean {
  const owner = OWNED.exec(basename(path))?.[1];
  if (owner !== undefined) return !existsSync(`/proc/${owner}`);
  return findMachinePid(path) === undefined && Date.now() - statSync(path).mtimeMs > STARTING_MS;
}

/**
 * A process is the run's machine only if its command line names the run's folder: process ids come round
 * again.
 */
function findMachinePid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(path, "qemu.pid"), "utf8"));
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(path) ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function listRuns(): Promise<string[]> {
  if (!existsSync(runsFolder())) return [];
  return (await readdir(runsFolder())).map((name) => join(runsFolder(), name));
}
