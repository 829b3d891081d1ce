import { hasCode, providerError } from "../../../errors";
import { isLibvirtError, LibvirtError, LibvirtErrorCode, type LibvirtClient } from "../../../libvirt-rpc";
import type { HoldRequest } from "../../../apply";
import type { PciAddress } from "../../../pci";
import { retryBusyJob } from "../busy-job";
import { parseDomainXml } from "../xml/domain-xml";
import type { FunctionHolderDependencies, FunctionHolder } from "./function-holder";
import { hasEnded } from "../has-ended";
import { unassignedHostdev } from "../xml/hostdev-xml";
import { nodeDeviceName } from "../xml/node-device-xml";
import { reasonOf } from "../refused";

/**
 * Libvirt from 8.3 on: a live hostdev that is unassigned is bound, made usable for the guest's QEMU, and not
 * plugged.
 */
export class UnassignedHostdevs implements FunctionHolder {
  readonly #parts: FunctionHolderDependencies;
  #isUnassignedKept = false;

  constructor(parts: FunctionHolderDependencies) {
    this.#parts = parts;
  }

  /**
   * libvirt refuses a function in use, and an alias that is there already (a hold that was cut off): the
   * latter is what was wanted. After the first hold of this connection the guest's description is looked
   * at, because a libvirt that ignores `unassigned` would have plugged the function.
   *
   * The signal ends the repeating; how long a call under way is awaited, here and in release, is told by
   * {@link DriverCalls}.
   */
  async hold({ hostAddress, alias, vfioDriver }: HoldRequest, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#parts.domain();
    const xml = unassignedHostdev(hostAddress, alias, vfioDriver);
    try {
      await this.#parts.driverCalls.run({ hostAddress, signal }, () =>
        retryBusyJob(() => client.attachDevice(domain, xml, "live"), signal),
      );
    } catch (cause) {
      if (hasCode(cause, "HOST_CHANGE_STUCK")) throw cause;
      const isThere = isLibvirtError(cause, LibvirtErrorCode.CONFIG_UNSUPPORTED);
      if (!isThere || !(await this.#isHeld(client, alias, signal)))
        throw providerError(
          "HOLD_FAILED",
          { hostAddress, guest: domain.name, reason: reasonOf(cause) },
          cause,
        );
    }
    if (this.#isUnassignedKept) return;
    const described = parseDomainXml(await client.domainXml(domain, {}, signal));
    this.#isUnassignedKept = described.holdings.some((one) => one.alias === alias && one.isUnassigned);
    if (this.#isUnassignedKept) return;
    await client.detachDevice(domain, xml, "live", signal);
    throw providerError("UNASSIGNED_IGNORED", { hostAddress, guest: domain.name });
  }

  /**
   * QOM is asked first, each time: a release of a function that QEMU still has blocks libvirtd and all
   * its clients.
   */
  async release({ hostAddress, alias }: HoldRequest, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    const domain = this.#parts.domain();
    try {
      await this.#parts.requireUnplugged(hostAddress, signal);
      const xml = unassignedHostdev(hostAddress, alias);
      await this.#parts.driverCalls.run({ hostAddress, signal }, () =>
        retryBusyJob(() => client.detachDevice(domain, xml, "live"), signal),
      );
    } catch (cause) {
      if (isLibvirtError(cause, LibvirtErrorCode.DEVICE_MISSING)) return;
      if (
        isLibvirtError(cause, LibvirtErrorCode.OPERATION_INVALID) &&
        (await hasEnded(client, domain, signal))
      )
        return;
      if (!(cause instanceof LibvirtError)) throw cause;
      throw providerError(
        "RELEASE_FAILED",
        { hostAddress, guest: domain.name, reason: reasonOf(cause) },
        cause,
      );
    }
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    const client = await this.#parts.session.client(signal);
    await this.#parts.driverCalls.run({ hostAddress, signal }, () =>
      client.nodeDeviceReattach(nodeDeviceName(hostAddress)),
    );
  }

  async #isHeld(client: LibvirtClient, alias: string, signal: AbortSignal): Promise<boolean> {
    const described = parseDomainXml(await client.domainXml(this.#parts.domain(), {}, signal));
    return described.isRunning && described.holdings.some((one) => one.alias === alias && one.isUnassigned);
  }
}
