import { createHash } from "node:crypto";
import { hasRomOptions, type PciAddress, type RomOptions } from "../pci";

const prefix = "mfpci";
const tagLength = 12;
const romSuffix = "-rom";
const coldPluggedId = /^ua-mfpci-([0-9a-f]{12})-[0-9a-f]{4,8}-[0-9a-f]{2}-[01][0-9a-f]-[0-7]$/;

/**
 * Short mark of an owner token. It stands in every QEMU id and libvirt alias of an attachment, so that
 * what a crash left behind can be told from what is someone else's.
 */
export function tagOf(ownerToken: string): string {
  return createHash("sha256").update(ownerToken).digest("hex").slice(0, tagLength);
}

/** Id of the resource in Pulumi: opaque, and the same for the same owner token. */
export function attachmentIdOf(ownerToken: string): string {
  return `${prefix}-${tagOf(ownerToken)}`;
}

/**
 * Whether a text has the form of a tag. Ids and aliases are made of it, and anyone may write into a guest's
 * metadata.
 */
export function isTag(text: string): boolean {
  return /^[0-9a-f]{12}$/.test(text);
}

/**
 * QEMU's device id of one plugged function; it tells whether the function was given anything to say of its
 * ROM, so that nothing has to be asked about that of all the others. It must differ from libvirt's alias of
 * the same function, or libvirt hands the function back to the host at its DEVICE_DELETED, while its group is
 * still in use.
 */
export function qemuIdOf(tag: string, guestFunction: number, rom: RomOptions = {}): string {
  return `${prefix}-${tag}-f${guestFunction}${hasRomOptions(rom) ? romSuffix : ""}`;
}

/**
 * Whether QEMU has to be asked for the ROM of a function with this id. Of one with an alias for an id libvirt
 * tells it.
 */
export function hasRomSuffix(qemuId: string): boolean {
  return qemuId.endsWith(romSuffix);
}

/** libvirt's alias of one held function; libvirt takes over aliases that begin with `ua-`. */
export function aliasOf(tag: string, hostAddress: PciAddress): string {
  return `ua-${prefix}-${tag}-${hostAddress.replace(/[:.]/g, "-")}`;
}

/**
 * The tag in a QEMU id of ours; undefined in any other. A function that libvirt plugged itself, at a cold
 * boot of a guest whose configuration has it, bears its alias as its id.
 */
export function findTagOfQemuId(id: string): string | undefined {
  return (/^mfpci-([0-9a-f]{12})-f[0-7](?:-rom)?$/.exec(id) ?? coldPluggedId.exec(id))?.[1];
}

/** The tag in an alias that this project made; undefined in any other. */
export function findTagOfAlias(alias: string): string | undefined {
  return /^ua-mfpci-([0-9a-f]{12})-[0-9a-f-]+$/.exec(alias)?.[1];
}
