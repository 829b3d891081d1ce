import type { GuestSlot } from "../../pci";
import { findTagOfQemuId, type PlugTarget } from "../../plan";
import { listProperties, PERIPHERAL_PATH, type QmpMonitor } from "../../qmp";
import { findBusPaths, readOccupants } from "./bus-paths";

/**
 * What stands where a function is to be plugged, in words; undefined where nothing is in the way: no device
 * at its own place, function 0 not there before the others, nothing of somebody else's in the slot.
 *
 * On pseries a second plug into one place does not fail, it ends QEMU with its guest (docs/internals/qemu.md,
 * POWER), so that a look under the locks a moment ago is not enough: somebody without our locks may have
 * plugged since.
 */
export async function findObstacle(
  monitor: QmpMonitor,
  slot: GuestSlot,
  target: PlugTarget,
): Promise<string | undefined> {
  const [machine, peripherals] = await Promise.all([
    monitor.execute("qom-get", { path: "/machine", property: "type" }),
    listProperties(monitor, PERIPHERAL_PATH),
  ]);
  const busPaths = await findBusPaths(monitor, typeof machine === "string" ? machine : "", peripherals);
  const busPath = busPaths.find((one) => one.bus === slot.bus);
  if (busPath === undefined) return `the guest has no bus ${slot.bus}`;
  const occupants = (await readOccupants(monitor, busPath, [])).filter((one) => one.slot === slot.slot);
  const tag = findTagOfQemuId(target.qemuId);
  const obstacle = occupants.find(
    ({ guestFunction, id }) =>
      guestFunction === target.guestFunction || guestFunction === 0 || findTagOfQemuId(id) !== tag,
  );
  return obstacle && `${obstacle.id} stands there as function ${obstacle.guestFunction}`;
}
