import { fail } from "../../errors";
import { LibvirtError, LibvirtErrorCode, type LibvirtClient } from "../../libvirt-rpc";
import { isVfioDriver, type PciAddress } from "../../pci";
import type { HoldingParts, HoldingWay } from "./holding-way";
import { nodeDeviceName, parseNodeDeviceXml } from "./node-device-xml";
import { isLibvirtError, reasonOf } from "./refused";

/**
 * Libvirt before 8.3: what is held is bound to vfio-pci on the host and given to no guest
 * (docs/internals/decisions/0021-stepping-stone.md). Libvirt's answer is no evidence: the driver is looked at.
 *
 * One call after the other: in parallel libvirt has left functions on vfio-pci (docs/internals/libvirt.md).
 */
export class DetachedNodeDevices implements HoldingWay {
  readonly #parts: HoldingParts;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: HoldingParts) {
    this.#parts = parts;
  }

  async hold(address: PciAddress, _alias: string, signal: AbortSignal, vfioDriver?: string): Promise<void> {
    if (vfioDriver !== undefined) return;
    await this.#inTurn(async (client) => {
      const failed = (reason: string, cause?: unknown): Error =>
        fail("HOLD_FAILED", { address, guest: this.#parts.domain().name, reason }, cause);
      try {
        await client.nodeDeviceDetach(nodeDeviceName(address));
      } catch (cause) {
        if (!(cause instanceof LibvirtError)) throw cause;
        throw failed(reasonOf(cause), cause);
      }
      const driver = (await driverOf(client, address, signal)) ?? "no driver";
      if (!isVfioDriver(driver)) throw failed(`it is on ${driver} after that`);
    }, signal);
  }

  /** QOM is asked first, each time: the kernel waits for QEMU to let go, or worse (libvirt.md, step 4). */
  async release(
    address: PciAddress,
    _alias: string,
    signal: AbortSignal,
    vfioDriver?: string,
  ): Promise<void> {
    if (vfioDriver !== undefined) return;
    await this.#inTurn(async (client) => {
      await this.#refusePluggedWhileRunning(address, signal);
      try {
        await client.nodeDeviceReattach(nodeDeviceName(address));
        if (isVfioDriver(await driverOf(client, address, signal))) await takeAndGiveBack(client, address);
      } catch (cause) {
        if (isLibvirtError(cause, LibvirtErrorCode.NO_NODE_DEVICE)) return;
        if (!(cause instanceof LibvirtError)) throw cause;
        const guest = this.#parts.domain().name;
        throw fail("RELEASE_FAILED", { address, guest, reason: reasonOf(cause) }, cause);
      }
    }, signal);
  }

  async rebind(address: PciAddress, signal: AbortSignal): Promise<void> {
    await this.#inTurn((client) => takeAndGiveBack(client, address), signal);
  }

  async #refusePluggedWhileRunning(address: PciAddress, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.refusePlugged(address, signal);
    } catch (cause) {
      // nobody answers for a guest that has ended, and it has nothing
      if (!isLibvirtError(cause, LibvirtErrorCode.OPERATION_INVALID)) throw cause;
    }
  }

  async #inTurn(work: (client: LibvirtClient) => Promise<void>, signal: AbortSignal): Promise<void> {
    const mine = this.#last.then(async () => {
      signal.throwIfAborted();
      await work(await this.#parts.session.client(signal));
    });
    this.#last = mine.catch(() => undefined);
    await mine;
  }
}

/** A libvirtd that was started anew gives back only what it has taken itself. */
async function takeAndGiveBack(client: LibvirtClient, address: PciAddress): Promise<void> {
  await client.nodeDeviceDetach(nodeDeviceName(address));
  await client.nodeDeviceReattach(nodeDeviceName(address));
}

async function driverOf(
  client: LibvirtClient,
  address: PciAddress,
  signal: AbortSignal,
): Promise<string | undefined> {
  return parseNodeDeviceXml(await client.nodeDeviceXml(nodeDeviceName(address), signal), address).function
    .driver;
}
