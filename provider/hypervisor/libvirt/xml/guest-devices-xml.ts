import type { GuestDevice } from "../../../host/facts";
import { attribute, child, children, textOf, type XmlElement } from "./xml";

type Found = Omit<GuestDevice, "guest">;

/**
 * What a guest's description gives to it of the host by way of the host's own drivers: disks with all that
 * they are made of, USB, SCSI and mediated devices, input devices, TPM, ports, interfaces.
 *
 * @param guest its name
 */
export function findGuestDevices(devices: XmlElement, guest: string): GuestDevice[] {
  const found = [
    ...imagesOf(devices).flatMap(imageDevice),
    ...children(devices, "hostdev").flatMap(hostdevDevice),
    ...children(devices, "interface").flatMap(interfaceDevice),
    ...children(devices, "input").flatMap(inputDevice),
    ...children(devices, "tpm").flatMap((one) =>
      named("tpm", attribute(child(one, "backend", "device"), "path")),
    ),
    ...PORTS.flatMap((name) => children(devices, name)).flatMap(portDevice),
    ...children(devices, "graphics").flatMap((one) =>
      named("display", attribute(child(one, "gl"), "rendernode")),
    ),
  ];
  const byKey = new Map(found.map((one) => [`${one.kind} ${one.key}`, { guest, ...one }]));
  return [...byKey.values()];
}

/** Elements of character devices that may be a port of the host. */
const PORTS = ["serial", "parallel", "console", "channel"] as const;

/**
 * Every image of a guest's disks: the disk itself, its backing chain, what is copied to meanwhile, and a data
 * file apart. Each has `type` and `source` as a disk has. A document has an end to its depth, and so has a
 * chain.
 */
export function imagesOf(devices: XmlElement): XmlElement[] {
  const found = children(devices, "disk");
  for (const one of found)
    for (const next of [
      ...children(one, "backingStore"),
      ...children(one, "mirror"),
      ...children(child(one, "source"), "dataStore"),
    ])
      found.push(next);
  return found;
}

/** An image of whichever type may have the path of a device for its file. */
function imageDevice(image: XmlElement): Found[] {
  const source = child(image, "source");
  switch (attribute(image, "type") ?? "") {
    case "block":
      return named("disk", attribute(source, "dev"));
    case "vhostvdpa":
      return named("vdpa", attribute(source, "dev"));
    case "volume":
      return named("disk", volumeOf(source));
    default: {
      const file = attribute(source, "file") ?? attribute(image, "file");
      return file?.startsWith("/dev/") ? named("disk", file) : [];
    }
  }
}

/** Where a volume of a storage pool is, libvirt's description of a guest does not tell. */
function volumeOf(source: XmlElement): string | undefined {
  const volume = attribute(source, "volume");
  return volume === undefined ? undefined : `${volume} of storage pool ${attribute(source, "pool") ?? "?"}`;
}

function hostdevDevice(hostdev: XmlElement): Found[] {
  const source = child(hostdev, "source");
  const address = child(source, "address");
  if (attribute(hostdev, "mode") === "capabilities")
    return [
      ...named("disk", textOf(child(source, "block"))),
      ...named("input", textOf(child(source, "char"))),
      ...named("interface", textOf(child(source, "interface"))),
    ];
  switch (attribute(hostdev, "type") ?? "") {
    case "usb":
      return named("usb", usbKey(source));
    case "scsi":
      return named("scsi", scsiKey(attribute(child(source, "adapter"), "name"), address));
    case "mdev":
      return named("mdev", prefixed("mdev:", attribute(address, "uuid")?.toLowerCase()));
    default:
      return [];
  }
}

/** Of a running guest, libvirt writes the place of the device beside vendor and product. */
function usbKey(source: XmlElement): string {
  const address = child(source, "address");
  const place = [attribute(address, "bus"), attribute(address, "device")].map(numberOf);
  if (place.every((one) => one !== undefined)) return `usb:${place.join(":")}`;
  const ids = ["vendor", "product"].map((name) => numberOf(attribute(child(source, name), "id")));
  return `usb-id:${ids.map((one) => (one ?? 0).toString(16).padStart(4, "0")).join(":")}`;
}

/** Of a device of an iSCSI session that QEMU has itself there is no adapter. */
function scsiKey(adapter: string | undefined, address: XmlElement): string | undefined {
  const [, host] = /^scsi_host(\d{1,5})$/.exec(adapter ?? "") ?? [];
  if (host === undefined) return adapter;
  const parts = ["bus", "target", "unit"].map((name) => numberOf(attribute(address, name)) ?? 0);
  return `scsi:${[host, ...parts].join(":")}`;
}

function interfaceDevice(one: XmlElement): Found[] {
  const dev = attribute(child(one, "source"), "dev");
  const type = attribute(one, "type");
  return type === "direct" ? named("interface", dev) : type === "vdpa" ? named("vdpa", dev) : [];
}

function inputDevice(input: XmlElement): Found[] {
  const source = child(input, "source");
  return named("input", attribute(source, "dev") ?? attribute(source, "evdev"));
}

function portDevice(port: XmlElement): Found[] {
  return attribute(port, "type") === "dev" ? named("serial", attribute(child(port, "source"), "path")) : [];
}

function named(kind: GuestDevice["kind"], key: string | undefined): Found[] {
  return key === undefined || key === "" ? [] : [{ kind, key }];
}

function prefixed(prefix: string, text: string | undefined): string | undefined {
  return text === undefined ? undefined : `${prefix}${text}`;
}

/** `4`, `0x046d` */
function numberOf(text: string | undefined): number | undefined {
  return /^(?:0x[0-9a-f]{1,8}|\d{1,9})$/i.test(text ?? "") ? Number(text) : undefined;
}
