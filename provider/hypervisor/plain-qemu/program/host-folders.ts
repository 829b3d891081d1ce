/** Where the host program looks and writes on a host. */
export interface HostFolders {
  readonly sysfs: string;
  readonly procfs: string;
  /** Nodes of the VFIO groups. */
  readonly vfio: string;
  /**
   * The ledger's files. Gone with a reboot of the host, after which every function is on its own driver
   * again.
   */
  readonly ledger: string;
  readonly machineId: string;
  /** udev's rules; of several folders the first counts. */
  readonly udevRules: readonly string[];
  /** Names of users, by their numbers. */
  readonly passwd: string;
  /** Names of groups. */
  readonly groups: string;
  /** Configurations of Proxmox VE. */
  readonly proxmox: string;
  /** Numbers of the processes of its guests. */
  readonly proxmoxRun: string;
  /** The list of what an account with sudo may do. */
  readonly permissions: string;
}

/** The folders of every Linux host. */
export const HOST_FOLDERS: HostFolders = {
  sysfs: "/sys",
  procfs: "/proc",
  vfio: "/dev/vfio",
  ledger: "/run/multifunction-pci",
  machineId: "/etc/machine-id",
  udevRules: ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"],
  passwd: "/etc/passwd",
  groups: "/etc/group",
  proxmox: "/etc/pve",
  proxmoxRun: "/run/qemu-server",
  permissions: "/etc/multifunction-pci-host.conf",
};
