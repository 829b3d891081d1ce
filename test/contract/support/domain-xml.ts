import type { GuestFiles } from "../../../lab";
import type { QemuVersion } from "../../../lab/qemu-versions";
import { machines, type MachineName } from "../../support/plain-qemu";
import { OWN_GUEST } from "../../support/world";
import type { CellKind } from "../../support/matrix/cells";

interface Words {
  readonly arch: string;
  readonly cpu: string;
  readonly features: string;
  readonly serial: string;
}

const x86: Words = {
  arch: "x86_64",
  cpu: `<cpu mode="maximum"><feature policy="disable" name="la57"/><feature policy="disable" name="svm"/></cpu>`,
  features: "<acpi/><apic/>",
  serial: `<target type="isa-serial" port="0"/>`,
};

/** QEMU 5.2, and the libvirt with it: neither knows the newest CPU, nor that switch of its chipset. */
const OLDEST: QemuVersion = "5.2";
const oldestCpu = `<cpu mode="custom" match="exact"><model fallback="allow">Nehalem</model></cpu>`;

const words: Readonly<Record<MachineName, Words>> = {
  q35: x86,
  pc: x86,
  virt: {
    arch: "aarch64",
    cpu: `<cpu mode="custom"><model>cortex-a57</model></cpu>`,
    features: `<gic version="2"/>`,
    serial: `<target type="system-serial" port="0"/>`,
  },
  pseries: { arch: "ppc64", cpu: "", features: "", serial: `<target type="spapr-vio-serial" port="0"/>` },
};

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n + 1);

/**
 * The guest of a cell as libvirt is told of it; monitor and serial port of the tests' own lie in `folder`.
 */
export function domainXml(kind: CellKind, version: QemuVersion, files: GuestFiles, folder: string): string {
  const { program, memoryMiB, kernelArguments, isConventional } = machines[kind.machine];
  const { arch, features, serial, cpu: usualCpu } = words[kind.machine];
  const cpu = version === OLDEST && arch === "x86_64" ? oldestCpu : usualCpu;
  const ports = range(4).map((n) => `<controller type="pci" index="${n}" model="pcie-root-port"/>`);
  const bridges = [
    kind.hostBridge
      ? `<controller type="pci" index="1" model="pci-root"><target index="1"/></controller>`
      : `<controller type="pci" index="1" model="pci-bridge"/>`,
  ];
  const native = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"];
  const extra = [
    ...["-chardev", `socket,id=own,path=${folder}/monitor.sock,server=on,wait=off`],
    ...["-mon", "chardev=own,mode=control"],
    ...(kind.machine === "q35" && kind.slots === "native" && version !== OLDEST ? native : []),
  ];
  return `
<domain type="qemu" xmlns:qemu="http://libvirt.org/schemas/domain/qemu/1.0">
  <name>${OWN_GUEST.name}</name>
  <uuid>${OWN_GUEST.uuid}</uuid>
  <memory unit="MiB">${memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch="${arch}" machine="${kind.machine}">hvm</type>
    <kernel>${files.kernel}</kernel>
    <initrd>${files.initrd}</initrd>
    <cmdline>${kernelArguments}</cmdline>
  </os>
  <features>${features}</features>
  ${cpu}
  <clock offset="utc">${arch === "x86_64" ? `<timer name="hpet" present="no"/>` : ""}</clock>
  <on_reboot>restart</on_reboot>
  <devices>
    <emulator>/usr/bin/${program}</emulator>
    <controller type="usb" model="none"/>
    ${(isConventional ? bridges : ports).join("\n    ")}
    <serial type="unix"><source mode="bind" path="${folder}/serial.sock"/>${serial}</serial>
    <memballoon model="none"/>
  </devices>
  <qemu:commandline>
    ${extra.map((value) => `<qemu:arg value="${value}"/>`).join("\n    ")}
  </qemu:commandline>
</domain>
`;
}
