import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { ensureBuilt } from "../cache";
import { runCommand } from "../command";
import type { Log } from "../progress";
import { DEFAULT_RELEASE } from "../release";
import { ensureImage } from "./build";

/** What boots a guest of the lab, for those who start one without the hypervisor around it. */
export interface GuestFiles {
  /** The same as the hypervisor host's. */
  readonly kernel: string;
  /**
   * A busybox whose first process prints `GUEST-READY` and then runs the lines it reads from the serial port.
   */
  readonly initrd: string;
}

/** Where recipe/customize.sh puts it. */
const INITRD_IN_IMAGE = "/var/lib/libvirt/images/guest/initrd.img";

/**
 * The guests' files, from the cache or taken now out of the image, which is made first if the cache has none.
 */
export async function ensureGuestFiles(log: Log): Promise<GuestFiles> {
  const image = await ensureImage(log, DEFAULT_RELEASE);
  const folder = await ensureBuilt({
    family: "guest",
    key: basename(image.folder),
    log,
    build: async (unfinished) => {
      const initrd = join(unfinished, "initrd.img");
      // reads the file system without mounting it, and so without root
      await runCommand("/usr/sbin/debugfs", ["-R", `dump ${INITRD_IN_IMAGE} ${initrd}`, image.disk]);
      // debugfs tells of a failure on its output only
      const { size } = await stat(initrd);
      if (size === 0) throw new Error(`The lab's image has an empty ${INITRD_IN_IMAGE}`);
    },
  });
  return { kernel: image.kernel, initrd: join(folder, "initrd.img") };
}
