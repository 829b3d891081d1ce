import type { XdrReader } from "./xdr-reader";
import type { XdrWriter } from "./xdr-writer";

/** A guest as libvirt names it in calls; get it by a lookup, it stays good over restarts of the guest. */
export interface LibvirtDomain {
  readonly name: string;
  /** Canonical: lower case, 8-4-4-4-12. */
  readonly uuid: string;
  /** -1 when it was not running at the time of the lookup. */
  readonly id: number;
}

/** virDomainState in words; the order is that of libvirt's numbers. */
const domainStates = [
  "no-state",
  "running",
  "blocked",
  "paused",
  "shutdown",
  "shutoff",
  "crashed",
  "pmsuspended",
] as const;

/**
 * What a guest is doing; "shutdown" means: on the way to "shutoff". One that libvirt did not have when this
 * was written (12.0) has its number for a name.
 */
export type DomainState = (typeof domainStates)[number] | `state ${number}`;

/** A guest's state, and why it is in it; the reason's meaning depends on the state (libvirt-domain.h). */
export interface DomainStateInfo {
  readonly state: DomainState;
  readonly reason: number;
}

const UUID_BYTES = 16;
const uuidForm = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** The 16 bytes of a UUID with or without hyphens; undefined when the text has not that form. */
export function findUuidBytes(text: string): Buffer | undefined {
  if (!uuidForm.test(text)) return undefined;
  return Buffer.from(text.replaceAll("-", ""), "hex");
}

/** 16 bytes as a canonical UUID. */
export function formatUuid(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @throws LibvirtProtocolError when the bytes do not hold a domain. */
export function readDomain(reader: XdrReader): LibvirtDomain {
  return { name: reader.string(), uuid: formatUuid(reader.fixedOpaque(UUID_BYTES)), id: reader.i32() };
}

/** @throws TypeError when the domain's UUID is not one. */
export function writeDomain(writer: XdrWriter, domain: LibvirtDomain): XdrWriter {
  const uuid = findUuidBytes(domain.uuid);
  if (uuid === undefined) throw new TypeError(`"${domain.uuid}" is not a UUID`);
  return writer.string(domain.name).fixedOpaque(uuid).i32(domain.id);
}

/** @throws LibvirtProtocolError when the bytes do not hold a number. */
export function readDomainState(reader: XdrReader): DomainState {
  const number = reader.i32();
  return domainStates[number] ?? `state ${number}`;
}
