import { providerError } from "../../errors";
import type { PlanRequest } from "../plan-request";
import type { Refusal } from "./refusal";

/** An older libvirt does not tell what a cold boot has plugged, so nothing can be persistent there. */
export function checkLibvirtVersion({ observation, desired }: PlanRequest): Refusal[] {
  const { guest, olderLibvirt } = observation;
  if (!desired.persistent || olderLibvirt === undefined) return [];
  const { version } = olderLibvirt;
  return [providerError("PERSISTENT_NEEDS_NEWER_LIBVIRT", { guest: guest.name, version })];
}
