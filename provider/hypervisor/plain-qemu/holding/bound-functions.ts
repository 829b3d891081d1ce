import type { HoldRequest, Host } from "../../../apply";
import { Batcher } from "../../../async/batcher";
import { causeText, hasCode, providerError } from "../../../errors";
import type { HostFunction } from "../../../host/facts";
import type { PciAddress } from "../../../pci";
import type { LedgerEntry, LedgerFunction } from "../../../plan";
import { isDriverName } from "../ledger-file";
import { parseFunctions } from "../program/host-look";
import type { OperationRequests } from "../program/operation-requests";

/** Root's own request for a driver: whichever takes the function. */
const ANY_DRIVER = "?";
const NO_DRIVER = "-";

/** What an observation tells of holds and releases. */
export interface BindingFacts {
  readonly entries: readonly LedgerEntry[];
  /** Whether QEMU runs as a user, and not as root: then udev has to give it the device nodes. */
  readonly isLimited: boolean;
}

/** A function, and the driver that it goes back to. */
interface GivenBack {
  readonly hostAddress: PciAddress;
  readonly driver: string;
}

/** Functions that the host program binds to vfio-pci, and gives back to their drivers. */
export class BoundFunctions implements Pick<Host, "hold" | "release" | "rebind"> {
  readonly #requests: Pick<OperationRequests, "change" | "label">;
  /** By the ledger as it was last looked at. */
  #recorded: ReadonlyMap<PciAddress, LedgerFunction> = new Map();
  #isLimited = false;
  /** As the last release has left them. */
  readonly #givenBack = new Map<PciAddress, HostFunction>();
  readonly #holds: Batcher<PciAddress>;
  readonly #releases: Batcher<PciAddress>;

  constructor(requests: Pick<OperationRequests, "change" | "label">) {
    this.#requests = requests;
    this.#holds = new Batcher((addresses, signal) => this.#bind(addresses, signal));
    this.#releases = new Batcher((addresses, signal) =>
      this.#release(
        addresses.map((hostAddress) => ({ hostAddress, driver: this.#driverOf(hostAddress) })),
        signal,
      ),
    );
  }

  /** Takes over what was observed, for the holds and releases that follow. */
  update({ entries, isLimited }: BindingFacts): void {
    this.#recorded = new Map(
      entries.flatMap((entry) => entry.functions.map((one) => [one.hostAddress, one] as const)),
    );
    this.#isLimited = isLimited;
  }

  hold({ hostAddress }: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#holds.add(hostAddress, signal);
  }

  release({ hostAddress }: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#releases.add(hostAddress, signal);
  }

  /** These functions as a release has just left them, once; undefined if another look has to tell. */
  takeGivenBack(addresses: readonly PciAddress[]): readonly HostFunction[] | undefined {
    const known = addresses.flatMap((one) => this.#givenBack.get(one) ?? []);
    this.#givenBack.clear();
    return known.length === addresses.length ? known : undefined;
  }

  async rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    await this.#release([{ hostAddress, driver: ANY_DRIVER }], signal);
  }

  #driverOf(hostAddress: PciAddress): string {
    const recorded = this.#recorded.get(hostAddress);
    if (recorded === undefined) return ANY_DRIVER;
    const { hostDriver = NO_DRIVER } = recorded;
    return hostDriver === NO_DRIVER || isDriverName(hostDriver) ? hostDriver : ANY_DRIVER;
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

  async #release(given: readonly GivenBack[], signal: AbortSignal): Promise<void> {
    const words = given.map(({ hostAddress, driver }) => {
      const override = this.#recorded.get(hostAddress)?.driverOverride;
      return [hostAddress, driver, ...(override === undefined ? [] : [override])].join("=");
    });
    const request = words.join(" ");
    const records = await this.#requests.change(`release ${request}`, signal).catch((cause: unknown) => {
      if (!hasCode(cause, "HOST_PROGRAM_FAILED")) throw cause;
      throw providerError(
        "UNBIND_FAILED",
        { functions: given.map((one) => one.hostAddress), reason: causeText(cause) },
        cause,
      );
    });
    const busy = records.find((one) => one.kind === "busy")?.text.split(" ");
    if (busy === undefined) {
      for (const [address, one] of parseFunctions(records, this.#requests.label))
        this.#givenBack.set(address, one);
      return;
    }
    const [hostAddress = "", pid = "", ...command] = busy;
    throw providerError("FUNCTION_STILL_OPEN", {
      hostAddress,
      process: `${pid} (${command.join(" ")})`,
    });
  }
}
