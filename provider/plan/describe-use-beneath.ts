import type { BeneathKind } from "../host/facts";
import type { BeneathUseReason, FunctionUserReason } from "../host/uses";

/** Uses by what hangs below a function, and by programs, in words that follow "it". */
export function describeUseBeneath(use: BeneathUseReason | FunctionUserReason): string {
  switch (use.kind) {
    case "display":
      return use.shows === "picture"
        ? `has display ${use.device}, which shows a picture`
        : `has display ${use.device}, which the host's console is on`;
    case "serial-console":
      return `has serial port ${use.device}, which the host's console is on`;
    case "mediated-device":
      return `has mediated device ${use.device}, which is made for guests`;
    case "vdpa":
      return `has vDPA device ${use.device}, which driver ${use.driver} has`;
    case "thunderbolt":
      return `has Thunderbolt device ${use.device}${use.product === undefined ? "" : ` (${use.product})`}`;
    case "machine-device":
      return `has ${MACHINE_DEVICES[use.type]} ${use.device}`;
    case "compute":
      return `is computed on by ${use.name}`;
    case "user-driver":
      return `is on driver ${use.name}, which is for a program of the host's`;
    case "left-out":
      return `may have ${LEFT_OUT[use.of]}: not all of the host's were looked at`;
  }
}

const MACHINE_DEVICES: Readonly<
  Record<Extract<BeneathUseReason, { kind: "machine-device" }>["type"], string>
> = {
  tpm: "the host's TPM",
  watchdog: "the host's watchdog",
  ipmi: "the host's IPMI",
};

const LEFT_OUT: Readonly<Record<BeneathKind, string>> = {
  interface: "a network interface",
  disk: "a disk",
  display: "a display in use",
  tty: "a serial console",
  mdev: "a mediated device",
  vdpa: "a vDPA device",
  tpm: "a TPM",
  watchdog: "a watchdog",
  ipmi: "an IPMI",
  thunderbolt: "a Thunderbolt device",
  rdma: "an RDMA device",
  sound: "a sound card",
  usb: "a USB device",
  input: "an input device",
};
