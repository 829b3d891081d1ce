import { availableParallelism } from "node:os";
import type { LabImage } from "../image";
import type { AcceleratorName } from "./accelerator";
import { everydayArguments, SERIAL_CARD_CONSOLE } from "./everyday-devices";
import type { Hardware } from "./hardware";
import type { RunFolder } from "./run-folder";

/** What differs from one run of the machine to the next; all else must not, or the snapshot does not load. */
export interface MachineOptions {
  readonly image: LabImage;
  readonly accelerator: AcceleratorName;
  readonly hardware: Hardware;
  readonly folder: RunFolder;
  /** Start from this saved state instead of booting. */
  readonly snapshot?: string;
}

const MEMORY_MIB = 4096;
const PROCESSORS = Math.min(2, availableParallelism());

/** Root ports with a four-function NIC behind each: buses 01 and 02, one IOMMU group per NIC. */
const NIC_PORTS = [
  { id: "port1", chassis: 1, address: "0x5" },
  { id: "port2", chassis: 2, address: "0x6" },
];
const NIC_FUNCTIONS = [0, 1, 2, 3];

/**
 * Sixteen small devices of two functions each, 00:08 to 00:17, for attachments in numbers. One IOMMU group
 * per device; their driver costs the boot nothing, and they have no interrupts.
 */
const SMALL_DEVICES = Array.from({ length: 16 }, (_, n) => 0x8 + n);
const SMALL_FUNCTIONS = [0, 1];

/**
 * Emulation gains much from a kernel without mitigations and with four levels of page tables. A panic reboots
 * at once, which `-no-reboot` makes the end of QEMU: nobody waits for a dead machine. `tsc=reliable`, because
 * `loadvm` sets every clock back but the processor's: the kernel would see the two drift apart, give up the
 * processor's and patch its scheduler for that, which an emulated machine does not survive each time.
 */
const KERNEL_ARGUMENTS =
  "root=/dev/vda rw console=ttyS0 quiet panic=-1 intel_iommu=on iommu=nopt mitigations=off no5lvl audit=0 tsc=reliable";

/**
 * Without SVM there is no KVM inside: libvirt's probing of it patches the running scheduler (the static
 * key of preemption notifiers), which emulation on several threads does not survive each time (seen as
 * "Oops: int3" in __schedule on QEMU 7.2).
 */
const EMULATED_CPU = "max,la57=off,svm=off";

/**
 * QEMU's arguments for the virtual hypervisor host.
 * Uplink and root disk have PCI addresses of their own (00:02.0, 00:03.0), so that taking them away
 * can be refused. The uplink reaches nothing but the forwarded SSH port (`restrict`), which QEMU
 * chooses itself (port 0).
 */
export function machineArguments(options: MachineOptions): string[] {
  const accelerated = options.accelerator === "kvm";
  const isEveryday = options.hardware.extras === "everyday";
  const args = ["-name", "lab", "-nodefaults", "-display", "none", "-no-reboot"];
  args.push("-M", "q35,kernel-irqchip=split", "-m", String(MEMORY_MIB), "-smp", String(PROCESSORS));
  args.push("-accel", accelerated ? "kvm" : "tcg,thread=multi,tb-size=512");
  args.push("-cpu", accelerated ? "host" : EMULATED_CPU);
  args.push("-device", "intel-iommu,intremap=on,device-iotlb=on");
  args.push("-kernel", options.image.kernel, "-initrd", options.image.initrd, "-append");
  // the last console named is the one that the system speaks on
  args.push(isEveryday ? `${SERIAL_CARD_CONSOLE} console=tty0 ${KERNEL_ARGUMENTS}` : KERNEL_ARGUMENTS);
  args.push("-netdev", "user,id=uplink,restrict=on,hostfwd=tcp:127.0.0.1:0-:22");
  args.push("-device", "virtio-net-pci,netdev=uplink,bus=pcie.0,addr=0x2");
  args.push(
    "-drive",
    `if=none,id=root,format=qcow2,cache=unsafe,discard=unmap,file=${quoted(options.folder.disk)}`,
  );
  args.push("-device", "virtio-blk-pci,drive=root,bus=pcie.0,addr=0x3");
  args.push("-device", "virtio-rng-pci,bus=pcie.0,addr=0x4.0x0,multifunction=on");
  args.push("-device", "virtio-serial-pci,id=serial,bus=pcie.0,addr=0x4.0x1");
  args.push("-chardev", `socket,id=shell,path=${quoted(options.folder.shellSocket)},server=on,wait=off`);
  args.push("-device", "virtserialport,bus=serial.0,chardev=shell,name=lab.shell");
  for (const port of NIC_PORTS) {
    const { id, chassis, address } = port;
    args.push(
      "-device",
      `pcie-root-port,id=${id},chassis=${chassis},slot=${chassis},bus=pcie.0,addr=${address}`,
    );
    if (id === NIC_PORTS[0]?.id && options.hardware.nic === "igb") {
      args.push("-device", `igb,bus=${id},addr=0x0`);
      continue;
    }
    for (const number of NIC_FUNCTIONS) {
      const multifunction = number === 0 ? ",multifunction=on" : "";
      args.push("-device", `e1000e,bus=${id},addr=0x0.${number}${multifunction}`);
    }
  }
  for (const slot of SMALL_DEVICES) {
    for (const number of SMALL_FUNCTIONS) {
      const multifunction = number === 0 ? ",multifunction=on" : "";
      args.push("-device", `pvpanic-pci,bus=pcie.0,addr=0x${slot.toString(16)}.${number}${multifunction}`);
    }
  }
  if (isEveryday) args.push(...everydayArguments(options.folder.path, quoted));
  args.push("-serial", `file:${quoted(options.folder.serialLog)}`);
  args.push("-qmp", `unix:${quoted(options.folder.monitorSocket)},server=on,wait=off`);
  args.push("-pidfile", options.folder.pidFile);
  if (options.snapshot) args.push("-loadvm", options.snapshot);
  return args;
}

/** All about the machine that a saved state depends on. */
export function machineFacts({
  image,
  accelerator,
  hardware,
}: Pick<MachineOptions, "image" | "accelerator" | "hardware">): string[] {
  const nowhere = {
    path: "",
    disk: "",
    serialLog: "",
    qemuLog: "",
    pidFile: "",
    useLock: "",
    monitorSocket: "",
    shellSocket: "",
  };
  return machineArguments({ image, accelerator, hardware, folder: nowhere });
}

/** QEMU's option lists take a comma in a value only when doubled. */
function quoted(value: string): string {
  return value.replaceAll(",", ",,");
}
