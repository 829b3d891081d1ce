import type { HoldRequest, Host, Identity, ObservationQuery } from "../../apply";
import type { HostFunction } from "../../host/facts";
import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import { GuestFinder, type GuestFinderParts } from "./guest-finder";
import { BoundFunctions } from "./holding/bound-functions";
import { isNamed } from "./own-functions";
import { PlainObserver, type PlainObserverParts } from "./plain-observer";
import { parseFunctions } from "./program/host-look";
import type { HostRequests } from "./program/host-requests";

/** What {@link PlainHost} is made of. */
export interface PlainHostParts extends GuestFinderParts, Omit<PlainObserverParts, "guests" | "bound"> {
  readonly requests: Pick<HostRequests, "look" | "change">;
}

/**
 * A host on which nobody but this provider keeps functions for a guest: QEMU was started by hand, by systemd
 * or by Proxmox VE. What is held is what the ledger names and vfio-pci has.
 */
export class PlainHost implements Host {
  /** All functions of a plan are bound in one command. */
  readonly firstHold = "with-others";
  readonly #parts: PlainHostParts;
  readonly #guests: GuestFinder;
  readonly #observer: PlainObserver;
  readonly #bound: BoundFunctions;

  constructor(parts: PlainHostParts) {
    this.#parts = parts;
    this.#guests = new GuestFinder(parts);
    this.#bound = new BoundFunctions(parts.requests);
    this.#observer = new PlainObserver({ ...parts, guests: this.#guests, bound: this.#bound });
  }

  async readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const { look, guest, socketGuest } = await this.#guests.find(query.addresses, signal);
    const named = [...look.functions.values()].filter(({ hostAddress }) =>
      isNamed(query.addresses, hostAddress),
    );
    const iommuGroups = [...new Set(named.flatMap((one) => one.iommuGroup ?? []))];
    const { otherUuids } = socketGuest;
    return {
      iommuGroups,
      ...(guest.uuid !== "" && { guestUuid: guest.uuid }),
      ...(otherUuids.length > 0 && { otherUuids }),
    };
  }

  keepTo(guestUuid: string): void {
    this.#guests.keepTo(guestUuid);
  }

  /** See {@link GuestFinder.requireSameGuest}. */
  requireSameGuest(signal?: AbortSignal): Promise<void> {
    return this.#guests.requireSameGuest(signal);
  }

  observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    return this.#observer.observe(query, signal);
  }

  async heldAliases(signal: AbortSignal): Promise<ReadonlySet<string>> {
    const { holdings, guest } = await this.observe({ addresses: [] }, signal);
    return new Set(holdings.filter((one) => one.guest.uuid === guest.uuid).map((one) => one.alias));
  }

  hold(request: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#bound.hold(request, signal);
  }

  release(request: HoldRequest, signal: AbortSignal): Promise<void> {
    return this.#bound.release(request, signal);
  }

  rebind(hostAddress: PciAddress, signal: AbortSignal): Promise<void> {
    return this.#bound.rebind(hostAddress, signal);
  }

  async readFunctions(
    addresses: readonly PciAddress[],
    signal: AbortSignal,
  ): Promise<readonly HostFunction[]> {
    if (addresses.length === 0) return [];
    const records = await this.#parts.requests.look(`functions ${addresses.join(" ")}`, signal);
    return [...parseFunctions(records, this.#parts.label).values()];
  }
}
