import type { PciAddress } from "../../pci/address";
import type { FunctionFacts, GuestDevice, HostFacts, UnreadPart } from "../facts";
import type { CarriedThing } from "./host-use";
import { findUnknownCarriers } from "./possible-carriers";

/** What one look at the host has not found out. Its words are `describeHostNote` in provider/plan. */
export type HostNote =
  | { readonly kind: "unread"; readonly part: UnreadPart["part"]; readonly reason: string }
  | {
      /** Below the interface `via`, which carries it, no function is found. */
      readonly kind: "unknown-carrier";
      readonly carries: CarriedThing;
      readonly via: string;
    }
  | {
      /** These functions have nodes in /dev, and not everybody's open files were seen. */
      readonly kind: "unseen-openers";
      readonly seen: Exclude<FunctionFacts["seen"], "all">;
      readonly hostAddresses: readonly PciAddress[];
    }
  | {
      /** What there is to know of functions before they are taken was not told. */
      readonly kind: "unseen-functions";
      readonly reason: string;
    }
  | {
      /** Which functions these devices of running guests are on is not known. */
      readonly kind: "unlocated-devices";
      readonly devices: readonly GuestDevice[];
    };

/**
 * What of the host is not known, and counts as a use where it may be one. A program's own way, as a VPN's, is
 * none: it is by an address, and each interface with an address counts.
 */
export function findHostNotes(facts: HostFacts): HostNote[] {
  const devices = facts.guestDevices?.unlocated ?? [];
  return [
    ...facts.unread.map(({ part, reason }) => ({ kind: "unread" as const, part, reason })),
    ...findUnknownCarriers(facts)
      .filter(({ among }) => among === "up")
      .flatMap(({ carries, via }) =>
        via === undefined ? [] : [{ kind: "unknown-carrier" as const, carries, via }],
      ),
    ...(devices.length > 0 ? [{ kind: "unlocated-devices" as const, devices }] : []),
  ];
}
