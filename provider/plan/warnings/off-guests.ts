import { shorten } from "../../errors";
import { compareAddresses, type PciAddress } from "../../pci";
import type { AttachContext } from "../attach-context";
import type { Warning } from "../warning";

/** Longest part of a guest's name that is shown. */
const SHOWN_CHARACTERS = 100;

/**
 * Guests that are shut off, and have in their configurations what is taken or a member of its IOMMU groups:
 * they do not start as long as this guest has it. What speaks against an attachment of a guest that is itself
 * shut off, checks/configured-elsewhere.ts tells.
 */
export function findOffGuests({ observation, isOff, toTake, members }: AttachContext): Warning[] {
  if (isOff || toTake.length === 0) return [];
  const byGuest = new Map<string, { name: string; functions: PciAddress[] }>();
  for (const { guest, hostAddress } of observation.configuredElsewhere ?? []) {
    if (!members.has(hostAddress)) continue;
    const name = shorten(guest.name, SHOWN_CHARACTERS);
    const found = byGuest.get(guest.uuid) ?? { name, functions: [] };
    found.functions.push(hostAddress);
    byGuest.set(guest.uuid, found);
  }
  if (byGuest.size === 0) return [];
  const guests = [...byGuest.values()].map(({ name, functions }) => ({
    name,
    functions: [...new Set(functions)].sort(compareAddresses),
  }));
  return [{ kind: "configured-elsewhere", guests }];
}
