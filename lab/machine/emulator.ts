import { join } from "node:path";
import type { Log } from "../progress";
import { ensureTree } from "../qemu-versions";
import type { Hardware } from "./hardware";

/** The QEMU that runs the machine. */
export interface Emulator {
  /** Program and first arguments. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const INSTALLED: Emulator = { command: ["qemu-system-x86_64"], env: {} };

/**
 * The installed QEMU, but 10.0 for igb, which needs 8.0. That one runs out of its tree, with the tree's own
 * loader and libraries, and sees the machine's files at their own paths.
 */
export async function chooseEmulator(hardware: Hardware, log: Log): Promise<Emulator> {
  if (hardware.nic !== "igb") return INSTALLED;
  const usr = join(await ensureTree("10.0", log), "usr");
  const libraries = join(usr, "lib/x86_64-linux-gnu");
  const loader = [join(usr, "lib64/ld-linux-x86-64.so.2"), "--library-path", libraries];
  const firmware = ["qemu", "seabios"].flatMap((name) => ["-L", join(usr, "share", name)]);
  return {
    command: [...loader, join(usr, "bin/qemu-system-x86_64"), ...firmware],
    env: { QEMU_MODULE_DIR: join(libraries, "qemu") },
  };
}
