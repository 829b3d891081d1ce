import { chmod, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureBuilt, recipeKey } from "./cache";
import { runCommand } from "./command";
import { GUESTS, type GuestName } from "./guests";
import { ensureImage, type LabImage } from "./image";
import {
  chooseAccelerator,
  chooseEmulator,
  machineFacts,
  createRunFolder,
  EXTRA_DISK_SIZE,
  extraDisks,
  humanMonitorSilently,
  removeAbandonedRuns,
  removeRun,
  startMachine,
  type Accelerator,
  type Emulator,
  type Hardware,
  type RunFolder,
} from "./machine";
import { withProgress, type Log } from "./progress";
import type { Release } from "./release";
import { Shell } from "./shell";

/** The machine's saved state, in its disk's overlay: everything is up, nothing was done yet. */
export interface Snapshot {
  readonly image: LabImage;
  readonly accelerator: Accelerator;
  readonly emulator: Emulator;
  readonly disk: string;
  /** The other disks of its hardware, with their part of the state. */
  readonly extraDisks: readonly string[];
}

/** What is booted on what. */
interface Boot {
  readonly image: LabImage;
  readonly accelerator: Accelerator;
  readonly emulator: Emulator;
  readonly hardware: Hardware;
}

/** Name of the saved state within the disk. */
export const SNAPSHOT_NAME = "base";

/** To be changed when what is done between boot and saving changes. */
const BOOT_RECIPE = "two guests booted, everything used once, 3";

/** An emulated machine with several processors may fail to boot once in a while. */
const BOOT_ATTEMPTS = 3;

/** Twenty times what an idle machine with two processors takes without KVM. */
const HOST_TIMEOUT_MS = 10 * 60_000;
const WARM_UP_TIMEOUT_MS = 3 * 60_000;
const GUEST_TIMEOUT_MS = 30 * 60_000;

/** Each domain's UUID; constant, so that tests can name it. */
const GUEST_UUIDS = {
  guest1: "11111111-1111-4111-8111-111111111111",
  guest2: "22222222-2222-4222-8222-222222222222",
} as const;

/** The saved state, from the cache or made now by booting everything once. */
export async function ensureSnapshot(log: Log, release: Release, hardware: Hardware): Promise<Snapshot> {
  const image = await ensureImage(log, release);
  const emulator = await chooseEmulator(hardware, log);
  const accelerator = await chooseAccelerator(image, emulator, log);
  const boot = { image, accelerator, emulator, hardware };
  const recipe = [
    BOOT_RECIPE,
    basename(image.folder),
    ...accelerator.facts,
    ...machineFacts({ image, accelerator: accelerator.name, hardware }),
  ];
  const folder = await ensureBuilt({
    family: "snapshot",
    key: await recipeKey(recipe),
    log,
    build: (unfinished) => buildSnapshot(unfinished, boot, log),
  });
  const disks = { disk: join(folder, "disk.qcow2"), extraDisks: extraDisks(hardware, folder) };
  return { image, accelerator, emulator, ...disks };
}

async function buildSnapshot(folder: string, boot: Boot, log: Log): Promise<void> {
  await removeAbandonedRuns();
  log(`The lab's first start boots a hypervisor and two guests (accelerator: ${boot.accelerator.name})`);
  for (let attempt = 1; ; attempt++) {
    const run = await createRunFolder("process");
    try {
      await bootAndSave(run, boot, log);
      for (const disk of [run.disk, ...extraDisks(boot.hardware, run.path)]) {
        const saved = join(folder, basename(disk));
        await rename(disk, saved);
        await chmod(saved, 0o444);
      }
      return;
    } catch (error) {
      if (attempt === BOOT_ATTEMPTS) throw error;
      log(`${error instanceof Error ? error.message : String(error)}; booting once more`);
    } finally {
      removeRun(run.path);
    }
  }
}

async function bootAndSave(run: RunFolder, boot: Boot, log: Log): Promise<void> {
  const { image, accelerator, emulator, hardware } = boot;
  await runCommand("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", image.disk, run.disk]);
  for (const disk of extraDisks(hardware, run.path))
    await runCommand("qemu-img", ["create", "-q", "-f", "qcow2", disk, EXTRA_DISK_SIZE]);
  const machine = await startMachine({
    image,
    accelerator: accelerator.name,
    emulator,
    hardware,
    folder: run,
    lifetime: "process",
  });
  const upTo = <T>(step: Promise<T>): Promise<T> => Promise.race([machine.ended, step]);
  const shell = await Shell.connect(run.shellSocket);
  await withProgress(log, "Booting the hypervisor (half a minute without KVM)", () =>
    upTo(succeed(shell, "systemctl is-system-running --wait", HOST_TIMEOUT_MS)),
  );
  await withProgress(log, "Booting two guests in it (two minutes without KVM)", () =>
    upTo(Promise.all(GUESTS.map((guest) => bootGuest(shell, guest)))),
  );
  await withProgress(log, "Doing once what is slow the first time", () =>
    upTo(warmUp(shell, image, machine.sshPort)),
  );
  await withProgress(log, "Saving the state", async () => {
    shell.close();
    // A session's processes end after its connection does, and are not to be in the saved state.
    await sleep(3_000);
    await humanMonitorSilently(run.monitorSocket, `savevm ${SNAPSHOT_NAME}`);
    // A machine that is killed may leave tables of its disk unwritten; one that quits does not.
    await machine.quit();
  });
}

async function bootGuest(shell: Shell, guest: GuestName): Promise<void> {
  await succeed(
    shell,
    `lab-start-guest ${guest} ${GUEST_UUIDS[guest]} && lab-console ${guest} ready`,
    GUEST_TIMEOUT_MS,
  );
}

/** A host that was in use before: programs in memory, polkitd up, libvirt's knowledge of QEMU collected. */
async function warmUp(shell: Shell, image: LabImage, sshPort: number): Promise<void> {
  await succeed(
    shell,
    "virsh capabilities && runuser -u operator -- virsh -c qemu:///system list",
    WARM_UP_TIMEOUT_MS,
  );
  const hostKeyFile = join(image.folder, "host_key.pub");
  const [type, key] = (await readFile(hostKeyFile, "utf8")).split(" ");
  const knownHosts = await mkdtemp(join(tmpdir(), "multifunction-pci-lab-"));
  try {
    await writeFile(join(knownHosts, "known_hosts"), `[127.0.0.1]:${sshPort} ${type} ${key}\n`);
    for (const user of ["root", "operator"]) {
      const options = [
        `UserKnownHostsFile=${join(knownHosts, "known_hosts")}`,
        "BatchMode=yes",
        "IdentitiesOnly=yes",
      ];
      const args = ["-F", "none", "-p", String(sshPort), "-i", image.privateKeyFile];
      args.push(...options.flatMap((option) => ["-o", option]), `${user}@127.0.0.1`, "true");
      await runCommand("ssh", args, { timeoutMs: WARM_UP_TIMEOUT_MS });
    }
  } finally {
    await rm(knownHosts, { recursive: true });
  }
}

async function succeed(shell: Shell, command: string, timeoutMs: number): Promise<void> {
  const { code, stdout, stderr } = await shell.exec(command, { timeoutMs });
  if (code !== 0) throw new Error(`In the lab, "${command}" ended with ${code}: ${stderr}${stdout}`);
}
