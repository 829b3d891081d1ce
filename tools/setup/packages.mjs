import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { runTold } from "./progress.mjs";

/**
 * Debian packages that the lab and the tests need on this machine. libvirt is not among them: it runs in the
 * lab.
 */
const PACKAGES = [
  "debian-archive-keyring", // the lab's image is of another Debian than this machine
  "e2fsprogs", // mke2fs, debugfs
  "iproute2", // the survey of the host asks ip; its tests make network namespaces
  "mmdebstrap",
  "mount", // losetup
  "openssh-client", // ssh-keygen, ssh-agent
  "openssh-server", // the SSH tests start an sshd of their own
  "qemu-system-arm", // slot kinds of `virt` and, with the next, of pseries
  "qemu-system-ppc",
  "qemu-system-x86",
  "qemu-utils", // qemu-img
  "sudo", // an account of a test becomes root by it
  "util-linux", // flock, setpriv, unshare
];

/** What the bench needs beside them, for the ways that it compares with. */
const BENCH_PACKAGES = [
  "libvirt-clients", // virsh -c qemu+ssh
  "socat", // an operator's way to a monitor's socket
];

/** What `npm run check` needs. */
const CHECK_PACKAGES = ["shellcheck"];

const POLICY = "/usr/sbin/policy-rc.d";

/** Debian packages, from the machine's own sources. */
export const packages = packagesStep("packages", PACKAGES);

/** Those of the bench alone. */
export const benchPackages = packagesStep("bench-packages", BENCH_PACKAGES);

/** Those of the checks alone. A shellcheck that has come in another way is as good. */
export const checkPackages = {
  ...packagesStep("check-packages", CHECK_PACKAGES),
  isReady: () => spawnSync("shellcheck", ["--version"]).status === 0,
};

function packagesStep(name, wanted) {
  return {
    name,

    isReady: () => missingPackages(wanted).length === 0,

    /** What must be done by hand where this may not do it. */
    obstacle() {
      const missing = missingPackages(wanted).join(" ");
      if (!isDebian()) {
        return `This machine has no dpkg and apt-get. Needed are what these Debian packages hold: ${missing}`;
      }
      if (process.getuid?.() === 0) return undefined;
      return `Not root, and these packages are missing: ${missing}\n  apt-get install --no-install-recommends ${missing}`;
    },

    async make(log) {
      const missing = missingPackages(wanted);
      log(`Missing packages: ${missing.join(" ")}`);
      const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
      // A broken source of something else is no reason to stop: the installation tells whether it mattered.
      await runTold(log, "Updating the package lists", "apt-get", ["update"], { env }).catch((error) =>
        log(error.message),
      );
      await withoutNewServices(missing.includes("openssh-server"), () =>
        runTold(
          log,
          "Installing packages",
          "apt-get",
          ["install", "--yes", "--no-install-recommends", ...missing],
          { env },
        ),
      );
    },
  };
}

function isDebian() {
  return ["/usr/bin/dpkg-query", "/usr/bin/apt-get"].every((file) => fs.existsSync(file));
}

function missingPackages(wanted) {
  if (!isDebian()) return wanted;
  const format = "--showformat=${Package} ${db:Status-Status}\n";
  const { stdout } = spawnSync("dpkg-query", ["--show", format, ...wanted], { encoding: "utf8" });
  const installed = new Set(stdout.split("\n").filter((line) => line.endsWith(" installed")));
  return wanted.filter((name) => !installed.has(`${name} installed`));
}

/**
 * The tests need the program sshd; nobody asked for a server on this machine's port 22, now or after a
 * reboot.
 */
async function withoutNewServices(installsSshd, install) {
  const ownPolicy = !fs.existsSync(POLICY);
  if (ownPolicy) fs.writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    await install();
  } finally {
    if (ownPolicy) fs.rmSync(POLICY, { force: true });
  }
  if (installsSshd) spawnSync("systemctl", ["disable", "--quiet", "ssh.service", "ssh.socket"]);
}
