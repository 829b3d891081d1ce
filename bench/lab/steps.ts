import type { Step, Steps } from "../script";
import { unassignedHostdev } from "./virsh-batch";

const FUNCTIONS = [0, 1, 2, 3];
const DEVICE = "0000:01:00";
const HOST_DRIVER = "e1000e";

/**
 * Waits until the guest has given function 0 of the bus an address, by its registers, and reads it twice as
 * the provider does: before that, an eject that comes late may still take what was plugged. Then reads those
 * of the other functions once, as the provider does for its output `guestState`.
 */
function awaitMapped(guest: string, bus: string): Step {
  const hmp = (words: string): string => `virsh -q qemu-monitor-command ${guest} --hmp ${words}`;
  const question = JSON.stringify({
    execute: "qom-get",
    arguments: { path: "/machine/q35", property: "MCFG" },
  });
  const lines = [
    `secondary=$(${hmp(`"info pci"`)} | awk '/secondary bus/ { n = $3 + 0 } /id "${bus}"/ { print n }')`,
    `base=$(virsh -q qemu-monitor-command ${guest} '${question}' | grep -oE '[0-9]{6,}' | head -n 1)`,
    `at=$((base + secondary * 1048576 + 16))`,
    `is_mapped() { ${hmp(`"xp /6wx $1"`)} | grep -qE ' 0x[1-9a-f][0-9a-f]{6}0'; }`,
    "until is_mapped $at && sleep 0.05 && is_mapped $at; do sleep 0.1; done",
    ...[1, 2, 3].map((f) => `is_mapped $((at + ${f * 4096}))`),
  ];
  return lines.join("; ");
}

/** @param bus free bus of the guest to plug into. */
export function stepsFor(guest: string, bus: string): Steps {
  const monitor = (execute: string, args: object): Step =>
    `virsh -q qemu-monitor-command ${guest} '${JSON.stringify({ execute, arguments: args })}'`;
  const devices = monitor("qom-list", { path: "/machine/peripheral" });
  const busPath = `/machine/peripheral/${bus}/${bus}`;
  const metadata = `virsh -q metadata ${guest} --uri urn:bench --key bench --live`;
  const entry = `<attachment slot="${bus}" functions="${DEVICE}.0-3" driver="${HOST_DRIVER}"/>`;
  const driverOf = (f: number): string =>
    `$(basename "$(readlink /sys/bus/pci/devices/${DEVICE}.${f}/driver)")`;
  const hostdevFile = (f: number): string => `/run/bench-${f}.xml`;
  const hold = (f: number): Step =>
    `echo '${unassignedHostdev(f)}' > ${hostdevFile(f)} && virsh -q attach-device ${guest} ${hostdevFile(f)} --live`;
  const plug = (f: number): Step => {
    const place = { bus, addr: `0x0.${f}`, multifunction: true };
    return monitor("device_add", { driver: "vfio-pci", id: `bench-f${f}`, host: `${DEVICE}.${f}`, ...place });
  };
  return {
    lookBeforeAttach: [
      `virsh -q domstate ${guest} | grep -qx running`,
      `for one in $(virsh -q list --uuid); do virsh -q dumpxml "$one" || exit 1; done > /run/bench-guests`,
      `! grep -E "<address domain='0x0000' bus='0x01' slot='0x00'" /run/bench-guests | grep -v "type='pci'"`,
      `virsh -q dumpxml --inactive ${guest}`,
      ...FUNCTIONS.map((f) => `[ "${driverOf(f)}" = ${HOST_DRIVER} ]`),
      `ls /sys/bus/pci/devices/${DEVICE}.0/iommu_group/devices`,
      `ip -j addr show && ip -j route show table all && cat /proc/self/mountinfo /proc/swaps`,
      monitor("query-version", {}),
      `! ${devices} | grep bench-`,
      `! ${monitor("qom-list", { path: busPath })} | grep -F 'child['`,
      monitor("qom-get", { path: busPath, property: "hotplug-handler" }),
      monitor("qom-get", { path: busPath, property: "acpi-pcihp-bsel" }),
    ],
    attach: [
      `${metadata} --set '${entry}'`,
      ...FUNCTIONS.map(hold),
      ...[1, 2, 3, 0].map(plug),
      awaitMapped(guest, bus),
      `${devices} | grep bench-f0`,
    ],
    lookBeforeDetach: [
      `virsh -q dumpxml ${guest} | grep -F '${DEVICE}.0-3'`,
      `${devices} | grep bench-f0`,
      monitor("qom-get", { path: "/machine/peripheral/bench-f0", property: "parent_bus" }),
      monitor("qom-get", { path: busPath, property: "hotplug-handler" }),
    ],
    detach: [
      monitor("device_del", { id: "bench-f0" }),
      `while ${devices} | grep -q bench-f; do sleep 0.1; done`,
      // QEMU closes the VFIO group some 150 ms after the devices have gone; a script does not hear the events
      "sleep 0.2",
      ...FUNCTIONS.map((f) => `virsh -q detach-device ${guest} ${hostdevFile(f)} --live`),
      ...FUNCTIONS.map((f) => `[ "${driverOf(f)}" = ${HOST_DRIVER} ]`),
      `${metadata} --remove`,
    ],
  };
}
