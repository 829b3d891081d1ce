import { helperScript, type VersionRange } from "../../../host/helper";
import { HOST_FOLDERS, type HostFolders } from "./host-folders";
import CHANGE from "./change.sh";
import GUESTS from "./guests.sh";
import HOST_PROGRAM from "./host-program.sh";
import LEDGER from "./ledger.sh";
import LOOK from "./look.sh";
import MONITOR from "./monitor.sh";
import PERMISSIONS from "./permissions.sh";

/**
 * The newest changes with what the program understands or answers. This release speaks it and the one
 * before, and the program answers both; that of 0.1 (1) gave root to whoever was allowed to run it. A record
 * of a kind that is only added leaves the number: whoever does not know that kind passes over it, and whoever
 * does can do without.
 */
export const HOST_PROGRAM_VERSIONS: VersionRange = { newest: 2, oldest: 2 };

/** Begins its greeting, so that nothing a login script prints is taken for it. */
export const HOST_PROGRAM_WORD = "multifunction-pci-host";

/** Where a host has the program for an account with sudo (docs/security.md). */
export const HOST_PROGRAM_PATH = "/usr/local/sbin/multifunction-pci-host";

/** The program for a host with these folders: of a root login, which needs no permission of a list. ASCII. */
export function hostProgram(folders: HostFolders = HOST_FOLDERS): string {
  return programText(folders, "");
}

/** The file that an account with sudo runs, at {@link HOST_PROGRAM_PATH}. */
export function installedHostProgram(folders: HostFolders = HOST_FOLDERS): string {
  return `#!/bin/bash -p\n${programText(folders, folders.permissions)}`;
}

function programText(folders: HostFolders, permissions: string): string {
  return helperScript({
    readyWord: HOST_PROGRAM_WORD,
    requests: HOST_PROGRAM,
    sourced: {
      "change.sh": CHANGE,
      "guests.sh": GUESTS,
      "ledger.sh": LEDGER,
      "look.sh": LOOK,
      "monitor.sh": MONITOR,
      "permissions.sh": PERMISSIONS,
    },
    versions: HOST_PROGRAM_VERSIONS,
    values: {
      sys: folders.sysfs,
      proc: folders.procfs,
      vfio: folders.vfio,
      ledger: folders.ledger,
      machine_id: folders.machineId,
      udev_rules: folders.udevRules,
      passwd: folders.passwd,
      group_file: folders.groups,
      proxmox: folders.proxmox,
      proxmox_run: folders.proxmoxRun,
      permissions,
      program_version: HOST_PROGRAM_VERSIONS.newest,
      oldest_version: HOST_PROGRAM_VERSIONS.oldest,
    },
  });
}
