import type { AttachContext } from "../attach-context";
import type { Warning } from "../warning";

/** What the host loses with a function that it may miss, and that nothing shows to be in use. */
export function findLostDevices({ observation, toTake }: AttachContext): Warning[] {
  return toTake.flatMap((hostAddress): Warning[] => {
    const beneath = observation.beneath?.get(hostAddress) ?? [];
    const usb = beneath.filter((one) => one.kind === "usb");
    const rdma = beneath.filter((one) => one.kind === "rdma");
    return [
      ...(usb.length > 0 ? [{ kind: "usb-devices" as const, hostAddress, devices: usb }] : []),
      ...(rdma.length > 0 ? [{ kind: "rdma-devices" as const, hostAddress, devices: rdma }] : []),
    ];
  });
}
