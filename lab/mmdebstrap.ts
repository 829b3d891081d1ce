/**
 * Runs a program so that it, all its descendants and its mounts are gone as soon as this process is:
 * a package manager that outlives a killed build would go on writing into a folder being removed.
 */
export const DIE_TOGETHER: readonly string[] = [
  ...["setpriv", "--pdeathsig", "KILL"],
  ...["unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"],
];

/**
 * Options of mmdebstrap that keep a tree small: what is not asked for, and what nobody reads. Part of the
 * caches' keys.
 */
export const SMALL: readonly string[] = [
  '--aptopt=APT::Install-Recommends "false"',
  '--aptopt=Acquire::Languages "none"',
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-exclude=/usr/share/man/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
];
