import { providerError } from "../../errors";
import { isVfioDriver, type HostFunction } from "../../host/facts";
import type { PciAddress } from "../../pci";
import { listVfioPaths, qemuIdAt, type QmpMonitor } from "../../qmp";
import { findHostFunction, type GuestSurvey } from "../qemu";

/** Host functions that QEMU has, by the ids it has them under. */
interface PluggedIds {
  readonly found: ReadonlyMap<PciAddress, string>;
  readonly unidentified: readonly string[];
}

/** Which host functions QEMU has, whoever plugged them: libvirt must not release one of these. */
export class PluggedFunctions {
  readonly #monitor: QmpMonitor;
  #reading: Promise<PluggedIds> | undefined;
  /**
   * By function: ids of devices that are not this function, though QEMU does not tell what they are. They
   * were there while the function was on a driver of the host's, or under an id that tells.
   */
  readonly #otherDevices = new Map<PciAddress, readonly string[]>();

  constructor(monitor: QmpMonitor) {
    this.#monitor = monitor;
  }

  /** Learns from a survey which functions the devices are not that QEMU does not identify. */
  excludeIdentified(survey: GuestSurvey, functions: ReadonlyMap<PciAddress, HostFunction>): void {
    const ofHost = [...functions.values()].filter(
      ({ driver }) => driver !== undefined && !isVfioDriver(driver),
    );
    for (const { hostAddress } of [...ofHost, ...survey.plugged])
      this.#otherDevices.set(hostAddress, survey.unidentified);
  }

  /**
   * Whoever has plugged the function, under whatever id: libvirtd would block all the same.
   *
   * @param guest the guest's name, for the message
   * @throws STILL_PLUGGED, FUNCTION_UNIDENTIFIED
   */
  async requireUnplugged(hostAddress: PciAddress, guest: string, signal: AbortSignal): Promise<void> {
    // requests that come together share one reading: a turn in the guest's job queue for each would hold them
    // up
    this.#reading ??= this.#read(signal).finally(() => (this.#reading = undefined));
    const { found, unidentified } = await this.#reading;
    const qemuId = found.get(hostAddress);
    if (qemuId !== undefined) throw providerError("STILL_PLUGGED", { hostAddress, guest, qemuId });
    const ids = unidentified.filter((one) => this.#otherDevices.get(hostAddress)?.includes(one) !== true);
    if (ids.length > 0)
      throw providerError("FUNCTION_UNIDENTIFIED", { functions: [hostAddress], guest, ids });
  }

  async #read(signal: AbortSignal): Promise<PluggedIds> {
    const found = new Map<PciAddress, string>();
    const unidentified: string[] = [];
    for (const path of await listVfioPaths(this.#monitor, signal)) {
      const hostAddress = await findHostFunction(this.#monitor, path, signal);
      if (hostAddress === "unidentified") unidentified.push(qemuIdAt(path));
      else if (hostAddress !== "none") found.set(hostAddress, qemuIdAt(path));
    }
    return { found, unidentified };
  }
}
