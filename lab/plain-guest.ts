import { PLAIN_GUEST } from "./guests";
import type { Lab } from "./lab";
import { shellWord } from "./shell";

/** Where the plain guest's QEMU serves its monitor, on the lab's host. */
export const PLAIN_SOCKET = "/run/qemu/plain.qmp";
export const PLAIN_UUID = "33333333-3333-4333-8333-333333333333";

const IMAGES = "/var/lib/libvirt/images/guest";
/** Of the guest's, at which nothing is plugged yet. */
const PORTS = [1, 2];
/** A guest boots in seconds under KVM, and in a minute without. */
const BOOT_MS = 15 * 60_000;

/**
 * What somebody types who starts a guest without libvirt: by root, a monitor for programs, two free ports.
 */
const COMMAND = [
  ...["qemu-system-x86_64", "-name", PLAIN_GUEST, "-uuid", PLAIN_UUID, "-nodefaults", "-display", "none"],
  ...["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "1", "-m", "128"],
  ...["-kernel", `${IMAGES}/vmlinuz`, "-initrd", `${IMAGES}/initrd.img`],
  "-append",
  "console=ttyS0 quiet loglevel=3 mitigations=off no5lvl audit=0 random.trust_cpu=on hpet=disable",
  ...PORTS.flatMap((n) => ["-device", `pcie-root-port,id=port${n},bus=pcie.0,chassis=${n},addr=0x${n}`]),
  ...["-chardev", `socket,id=console,path=/run/lab/${PLAIN_GUEST}.console,server=on,wait=off`],
  ...["-serial", "chardev:console", "-qmp", `unix:${PLAIN_SOCKET},server=on,wait=off`, "-daemonize"],
];

/**
 * Starts a guest on the lab's host without libvirt, which goes on with its own; resolves when it has booted.
 */
export async function startPlainGuest(lab: Lab): Promise<void> {
  const command = [
    `install -d -m 755 ${PLAIN_SOCKET.slice(0, PLAIN_SOCKET.lastIndexOf("/"))}`,
    COMMAND.map(shellWord).join(" "),
    `lab-console ${PLAIN_GUEST} ready`,
  ].join(" && ");
  const { code, stdout, stderr } = await lab.exec(command, { timeoutMs: BOOT_MS });
  if (code !== 0) throw new Error(`The guest without libvirt does not boot: ${stderr}${stdout}`);
}
