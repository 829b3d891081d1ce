import type { GuestDevice } from "../../host/facts";
import {
  findPciAddress,
  findPciSlotAddress,
  FUNCTIONS_PER_SLOT,
  pciAddressOf,
  type PciAddress,
} from "../../pci";
import type { ConfiguredElsewhere } from "../../plan";

/** What the host program tells of Proxmox VE's files. */
export interface ProxmoxRecords {
  /** `VMID running|off KEY: VALUE` */
  readonly lines: readonly string[];
  /** Lines of the cluster's list of mapped devices. */
  readonly mappings: readonly string[];
  /** The host's own name in that list. */
  readonly node: string;
}

/** One guest of Proxmox VE. */
interface ProxmoxGuest {
  readonly vmid: string;
  readonly isRunning: boolean;
  readonly fields: readonly (readonly [key: string, value: string])[];
}

/**
 * What guests that run have by way of the host's drivers, and which functions those that are off would get.
 */
export function parseProxmox(records: ProxmoxRecords): {
  readonly devices: readonly GuestDevice[];
  readonly configuredElsewhere: readonly ConfiguredElsewhere[];
} {
  const mapped = readMappings(records);
  const guests = readGuests(records.lines);
  return {
    devices: guests.filter((one) => one.isRunning).flatMap(devicesOf),
    configuredElsewhere: guests.filter((one) => !one.isRunning).flatMap((one) => functionsOf(one, mapped)),
  };
}

function readGuests(lines: readonly string[]): ProxmoxGuest[] {
  const guests = new Map<string, { vmid: string; isRunning: boolean; fields: [string, string][] }>();
  for (const line of lines) {
    const [, vmid, state, key, value] = /^(\d{1,9}) (running|off) ([a-z]+\d*): *(.*)$/.exec(line) ?? [];
    if (vmid === undefined || key === undefined || value === undefined) continue;
    const guest = guests.get(vmid) ?? { vmid, isRunning: state === "running", fields: [] };
    guests.set(vmid, guest);
    guest.fields.push([key, value]);
  }
  return [...guests.values()];
}

function nameOf({ vmid, fields }: ProxmoxGuest): string {
  return fields.find(([key]) => key === "name")?.[1] ?? vmid;
}

/** Disks by their paths, and USB devices: `host=046d:c31c`, `host=1-4.2`. */
function devicesOf(guest: ProxmoxGuest): GuestDevice[] {
  const name = nameOf(guest);
  return guest.fields.flatMap(([key, value]): GuestDevice[] => {
    const [first = ""] = value.split(",");
    const text = first.replace(/^(?:file|host)=/, "");
    if (text.startsWith("/dev/")) return [{ guest: name, kind: "disk", key: text }];
    if (!key.startsWith("usb")) return [];
    if (/^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(text))
      return [{ guest: name, kind: "usb", key: `usb-id:${text.toLowerCase()}` }];
    if (/^\d+-\d+(?:\.\d+)*$/.test(text)) return [{ guest: name, kind: "usb", key: `usb-port:${text}` }];
    return [];
  });
}

/** `hostpci0: 0000:01:00,pcie=1`, `01:00.0;01:00.1`, `host=01:00.0`, `mapping=gpu` */
function functionsOf(
  guest: ProxmoxGuest,
  mapped: ReadonlyMap<string, readonly string[]>,
): ConfiguredElsewhere[] {
  const identity = { name: nameOf(guest), uuid: `proxmox-${guest.vmid}` };
  const addresses = (key: string, value: string): ConfiguredElsewhere[] => {
    const texts = value.split(",").flatMap((part) => {
      const [, option, given = ""] = /^(?:([a-z-]+)=)?(.*)$/.exec(part) ?? [];
      if (option === "mapping") return mapped.get(given) ?? [];
      return option === undefined || option === "host" ? given.split(";") : [];
    });
    return texts.flatMap(addressesIn).map((hostAddress) => ({ guest: identity, hostAddress, alias: key }));
  };
  return guest.fields.flatMap(([key, value]) => (key.startsWith("hostpci") ? addresses(key, value) : []));
}

/** A function; or a slot, which stands for all of its functions. */
function addressesIn(text: string): PciAddress[] {
  const slot = findPciSlotAddress(text);
  if (slot !== undefined) return Array.from({ length: FUNCTIONS_PER_SLOT }, (_, n) => pciAddressOf(slot, n));
  const hostAddress = findPciAddress(text);
  return hostAddress === undefined ? [] : [hostAddress];
}

/**
 * The paths on this node of each mapped device: a line with its name, and indented ones `map
 * id=…,node=pve1,path=0000:01:00.0`. The helper has taken the indentation for a blank.
 */
function readMappings({ mappings, node }: ProxmoxRecords): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let paths: string[] = [];
  for (const line of mappings) {
    if (!/^\s/.test(line)) {
      paths = [];
      found.set(line.trim(), paths);
      continue;
    }
    const values = new Map(line.trim().replace(/^map /, "").split(",").map(keyAndValue));
    const path = values.get("path");
    if (path !== undefined && values.get("node") === node) paths.push(...path.split(";"));
  }
  return found;
}

function keyAndValue(text: string): [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
