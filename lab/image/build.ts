import { chmod, copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureBuilt, recipeKey } from "../cache";
import { runCommand } from "../command";
import { DIE_TOGETHER, SMALL } from "../mmdebstrap";
import { withProgress, type Log } from "../progress";
import { describeRelease, type Release } from "../release";
import { packagesOf } from "./packages";

/** The built hypervisor host: what a virtual machine needs to start, and what a client needs to log in. */
export interface LabImage {
  readonly folder: string;
  /** Root disk, raw, never written to: machines use an overlay. */
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly privateKeyFile: string;
  readonly privateKey: string;
  /** Public host key line: type and base64. */
  readonly hostKey: string;
}

/** What the customize hook puts into the tree. */
const RECIPE = join(__dirname, "recipe");
const DISK_SIZE = "3G";

/**
 * Only what the root disk needs: the usual initrd takes a quarter of a minute longer to unpack under
 * emulation.
 */
const INITRD_HOOK = [
  'mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"',
  'printf "MODULES=list\\nCOMPRESS=zstd\\nCOMPRESSLEVEL=1\\n" >"$1/etc/initramfs-tools/conf.d/lab"',
  'printf "virtio_pci\\nvirtio_blk\\next4\\n" >"$1/usr/share/initramfs-tools/modules.d/lab"',
].join("; ");

/**
 * What is done to an older release beyond the recipe. Debian 11 gets /usr merged, as its installer makes it;
 * its libvirt refuses `<cpu mode='maximum'/>`, so its guests have QEMU's default processor.
 */
const OLDER: Readonly<Record<Release, readonly string[]>> = {
  trixie: [],
  bookworm: [],
  bullseye: [
    `--setup-hook=for one in bin sbin lib lib32 lib64 libx32; do mkdir -p "$1/usr/$one"; ln -s "usr/$one" "$1/$one"; done`,
    `--customize-hook=sed -i "/<cpu mode='maximum'/d" "$1/usr/local/sbin/lab-start-guest"`,
  ],
};

/** The hypervisor host's image, from the cache or built now (root and Debian's mmdebstrap needed). */
export async function ensureImage(log: Log, release: Release): Promise<LabImage> {
  const folder = await ensureBuilt({
    family: "image",
    key: await recipeKey([...mmdebstrapArguments(release, ""), DISK_SIZE], RECIPE),
    log,
    build: (unfinished) =>
      withProgress(log, `Building the image of ${describeRelease(release)}, about a minute and a half`, () =>
        buildImage(unfinished, release),
      ),
  });
  return openImage(folder);
}

/** The image in a folder of the cache. */
export async function openImage(folder: string): Promise<LabImage> {
  const privateKeyFile = join(folder, "client_key");
  const hostKeyLine = await readFile(join(folder, "host_key.pub"), "utf8");
  return {
    folder,
    disk: join(folder, "disk.img"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.img"),
    privateKeyFile,
    privateKey: await readFile(privateKeyFile, "utf8"),
    hostKey: hostKeyLine.trim().split(" ").slice(0, 2).join(" "),
  };
}

async function buildImage(folder: string, release: Release): Promise<void> {
  if (process.getuid?.() !== 0) {
    throw new Error("Building the lab's image needs root, once: run `node tools/setup/main.mjs` as root");
  }
  for (const name of ["client_key", "host_key"]) {
    const file = join(folder, name);
    await runCommand("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", file]);
  }
  const tree = join(folder, "tree");
  await mkdir(tree);
  // mkdtemp made the folder private; the tree must be passable for Debian's own users while it is built.
  await chmod(folder, 0o755);
  const [file = "", ...args] = [...DIE_TOGETHER, "mmdebstrap", ...mmdebstrapArguments(release, tree)];
  await runCommand(file, args, {
    timeoutMs: 20 * 60_000,
    env: { ...process.env, LAB_IMAGE_FOLDER: RECIPE, LAB_KEYS: folder },
  });
  const boot = await readdir(join(tree, "boot"));
  for (const name of ["vmlinuz", "initrd.img"]) {
    const versioned = boot.find((file) => file.startsWith(`${name}-`));
    if (!versioned) throw new Error(`The image has no ${name} in /boot, only: ${boot.join(", ")}`);
    await copyFile(join(tree, "boot", versioned), join(folder, name));
  }
  const disk = join(folder, "disk.img");
  await runCommand("mke2fs", ["-q", "-t", "ext4", "-d", tree, disk, DISK_SIZE], { timeoutMs: 5 * 60_000 });
  await chmod(disk, 0o444);
  await rm(tree, { recursive: true });
}

function mmdebstrapArguments(release: Release, tree: string): string[] {
  return [
    "--mode=root",
    "--variant=minbase",
    "--quiet",
    ...SMALL,
    `--include=${packagesOf(release).join(",")}`,
    `--essential-hook=${INITRD_HOOK}`,
    `--customize-hook=sh "$LAB_IMAGE_FOLDER/customize.sh" "$1"`,
    ...OLDER[release],
    release,
    tree,
  ];
}
