import { providerError } from "../../../errors";
import { isLibvirtError, LibvirtError, LibvirtErrorCode, type LibvirtClient } from "../../../libvirt-rpc";
import { isVfioDriver } from "../../../host/facts";
import type { HoldRequest } from "../../../apply";
import type { PciAddress } from "../../../pci";
import type { FunctionHolderDependencies, FunctionHolder } from "./function-holder";
import { nodeDeviceName, parseNodeDeviceXml } from "../xml/node-device-xml";
import { reasonOf } from "../refused";

/**
 * Libvirt before 8.3: what is held is bound to vfio-pci on the host and given to no guest
 * (docs/internals/decisions/0021-stepping-stone.md). Libvirt's answer is no evidence: the driver is looked
 * at.
 *
 * One call after the other: in parallel libvirt has left functions on vfio-pci (docs/internals/libvirt.md).
 */
export class DetachedNodeDevices implements FunctionHolder {
  readonly #parts: FunctionHolderDependencies;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: FunctionHolderDependencies) {
    this.#parts = parts;
  }

  async hold({ hostAddress, vfioDriver }: HoldRequest, signal: AbortSignal): Promise<void> {
    if (vfioDriver !== undefined) return;
    await this.#inTurn(async (client) => {
      const holdError = (reason: string, cause?: unknown): Error =>
        providerError("HOLD_FAILED", { hostAddress, guest: this.#parts.domain().name, reason }, cause);
      try {
        await this.#parts.driverCalls.run({ hostAddress, signal }, () =>
          client.nodeDeviceDetach(nodeDeviceName(hostAddress)),
        );
      } catch (cause) {
        if (!(cause instanceof LibvirtError)) throw cause;
        throw holdError(reasonOf(cause), cause);
      }
      const driver = (await driverOf(client, hostAddress, signal)) ?? "no driver";
      if (!isVfioDriver(driver)) throw holdError(`it is on ${driver} after that`);
    }, signal);
  }

  /** QOM is asked first, each time: the kernel waits for QEMU to let go, or worse. */
  async release({ hostAddress, vfioDriver }: HoldRequest, signal: AbortSignal): Promise<void> {
    if (vfioDriver !== undefined) return;
    await this.#inTurn(async (client) => {
      await this.#requireUnpluggedWhileRunning(hostAddress, signal);
      try {
        await this.#parts.driverCalls.run({ hostAddress, signal }, () =>
          client.nodeDeviceReattach(nodeDeviceName(hostAddress)),
        );
        if (isVfioDriver(await driverOf(client, hostAddress, signal)))
          await this.#takeAndGiveBack(client, hostAddress, signal);
      } catch (cause) {
        if (isLibvirtError(cause, LibvirtErrorCode.NO_NODE_DEVICE)) return;
        if (!(cause instanceof LibvirtError)) throw cause;
        const guest = this.#parts.domain().name;
        throw providerError("RELEASE_FAILED", { hostAddress, guest, reason: reasonOf(cause) }, cause);
      }
    }, signal);
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await this.#inTurn((client) => this.#takeAndGiveBack(client, hostAddress, signal), signal);
  }

  /** A libvirtd that was started anew gives back only what it has taken itself. */
  async #takeAndGiveBack(client: LibvirtClient, hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await this.#parts.driverCalls.run({ hostAddress, signal }, async () => {
      await client.nodeDeviceDetach(nodeDeviceName(hostAddress));
      await client.nodeDeviceReattach(nodeDeviceName(hostAddress));
    });
  }

  async #requireUnpluggedWhileRunning(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.requireUnplugged(hostAddress, signal);
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

async function driverOf(
  client: LibvirtClient,
  hostAddress: PciAddress,
  signal: AbortSignal,
): Promise<string | undefined> {
  return parseNodeDeviceXml(await client.nodeDeviceXml(nodeDeviceName(hostAddress), signal), hostAddress)
    .function.driver;
}
