import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { ensureBuilt, recipeKey } from "../cache";
import { withProgress, type Log } from "../progress";
import { makeTree } from "./mmdebstrap";

/** Debian releases by the QEMU that they have: the versions that are looked at. */
const QEMU_RELEASES = { "5.2": "bullseye", "7.2": "bookworm", "10.0": "trixie" } as const;
/** One of them, as its users call it. */
export type QemuVersion = keyof typeof QEMU_RELEASES;

/** QEMU for all architectures, a libvirt that goes with it, and what packs an initrd. */
const PACKAGES = [
  "cpio",
  "libvirt-clients",
  "libvirt-daemon-driver-qemu",
  "libvirt-daemon-system",
  "qemu-system-arm",
  "qemu-system-ppc",
  "qemu-system-x86",
];

/** A small Debian with this QEMU and its libvirt, from the cache or made now; run it by {@link inTree}. */
export async function ensureTree(version: QemuVersion, log: Log): Promise<string> {
  const release = QEMU_RELEASES[version];
  const args = ["--variant=minbase", `--include=${PACKAGES.join(",")}`, release];
  const folder = await ensureBuilt({
    family: "qemu-tree",
    key: `${version}-${await recipeKey(args)}`,
    log,
    build: (unfinished) =>
      withProgress(
        log,
        `Making a tree with QEMU ${version} (Debian ${release}, about a minute)`,
        async () => {
          await chmod(unfinished, 0o755);
          await mkdir(join(unfinished, "tree"));
          await makeTree(args, join(unfinished, "tree"));
        },
      ),
  });
  return join(folder, "tree");
}
