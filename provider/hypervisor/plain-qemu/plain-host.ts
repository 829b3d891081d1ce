import type { HoldRequest, Host, Identity, ObservationQuery } from "../../apply";
import type { HostFunction } from "../../host/facts";
import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import { GuestFinder, type GuestFinderParts } from "./guest-finder";
import { BoundFunctions } from "./holding/bound-functions";
import { isNamed } from "./own-functions";
import { PlainObserver, type PlainObserverParts } from "./plain-observer";
import { parseFunctions } from "./program/host-look";
import type { OperationRequests } from "./program/operation-requests";

/** What {@link PlainHost} is made of. */
export interface PlainHostParts extends GuestFinderParts, Omit<PlainObserverParts, "guests" | "bound"> {
  readonly requests: Pick<OperationRequests, "look" | "change" | "label">;
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

  /** Of a look a moment ago, if there is one: what it is by now is seen under the locks. */
  async readIdentity(query: ObservationQuery, signal: AbortSignal): Promise<Identity> {
    const known = this.#parts.recent.takeIdentity(this.#questionOf(query));
    if (known !== undefined) return known;
    const { look, guest, socketGuest } = await this.#guests.find(query.addresses, {}, signal);
    return identityOf(query, { uuid: guest.uuid, otherUuids: socketGuest.otherUuids }, look.functions);
  }

  keepTo(guestUuid: string): void {
    this.#guests.keepTo(guestUuid);
  }

  /** See {@link GuestFinder.requireSameGuest}. */
  requireSameGuest(signal?: AbortSignal): Promise<void> {
    return this.#guests.requireSameGuest(signal);
  }

  async observe(query: ObservationQuery, signal: AbortSignal): Promise<Observation> {
    const observation = await this.#observer.observe(query, signal);
    const identity = identityOf(query, observation.guest, observation.functions);
    this.#parts.recent.noteIdentity(this.#questionOf(query), identity);
    return observation;
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
    const givenBack = this.#bound.takeGivenBack(addresses);
    if (givenBack !== undefined) return givenBack;
    const records = await this.#parts.requests.look(`functions ${addresses.join(" ")}`, signal);
    return [...parseFunctions(records, this.#parts.label).values()];
  }
  #questionOf({ addresses }: ObservationQuery): string {
    const { socket, guestUuid = "", madeIn } = this.#parts;
    return JSON.stringify([socket, guestUuid, madeIn, [...addresses].sort()]);
  }
}

function identityOf(
  query: ObservationQuery,
  { uuid, otherUuids = [] }: { readonly uuid: string; readonly otherUuids?: readonly string[] },
  functions: ReadonlyMap<PciAddress, HostFunction>,
): Identity {
  const named = [...functions.values()].filter(({ hostAddress }) => isNamed(query.addresses, hostAddress));
  return {
    iommuGroups: [...new Set(named.flatMap((one) => one.iommuGroup ?? []))],
    ...(uuid !== "" && { guestUuid: uuid }),
    ...(otherUuids.length > 0 && { otherUuids }),
  };
}
