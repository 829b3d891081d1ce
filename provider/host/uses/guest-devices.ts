import { shorten } from "../../errors";
import type { PciAddress } from "../../pci/address";
import { turnedRound, type GuestDevice, type HostFacts, type LocatedGuestDevice } from "../facts";
import { findCarriers } from "./carriers";
import { labelOf } from "./disk-label";
import { findFunctionsBelow } from "./disk-uses";
import type { DiskLabel, GuestDeviceReason, HostUse } from "./host-use";
import { uniqueBy } from "./unique-by";

/** Most uses of one function by guests: one is enough to keep it, and nobody reads more. */
const MAX_USES = 32;

/** Longest part of a guest's name that is shown. */
const SHOWN_CHARACTERS = 100;

/** One device of a guest on one function. */
type GuestUse = GuestDeviceReason & { readonly hostAddress: PciAddress };

/** The functions that running guests have something of: the guest would lose it with the function. */
export function guestDeviceUses(facts: HostFacts): HostUse[] {
  const located = facts.guestDevices?.located ?? [];
  if (located.length === 0) return [];
  const all = [...placedUses(facts, located), ...interfaceUsesOf(facts, located)];
  const counts = new Map<PciAddress, number>();
  return uniqueBy(all, keyOf).flatMap((use): HostUse[] => {
    const count = counts.get(use.hostAddress) ?? 0;
    counts.set(use.hostAddress, count + 1);
    return count < MAX_USES ? [{ ...use, isThisConnection: false }] : [];
  });
}

function keyOf({ hostAddress, what, guest, by = "guest", device, via = "" }: GuestUse): string {
  return [hostAddress, what, device.name, via, by, guest].join("\n");
}

function reasonOf({ guest, by, kind }: GuestDevice, device: DiskLabel): GuestDeviceReason {
  const name = shorten(guest, SHOWN_CHARACTERS);
  return { kind: "guest-device", guest: name, what: kind, device, ...(by !== undefined && { by }) };
}

/** A disk that is made of others is on all of their functions. */
function placedUses({ disks }: HostFacts, located: readonly LocatedGuestDevice[]): GuestUse[] {
  const byName = new Map(disks.map((one) => [one.name, one]));
  const placed = located.flatMap((owner) =>
    owner.places.map((place) => ({
      ...{ owner, place },
      disk: owner.kind === "disk" ? byName.get(place.name) : undefined,
    })),
  );
  const below = findFunctionsBelow(
    disks,
    placed.flatMap(({ disk }) => disk?.name ?? []),
  );
  return placed.flatMap(({ owner, place, disk }) => {
    const functions = new Set([...place.hostAddresses, ...(below.get(disk?.name ?? "") ?? [])]);
    const reason = reasonOf(owner, disk === undefined ? { name: place.name } : labelOf(disk));
    return [...functions].map((hostAddress) => ({ hostAddress, ...reason }));
  });
}

/** An interface of the host that a guest's own is on, as macvtap. */
function interfaceUsesOf({ interfaces }: HostFacts, located: readonly LocatedGuestDevice[]): GuestUse[] {
  const own = located.filter(({ kind }) => kind === "interface");
  const found = findCarriers(
    interfaces,
    own.map(({ key }) => key),
  );
  const carriers = turnedRound(found, ({ device, via = device }) => [via]);
  return own.flatMap((owner) =>
    (carriers.get(owner.key) ?? []).map(({ hostAddress, device, via }) => ({
      ...{ hostAddress, ...reasonOf(owner, { name: device }) },
      ...(via !== undefined && { via }),
    })),
  );
}
