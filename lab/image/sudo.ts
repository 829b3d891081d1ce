import { join } from "node:path";
import { ensureBuilt, recipeKey } from "../cache";
import { runCommand } from "../command";
import type { Log } from "../progress";
import type { Release } from "../release";

const ARCHIVE = "sudo.tar.gz";

/** Debian's package without its manuals and translations; where the plugins lie differs between releases. */
const PACK = `cd "$1" && tar -czf ../${ARCHIVE} etc/pam.d/sudo etc/sudo* usr/bin/sudo usr/sbin/visudo usr/lib*/sudo`;

/**
 * sudo for the host of a release, as a tar archive to unpack at its root: from the cache, or taken now from
 * Debian's package (root and mmdebstrap needed). The image has none, like a Debian whose installer was given
 * a password for root; the libraries that it needs are there.
 */
export async function ensureSudo(log: Log, release: Release): Promise<string> {
  const folder = await ensureBuilt({
    family: "sudo",
    key: await recipeKey([release, PACK]),
    log,
    build: async (unfinished) => {
      const tree = join(unfinished, "tree");
      const options = ["--mode=root", "--variant=extract", "--quiet", "--include=sudo"];
      const onlyIt = '--aptopt=APT::Install-Recommends "false"';
      await runCommand("mmdebstrap", [...options, onlyIt, release, tree], { timeoutMs: 5 * 60_000 });
      await runCommand("sh", ["-c", PACK, "sh", tree]);
      await runCommand("rm", ["-r", tree]);
    },
  });
  return join(folder, ARCHIVE);
}
