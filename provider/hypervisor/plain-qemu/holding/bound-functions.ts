import type { HoldRequest, Host } from "../../../apply";
import { Batcher } from "../../../async/batcher";
import { causeText, hasCode, providerError } from "../../../errors";
import type { PciAddress } from "../../../pci";
import type { LedgerEntry } from "../../../plan";
import { isDriverName } from "../ledger-file";
import type { HostRequests } from "../program/host-requests";

/** Root's own request for a driver: whichever takes the function. */
const ANY_DRIVER = "?";
const NO_DRIVER = "-";

/** What an observation tells of holds and releases. */
export interface BindingFacts {
  readonly entries: readonly LedgerEntry[];
  /** Whether QEMU runs as a user, and not as root: then udev has to give it the device nodes. */
  readonly isLimited: boolean;
}

/** Functions that the host program binds to vfio-pci, and gives back to their drivers. */
export class BoundFunctions implements Pick<Host, "hold" | "release" | "rebind"> {
  readonly #requests: Pick<HostRequests, "change">;
  /** Drivers to go back to, by the ledger as it was last looked at. */
  #drivers: ReadonlyMap<PciAddress, string | undefined> = new Map();
  #isLimited = false;
  readonly #holds: Batcher<PciAddress>;
  readonly #releases: Batcher<PciAddress>;

  constructor(requests: Pick<HostRequests, "change">) {
    this.#requests = requests;
    this.#holds = new Batcher((addresses, signal) => this.#bind(addresses, signal));
    this.#releases = new Batcher((addresses, signal) =>
      this.#release(
        addresses.map((hostAddress) => [hostAddress, this.#driverOf(hostAddress)] as const),
        signal,
      ),
    );
  }

  /** Takes over what was observed, for the holds and releases that follow. */
  update({ entries, isLimited }: BindingFacts): void {
    this.#drivers = new Map(
      entries.flatMap((entry) => entry.functions.map((one) => [one.hostAddress, one.hostDriver] as const)),
    );
    this.#isLimited = isLimited;
  }

  hold({ hostAddress }: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#holds.add(hostAddress, signal);
  }

  release({ hostAddress }: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#releases.add(hostAddress, signal);
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await this.#release([[hostAddress, ANY_DRIVER]], signal);
  }

  #driverOf(hostAddress: PciAddress): string {
    const driver = this.#drivers.get(hostAddress);
    if (driver === undefined) return this.#drivers.has(hostAddress) ? NO_DRIVER : ANY_DRIVER;
    return isDriverName(driver) ? driver : ANY_DRIVER;
  }

  async #bind(addresses: readonly PciAddress[], signal: AbortSignal): Promise<void> {
    const wait = this.#isLimited ? "settle" : "go";
    try {
      await this.#requests.change(`bind ${wait} ${addresses.join(" ")}`, signal);
    } catch (cause) {
      if (!hasCode(cause, "HOST_PROGRAM_FAILED")) throw cause;
      throw providerError("BIND_FAILED", { functions: addresses, reason: causeText(cause) }, cause);
    }
  }

  async #release(pairs: readonly (readonly [PciAddress, string])[], signal: AbortSignal): Promise<void> {
    const request = pairs.map(([hostAddress, driver]) => `${hostAddress}=${driver}`).join(" ");
    const records = await this.#requests.change(`release ${request}`, signal).catch((cause: unknown) => {
      if (!hasCode(cause, "HOST_PROGRAM_FAILED")) throw cause;
      throw providerError(
        "UNBIND_FAILED",
        { functions: pairs.map(([one]) => one), reason: causeText(cause) },
        cause,
      );
    });
    const busy = records.find((one) => one.kind === "busy")?.text.split(" ");
    if (busy === undefined) return;
    const [address = "", pid = "", ...command] = busy;
    throw providerError("FUNCTION_STILL_OPEN", {
      hostAddress: address,
      process: `${pid} (${command.join(" ")})`,
    });
  }
}
