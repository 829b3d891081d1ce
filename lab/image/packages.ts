import type { Release } from "../release";

/** Debian packages of the hypervisor host, beyond what a minimal system has. */
const PACKAGES = [
  "apparmor",
  "bash",
  "busybox-static",
  "dbus",
  "e2fsprogs",
  "findutils",
  "iproute2",
  "kmod",
  "libvirt-clients",
  "libvirt-daemon-driver-qemu",
  "libvirt-daemon-system",
  "linux-image-amd64",
  "linux-sysctl-defaults",
  "openssh-server",
  "pciutils",
  "polkitd",
  "procps",
  "qemu-system-x86",
  "socat",
  "systemd-sysv",
  "udev",
  "util-linux",
];

/** What an older release has instead: procps sets the same sysctls there. */
const INSTEAD: Readonly<Record<Release, Readonly<Record<string, string>>>> = {
  trixie: {},
  bookworm: { "linux-sysctl-defaults": "zstd" },
  bullseye: { "linux-sysctl-defaults": "zstd", polkitd: "policykit-1" },
};

/** The packages of a release's hypervisor host. */
export function packagesOf(release: Release): string[] {
  return PACKAGES.map((name) => INSTEAD[release][name] ?? name);
}
