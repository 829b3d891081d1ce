import { findPciAddress, type PciAddress } from "../../pci/address";
import { groupByKind, splitOnce, unreadableRecordError } from "./fact-records";

/** What guests have of a host by way of the host's own drivers. */
export const guestDeviceKinds = [
  ...(["disk", "scsi", "mdev", "usb", "vdpa", "input", "tpm", "serial", "display", "interface"] as const),
] as const;

/** See {@link guestDeviceKinds}. */
export type GuestDeviceKind = (typeof guestDeviceKinds)[number];

/** Who has a device of the host. */
export type DeviceUser = "guest" | "container" | "process";

/**
 * A device of the host that a running guest has by way of the host's own driver, and not as a PCI function:
 * a disk, a mediated device, an interface beneath a macvtap.
 */
export interface GuestDevice {
  /** Name of the guest, or of whoever has it. */
  readonly guest: string;
  /** Default: a guest. */
  readonly by?: DeviceUser;
  readonly kind: GuestDeviceKind;
  /**
   * By what the guest's description names it: a path below /dev, `mdev:UUID`, `usb:BUS:NUMBER`,
   * `usb-id:VENDOR:PRODUCT`, `usb-port:1-4.2`, `scsi:HOST:CHANNEL:TARGET:LUN`; of an interface its name. What
   * has none of these forms is not asked for.
   */
  readonly key: string;
}

/** A guest's device, and where the host has it in sysfs: once, unless several devices have its key. */
export interface LocatedGuestDevice extends GuestDevice {
  readonly places: readonly DevicePlace[];
}

/** One place in sysfs. */
export interface DevicePlace {
  /** Kernel name of the device there. */
  readonly name: string;
  /** The PCI functions on the way to it, the nearest first; none of what is made by software. */
  readonly hostAddresses: readonly PciAddress[];
}

/** What guests have, as far as the host could be asked. */
export interface GuestDevices {
  readonly located: readonly LocatedGuestDevice[];
  /** Which functions these are on is not known. */
  readonly unlocated: readonly GuestDevice[];
}

/** Where devices are in sysfs, by their keys. */
export type PlacesByKey = ReadonlyMap<string, readonly DevicePlace[]>;

/** Most devices of all guests together that are asked for: a thousand guests with four each. */
export const MAX_ASKED_DEVICES = 4_000;

/** A key that can stand in a request as one word, and leads nowhere else than it says. */
const ASKABLE =
  /^(?:\/dev(?:\/[A-Za-z0-9._@+=:,~#-]{1,255}){1,8}|mdev:[0-9a-f-]{36}|usb:\d{1,3}:\d{1,3}|usb-id:[0-9a-f]{4}:[0-9a-f]{4}|usb-port:\d{1,3}-\d{1,3}(?:\.\d{1,3}){0,8}|scsi:\d{1,5}:\d{1,5}:\d{1,5}:\d{1,20})$/;

/** The keys to ask the host for, each once: at most {@link MAX_ASKED_DEVICES} of them. */
export function keysToAsk(devices: readonly GuestDevice[]): string[] {
  const keys = devices.filter(({ kind, key }) => kind !== "interface" && isAskable(key));
  return [...new Set(keys.map(({ key }) => key))].slice(0, MAX_ASKED_DEVICES);
}

function isAskable(key: string): boolean {
  return key.length <= 1_000 && ASKABLE.test(key) && !/\/\.{1,2}(?:\/|$)/.test(key);
}

/**
 * Reads the records of the helper's look for places: `at KEY /sys/devices/...` Pure.
 *
 * @throws Error when a record does not have its form
 */
export function parsePlaces(lines: readonly string[]): PlacesByKey {
  const found = new Map<string, DevicePlace[]>();
  for (const record of groupByKind(lines).get("at") ?? []) {
    const [key, path] = splitOnce(record);
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (key === "" || !path.startsWith("/") || name === "") throw unreadableRecordError(record);
    const places = found.get(key) ?? [];
    found.set(key, places);
    places.push({ name, hostAddresses: functionsOnPath(path) });
  }
  return found;
}

/** Puts the places to the devices. */
export function withPlaces(devices: readonly GuestDevice[], places: PlacesByKey): GuestDevices {
  const located: LocatedGuestDevice[] = [];
  const unlocated: GuestDevice[] = [];
  for (const device of devices) {
    // an interface is known by the survey itself
    const found = device.kind === "interface" ? [] : places.get(device.key);
    if (found === undefined) unlocated.push(device);
    else located.push({ ...device, places: found });
  }
  return { located, unlocated };
}

/** Most functions of one path: a chain of six Thunderbolt docks has fewer. */
const MAX_ON_PATH = 16;

/** The PCI functions on a path in sysfs, the nearest to its end first. */
function functionsOnPath(path: string): PciAddress[] {
  const found = path.split("/").flatMap((name) => findPciAddress(name) ?? []);
  return [...new Set(found.reverse())].slice(0, MAX_ON_PATH);
}
