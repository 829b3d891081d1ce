import { bashProgram } from "../../../host/shell/bash-program";
import { HOST_FOLDERS, type HostFolders } from "./host-folders";
import CHANGE from "./change.sh";
import HOST_PROGRAM from "./host-program.sh";
import LEDGER from "./ledger.sh";
import LOOK from "./look.sh";
import RELAY from "./relay.sh";

/**
 * Changes with what the program understands or answers; an installed one of another version is refused. A
 * record of a kind that is only added leaves it: whoever does not know that kind passes over it, and whoever
 * does can do without.
 */
export const HOST_PROGRAM_VERSION = 1;

/** Begins the line before the answer, so that nothing a login script prints is taken for it. */
export const HOST_PROGRAM_WORD = "multifunction-pci-host";

/** Where a host has the program for an account with sudo (docs/security.md). */
export const HOST_PROGRAM_PATH = "/usr/local/sbin/multifunction-pci-host";

/** How long a request waits for a change that is under way, of whichever client. */
const TURN_SECONDS = 20;

/** The program (host-program.sh) for a host with these folders, without its comments. ASCII. */
export function hostProgram(folders: HostFolders = HOST_FOLDERS): string {
  return bashProgram({
    script: HOST_PROGRAM,
    sourced: { "look.sh": LOOK, "change.sh": CHANGE, "ledger.sh": LEDGER, "relay.sh": RELAY },
    values: {
      sys: folders.sysfs,
      proc: folders.procfs,
      vfio: folders.vfio,
      ledger: folders.ledger,
      machine_id: folders.machineId,
      rules: folders.udevRules,
      turn_seconds: TURN_SECONDS,
      greeting: `${HOST_PROGRAM_WORD} ${HOST_PROGRAM_VERSION}`,
    },
  });
}

/** The file that an account with sudo runs, at {@link HOST_PROGRAM_PATH}. */
export const HOST_PROGRAM_FILE = `#!/bin/bash -p\n${hostProgram()}`;
