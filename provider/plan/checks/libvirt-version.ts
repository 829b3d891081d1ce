import { providerError } from "../../errors";
import { isVfioDriver } from "../../host/facts";
import type { AttachContext } from "../attach-context";
import { findHostDriver } from "../host-driver";
import type { Refusal } from "./refusal";

/**
 * What an older libvirt can do with what is persistent: it is written, changed and taken back while the guest
 * is shut off; in a guest that runs, it is recognised where it stands whole, and nothing of it is changed
 * (docs/internals/decisions/0091-persistent-with-older-libvirt.md).
 */
export function checkLibvirtVersion(context: AttachContext): Refusal[] {
  const { observation, desired, owned, isOff } = context;
  const { guest, olderLibvirt } = observation;
  if (olderLibvirt === undefined || guest.runState === "missing") return [];
  if (!desired.persistent && owned.configured.length === 0) return [];
  if (isOff ? heldStill(context).length === 0 : standsWhole(context)) return [];
  const { version } = olderLibvirt;
  const obstacle = isOff ? ("held" as const) : ("running" as const);
  return [providerError("PERSISTENT_NEEDS_NEWER_LIBVIRT", { guest: guest.name, version, obstacle })];
}

/** Whether there is nothing to be done to it. */
function standsWhole({ isPlugged, toHold, givenUp, outcome }: AttachContext): boolean {
  const isConfigured = outcome !== undefined && outcome.configurationSteps.length === 0;
  return isPlugged && toHold.length === 0 && givenUp.length === 0 && isConfigured;
}

/** What an attachment that was not persistent has left on vfio-pci when the guest ended. */
function heldStill({ claim: { owned }, prior }: AttachContext): readonly string[] {
  return owned.held.filter((hostAddress) => !isVfioDriver(findHostDriver(owned, hostAddress, prior)));
}
