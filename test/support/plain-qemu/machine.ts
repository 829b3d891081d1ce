import { ensureGuestFiles, type GuestFiles } from "../../../lab";
import { ensureForeignGuest, type QemuVersion } from "../../../lab/qemu-versions";

/** Machines of QEMU that a guest may have. */
export type MachineName = "q35" | "pc" | "virt" | "pseries";

/** What QEMU is started with for one of them. */
export interface Machine {
  readonly program: string;
  /**
   * Arguments of the machine and its processor, with the QEMU of a tree or, by default, this machine's own.
   */
  readonly args: (version?: QemuVersion) => readonly string[];
  readonly memoryMiB: number;
  /** Whether its buses are conventional: then one bridge is enough. */
  readonly isConventional: boolean;
  /** What of its slots has to be made: the arguments that make one bus. */
  readonly bus: (name: string, index: number) => string;
  /** Of a machine that may have further root buses: the arguments that make one, called after it and `.0`. */
  readonly hostBridge?: (name: string, index: number) => string;
  readonly kernelArguments: string;
  readonly files: (log: (line: string) => void) => Promise<GuestFiles>;
}

const QUIET = "quiet loglevel=3 audit=0";

const rootPort = (name: string, index: number): string =>
  `pcie-root-port,id=${name},bus=pcie.0,addr=0x${index.toString(16)},chassis=${index},slot=${index}`;
const bridge = (name: string, index: number): string =>
  `pci-bridge,id=${name},bus=pci.0,addr=0x${(7 + index).toString(16)},chassis_nr=${index}`;
const hostBridge = (name: string, index: number): string => `spapr-pci-host-bridge,id=${name},index=${index}`;

const x86 = {
  program: "qemu-system-x86_64",
  memoryMiB: 256,
  /**
   * The lab's guests have the same (lab-start-guest), but for the last: on a busy machine that check finds no
   * timer.
   */
  kernelArguments: `console=ttyS0 ${QUIET} mitigations=off no5lvl random.trust_cpu=on no_timer_check`,
  files: ensureGuestFiles,
};
/** With all that QEMU 5.2 claims to emulate, the lab's kernel resets the machine before it says a word. */
const X86_PROCESSOR_OF_5_2 = "Nehalem";
const x86Machine =
  (name: string): Machine["args"] =>
  (version) => {
    const processor = version === "5.2" ? X86_PROCESSOR_OF_5_2 : "max,la57=off,svm=off";
    return ["-M", `${name},hpet=off`, "-cpu", processor];
  };

/** Every machine by its name. */
export const machines: Readonly<Record<MachineName, Machine>> = {
  q35: { ...x86, args: x86Machine("q35"), bus: rootPort, isConventional: false },
  pc: { ...x86, args: x86Machine("pc"), bus: bridge, isConventional: true },
  virt: {
    program: "qemu-system-aarch64",
    args: () => ["-M", "virt", "-cpu", "cortex-a57"],
    memoryMiB: 256,
    bus: rootPort,
    isConventional: false,
    kernelArguments: `console=ttyAMA0 ${QUIET}`,
    files: (log) => ensureForeignGuest("arm64", log),
  },
  pseries: {
    program: "qemu-system-ppc64",
    args: () => ["-M", "pseries"],
    memoryMiB: 512,
    bus: bridge,
    hostBridge,
    isConventional: true,
    kernelArguments: `console=hvc0 ${QUIET}`,
    files: (log) => ensureForeignGuest("ppc64el", log),
  },
};
