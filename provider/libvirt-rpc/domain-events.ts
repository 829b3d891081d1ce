import { readDomain, writeDomain, type LibvirtDomain } from "./domain";
import { LibvirtProtocolError } from "./errors";
import { MAX_EVENT_DETAILS_BYTES } from "./limits";
import { Qemu, Remote, type Procedure } from "./procedures";
import type { SubscriptionSpec } from "./subscription";
import type { XdrReader } from "./xdr-reader";

/** One event of the guest's QEMU. */
export interface MonitorEvent {
  /** QMP's name of it, e.g. "DEVICE_DELETED". */
  readonly event: string;
  /** QMP's `data`, parsed; undefined where the event has none. */
  readonly details: unknown;
  /** When QEMU sent it, by the host's clock. */
  readonly seconds: number;
  readonly micros: number;
}

/** virDomainEventType in words; the order is that of libvirt's numbers. */
const lifecycleNames = [
  "defined",
  "undefined",
  "started",
  "suspended",
  "resumed",
  "stopped",
  "shutdown",
  "pmsuspended",
  "crashed",
] as const;

/** A guest was started, stopped, … */
export interface LifecycleEvent {
  /** "shutdown" is on the way to "stopped"; "unknown" is one that libvirt 11.3 did not have. */
  readonly event: (typeof lifecycleNames)[number] | "unknown";
  /** The reason; its meaning depends on the event (libvirt-domain.h). */
  readonly detail: number;
}

/** virDomainEventID, of the events used here. */
const EventId = { LIFECYCLE: 0, DEVICE_REMOVED: 15 } as const;

/** All QEMU events of this guest, without a filter. */
export function monitorEvents(domain: LibvirtDomain): SubscriptionSpec<MonitorEvent> {
  return {
    kind: { message: Qemu.MONITOR_EVENT, read: readMonitorEvent },
    register: Qemu.MONITOR_EVENT_REGISTER,
    // the guest is optional here: 1, then the guest; then no name to filter by; then no flags
    registerArgs: (writer) => writeDomain(writer.u32(1), domain).optionalString(undefined).u32(0),
    deregister: Qemu.MONITOR_EVENT_DEREGISTER,
  };
}

export function lifecycleEvents(domain: LibvirtDomain): SubscriptionSpec<LifecycleEvent> {
  return domainEvents(domain, EventId.LIFECYCLE, Remote.DOMAIN_EVENT_LIFECYCLE, (reader) => ({
    event: lifecycleNames[reader.i32()] ?? "unknown",
    detail: reader.i32(),
  }));
}

export function deviceRemovedEvents(domain: LibvirtDomain): SubscriptionSpec<{ readonly alias: string }> {
  return domainEvents(domain, EventId.DEVICE_REMOVED, Remote.DOMAIN_EVENT_DEVICE_REMOVED, (reader) => ({
    alias: reader.string(),
  }));
}

function domainEvents<E>(
  domain: LibvirtDomain,
  eventId: number,
  message: Procedure,
  readRest: (reader: XdrReader) => E,
): SubscriptionSpec<E> {
  const read = (reader: XdrReader) => {
    readDomain(reader); // the guest that was registered for
    return readRest(reader);
  };
  return {
    kind: { message, read },
    register: Remote.DOMAIN_EVENT_REGISTER,
    registerArgs: (writer) => writeDomain(writer.i32(eventId).u32(1), domain),
    deregister: Remote.DOMAIN_EVENT_DEREGISTER,
  };
}

function readMonitorEvent(reader: XdrReader): MonitorEvent {
  readDomain(reader);
  const event = reader.string();
  const seconds = reader.safeInteger();
  const micros = reader.u32();
  const details = reader.optionalString(MAX_EVENT_DETAILS_BYTES);
  return {
    event,
    details: details === undefined ? undefined : parseDetails(event, details),
    seconds,
    micros,
  };
}

function parseDetails(event: string, json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new LibvirtProtocolError(`the details of the monitor event ${event.slice(0, 100)} are not JSON`, {
      cause,
    });
  }
}
