import type { Step, Steps } from "../script";
import type { GuestOfHost } from "./protocol";
import { QMP_PROGRAM_PATH } from "./qmp-program";

const FUNCTIONS = [0, 1, 2, 3];
const HOST_DRIVER = "e1000e";
const BUS = "pci.4";
const PCI = "/sys/bus/pci";
const LEDGER = "/run/bench/ledger";

/**
 * The provider's work at a guest without libvirt: binding by sysfs, plugging by QEMU's monitor, a ledger in a
 * file.
 */
export function fleetStepsFor({ socket, device }: GuestOfHost): Steps {
  const monitor = (execute: string, args?: object): Step =>
    `${QMP_PROGRAM_PATH} ${socket} '${JSON.stringify({ execute, ...(args && { arguments: args }) })}'`;
  const devices = monitor("qom-list", { path: "/machine/peripheral" });
  const busPath = `/machine/peripheral/${BUS}/${BUS}`;
  const entry = `${LEDGER}/${device.replaceAll(":", "-")}.json`;
  const addressOf = (f: number): string => `${device}.${f}`;
  const functionOf = (f: number): string => `${PCI}/devices/${addressOf(f)}`;
  const driverOf = (f: number): string => `$(basename "$(readlink ${functionOf(f)}/driver)")`;
  const leave = (f: number): string =>
    `echo ${addressOf(f)} > ${functionOf(f)}/driver/unbind; while [ -e ${functionOf(f)}/driver ]; do sleep 0.02; done`;
  const settle = (f: number, driver: string): string =>
    `echo ${addressOf(f)} > ${PCI}/drivers_probe; until [ "${driverOf(f)}" = ${driver} ]; do sleep 0.02; done`;
  const plug = (f: number): Step => {
    const place = { bus: BUS, addr: `0x0.${f}`, multifunction: true };
    return monitor("device_add", { driver: "vfio-pci", id: `bench-f${f}`, host: addressOf(f), ...place });
  };
  return {
    lookBeforeAttach: [
      `[ -S ${socket} ]`,
      monitor("query-status"),
      `! grep -l ${device} ${LEDGER}/*.json 2>&-`,
      ...FUNCTIONS.map((f) => `[ "${driverOf(f)}" = ${HOST_DRIVER} ]`),
      `ls ${functionOf(0)}/iommu_group/devices`,
      `! find /proc/[0-9]*/fd -maxdepth 1 -lname "/dev/vfio/*" 2>&- | grep .`,
      `ip -j addr show && ip -j route show table all && cat /proc/self/mountinfo /proc/swaps`,
      monitor("query-version"),
      `! ${devices} | grep bench-`,
      `! ${monitor("qom-list", { path: busPath })} | grep -F 'child['`,
      monitor("qom-get", { path: busPath, property: "hotplug-handler" }),
    ],
    attach: [
      `echo '{"device":"${device}","driver":"${HOST_DRIVER}"}' > ${entry}`,
      ...FUNCTIONS.map((f) => `echo vfio-pci > ${functionOf(f)}/driver_override; ${leave(f)}`),
      ...FUNCTIONS.map((f) => settle(f, "vfio-pci")),
      ...[1, 2, 3, 0].map(plug),
      `${devices} | grep bench-f0`,
    ],
    lookBeforeDetach: [
      `grep -F '"${device}"' ${entry}`,
      `${devices} | grep bench-f0`,
      monitor("qom-get", { path: "/machine/peripheral/bench-f0", property: "parent_bus" }),
      monitor("qom-get", { path: busPath, property: "hotplug-handler" }),
    ],
    detach: [
      monitor("device_del", { id: "bench-f0" }),
      `while ${devices} | grep -q bench-f; do sleep 0.1; done`,
      ...FUNCTIONS.map((f) => `${leave(f)}; echo > ${functionOf(f)}/driver_override`),
      ...FUNCTIONS.map((f) => settle(f, HOST_DRIVER)),
      `rm ${entry}`,
    ],
  };
}
