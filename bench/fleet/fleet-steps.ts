import type { Step, Steps } from "../script";
import type { GuestOfHost } from "./protocol";
import { QMP_PROGRAM_PATH } from "./qmp-program";

const FUNCTIONS = [0, 1, 2, 3];
const HOST_DRIVER = "e1000e";
const BUS = "pci.4";
const PCI = "/sys/bus/pci";
const LEDGER = "/run/bench/ledger";
const PERIPHERAL = "/machine/peripheral";
const BUS_PATH = `${PERIPHERAL}/${BUS}/${BUS}`;

/** One command to QEMU's monitor. */
interface QmpCommand {
  readonly execute: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

const LIST_DEVICES = list(PERIPHERAL);
/** Which guest this is, and whether it runs: they are asked where something else is asked anyway. */
const WHO_AND_HOW: readonly QmpCommand[] = [{ execute: "query-status" }, { execute: "query-uuid" }];
const ABOUT_QEMU: readonly QmpCommand[] = [
  { execute: "query-version" },
  { execute: "query-target" },
  { execute: "query-memory-size-summary" },
  get("/machine", "type"),
];

/**
 * The provider's work at a guest without libvirt: binding by sysfs, plugging by QEMU's monitor, a ledger with
 * a file for each guest.
 */
export function fleetStepsFor({ socket, device }: GuestOfHost): Steps {
  const monitor = (...commands: readonly QmpCommand[]): Step =>
    [QMP_PROGRAM_PATH, socket, ...commands.map((one) => `'${JSON.stringify(one)}'`)].join(" ");
  const devices = monitor(LIST_DEVICES);
  const file = socket.slice(socket.lastIndexOf("/") + 1).replace(/qmp$/, "json");
  const entry = `${LEDGER}/${file}`;
  const host = hostStepsFor(device);
  const plug = (f: number): Step => {
    const place = { bus: BUS, addr: `0x0.${f}`, multifunction: true };
    const what = { driver: "vfio-pci", id: `bench-f${f}`, host: `${device}.${f}` };
    return monitor({ execute: "device_add", arguments: { ...what, ...place } });
  };
  return {
    lookBeforeAttach: [
      `[ -S ${socket} ]`,
      monitor(...WHO_AND_HOW),
      `[ ! -e ${entry} ] || cat ${entry}`,
      `! grep -l ${device} ${LEDGER}/*.json 2>&-`,
      host.areOn(HOST_DRIVER),
      ...host.identify,
      `! ${host.openers} | grep .`,
      ...host.lookAtUses,
      monitor(...ABOUT_QEMU),
      `! ${devices} | grep bench-`,
      `! ${monitor(list(BUS_PATH))} | grep -F 'child['`,
      monitor(get(BUS_PATH, "hotplug-handler"), get(`${PERIPHERAL}/${BUS}`, "hotplug")),
    ],
    attach: [
      `echo '{"device":"${device}","driver":"${HOST_DRIVER}"}' > ${entry}`,
      ...FUNCTIONS.map(host.take),
      ...FUNCTIONS.map((f) => host.settle(f, "vfio-pci")),
      ...[1, 2, 3, 0].map(plug),
      // a guest that stands still maps nothing, which is all that there is to be read of it
      `${monitor({ execute: "query-pci" }, LIST_DEVICES)} | grep -E '"name": ?"bench-f0"'`,
    ],
    lookBeforeDetach: [
      `grep -F '"${device}"' ${entry}`,
      `! grep -l --exclude=${file} ${device} ${LEDGER}/*.json 2>&-`,
      host.areOn("vfio-pci"),
      ...host.identify,
      `${host.openers} || :`,
      `${monitor(...WHO_AND_HOW, ...ABOUT_QEMU, LIST_DEVICES)} | grep bench-f0`,
      monitor(
        ...FUNCTIONS.map((f) => `${PERIPHERAL}/bench-f${f}`).flatMap((path) => [
          get(path, "parent_bus"),
          get(path, "addr"),
        ]),
      ),
      monitor(get(BUS_PATH, "hotplug-handler"), get(`${PERIPHERAL}/${BUS}`, "hotplug")),
    ],
    detach: [
      monitor({ execute: "device_del", arguments: { id: "bench-f0" } }),
      `while ${devices} | grep -q bench-f; do sleep 0.1; done`,
      // unbound before QEMU has closed the group, a function would hang in the kernel
      `while ${host.openers} | grep -q .; do sleep 0.1; done`,
      ...FUNCTIONS.map(host.giveUp),
      ...FUNCTIONS.map((f) => host.settle(f, HOST_DRIVER)),
      `rm ${entry}`,
    ],
  };
}

function list(path: string): QmpCommand {
  return { execute: "qom-list", arguments: { path } };
}

function get(path: string, property: string): QmpCommand {
  return { execute: "qom-get", arguments: { path, property } };
}

/** What is done with the functions of one device, and what is looked at of them, on the host itself. */
function hostStepsFor(device: string): {
  /** Whether all have this driver. */
  readonly areOn: (driver: string) => Step;
  /** What the functions are, and what else is in their group. */
  readonly identify: readonly Step[];
  /** Prints what has the group open. */
  readonly openers: Step;
  /** What of the host is on the device. */
  readonly lookAtUses: readonly Step[];
  readonly take: (f: number) => Step;
  readonly giveUp: (f: number) => Step;
  readonly settle: (f: number, driver: string) => Step;
} {
  const all = `${PCI}/devices/${device}.[0-${FUNCTIONS.length - 1}]`;
  const addressOf = (f: number): string => `${device}.${f}`;
  const functionOf = (f: number): string => `${PCI}/devices/${addressOf(f)}`;
  const driverOf = (f: number): string => `$(basename "$(readlink ${functionOf(f)}/driver)")`;
  const group = `$(basename "$(readlink ${functionOf(0)}/iommu_group)")`;
  const leave = (f: number): Step =>
    `echo ${addressOf(f)} > ${functionOf(f)}/driver/unbind; while [ -e ${functionOf(f)}/driver ]; do sleep 0.02; done`;
  return {
    areOn: (driver) => `[ "$(readlink ${all}/driver | grep -c '/${driver}$')" = ${FUNCTIONS.length} ]`,
    identify: [`cat ${all}/{vendor,device,class,driver_override}`, `ls ${functionOf(0)}/iommu_group/devices`],
    openers: `find /proc/[0-9]*/fd -maxdepth 1 -lname "/dev/vfio/${group}" 2>&-`,
    lookAtUses: [
      `ip -j addr show && ip -j route show table all && cat /proc/self/mountinfo /proc/swaps`,
      `find ${all}/ -path '*/net/*' -o -path '*/block/*'`,
      `! grep -v '^0$' ${all}/sriov_numvfs 2>&-`,
    ],
    take: (f) => `echo vfio-pci > ${functionOf(f)}/driver_override; ${leave(f)}`,
    giveUp: (f) => `${leave(f)}; echo > ${functionOf(f)}/driver_override`,
    settle: (f, driver) =>
      `echo ${addressOf(f)} > ${PCI}/drivers_probe; until [ "${driverOf(f)}" = ${driver} ]; do sleep 0.02; done`,
  };
}
