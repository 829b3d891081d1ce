import { providerError } from "../../errors";
import type {
  Guest,
  GuestEvent,
  GuestEnumeration,
  GuestListener,
  GuestState,
  UnplugAnswer,
} from "../../apply";
import type { GuestSlot } from "../../pci";
import { describeSlot, type GuestRunState, type PlugTarget } from "../../plan";
import { listProperties, PERIPHERAL_PATH, type QmpEvent, type QmpMonitor } from "../../qmp";
import { readStates } from "./function-states";
import { findGuestEnumeration, isBusEnumerated } from "./guest-enumeration";
import { findMeaning } from "./known-errors";
import { findObstacle } from "./occupancy";
import { plugError, type ReadNodeUse } from "./plug-error";
import { readRunState } from "./run-state";

/** The functions of a guest as its QEMU plugs and unplugs them: the same over any way to the monitor. */
export class QmpGuest implements Guest {
  readonly #monitor: QmpMonitor;
  readonly #readNodeUse: ReadNodeUse | undefined;

  /** @param readNodeUse default: who has a node is not looked for */
  constructor(monitor: QmpMonitor, readNodeUse?: ReadNodeUse) {
    this.#monitor = monitor;
    this.#readNodeUse = readNodeUse;
  }

  /**
   * The address goes as text in hexadecimal and `multifunction` as a JSON boolean: numbers mean something
   * else since QEMU 9.2, and it refuses "on". No signal: see {@link Guest.plug}.
   */
  async plug(
    target: PlugTarget,
    slot: GuestSlot,
    options: { readonly multifunction: boolean },
  ): Promise<void> {
    const { hostAddress, guestFunction, qemuId } = target;
    if (slot.kind === "pseries") {
      const reason = await findObstacle(this.#monitor, slot, target);
      if (reason !== undefined)
        throw providerError("PLUG_FAILED", { hostAddress, slot: describeSlot(slot), reason });
    }
    try {
      await this.#monitor.execute("device_add", {
        driver: "vfio-pci",
        id: qemuId,
        host: hostAddress,
        bus: slot.bus,
        addr: `0x${slot.slot.toString(16)}.${guestFunction}`,
        ...(options.multifunction && { multifunction: true }),
        ...(target.romFile !== undefined && { romfile: target.romFile }),
        ...(target.romBar !== undefined && { rombar: target.romBar ? 1 : 0 }),
      });
    } catch (cause) {
      throw await plugError({ hostAddress, slot, cause }, this.#readNodeUse);
    }
  }

  async requestUnplug(qemuId: string, signal: AbortSignal): Promise<UnplugAnswer> {
    try {
      await this.#monitor.execute("device_del", { id: qemuId }, signal);
      return "requested";
    } catch (error) {
      const meaning = findMeaning(error);
      if (meaning === "busy" || meaning === "pending" || meaning === "gone") return meaning;
      throw error;
    }
  }

  async isEnumerated(bus: string, signal: AbortSignal): Promise<boolean> {
    const isBusReady = isBusEnumerated(await this.#monitor.execute("query-pci", undefined, signal), bus);
    if (isBusReady !== undefined) return isBusReady;
    // a port that is not shown is behind another that has no number; what is no port is a root bus
    return !(await this.deviceIds(signal)).has(bus);
  }

  runState(signal: AbortSignal): Promise<GuestRunState> {
    return readRunState(this.#monitor, signal);
  }

  async deviceIds(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const properties = await listProperties(this.#monitor, PERIPHERAL_PATH, signal);
    return new Set(properties.filter((one) => one.type.startsWith("child<")).map((one) => one.name));
  }

  async readEnumeration(qemuIds: readonly string[], signal: AbortSignal): Promise<GuestEnumeration> {
    const queryPci = await this.#monitor.execute("query-pci", undefined, signal);
    const states = await readStates(this.#monitor, { queryPci, qemuIds }, signal);
    return {
      ...findGuestEnumeration(queryPci, qemuIds),
      states: new Map(qemuIds.map((id, n) => [id, states[n] ?? "unknown"])),
    };
  }

  async guestStates(qemuIds: readonly string[], signal: AbortSignal): Promise<readonly GuestState[]> {
    const queryPci = await this.#monitor.execute("query-pci", undefined, signal);
    return readStates(this.#monitor, { queryPci, qemuIds }, signal);
  }

  listen(listener: GuestListener, signal: AbortSignal): Promise<() => Promise<void>> {
    const onEvent = (event: QmpEvent): void => {
      const known = findGuestEvent(event);
      if (known !== undefined) listener.onEvent(known);
    };
    return this.#monitor.listen({ onEvent, onEnd: (end) => listener.onEnd(end) }, signal);
  }
}

/** DEVICE_DELETED without `device` is of a part of a device, and ignored. */
function findGuestEvent({ event, data }: QmpEvent): GuestEvent | undefined {
  switch (event) {
    case "DEVICE_DELETED":
      return typeof data["device"] === "string" ? { kind: "deleted", qemuId: data["device"] } : undefined;
    case "DEVICE_UNPLUG_GUEST_ERROR":
      return typeof data["device"] === "string"
        ? { kind: "unplug-refused", qemuId: data["device"] }
        : undefined;
    case "RESET":
      return { kind: "reset" };
    case "STOP":
      return { kind: "paused" };
    case "RESUME":
      return { kind: "resumed" };
    default:
      return undefined;
  }
}
