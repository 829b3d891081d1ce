import type { ByteStream } from "../async/byte-stream";
import {
  findUuidBytes,
  readDomain,
  readDomainState,
  writeDomain,
  type DomainStateInfo,
  type LibvirtDomain,
} from "./domain";
import {
  deviceRemovedEvents,
  lifecycleEvents,
  monitorEvents,
  type LifecycleEvent,
  type MonitorEvent,
} from "./domain-events";
import { LibvirtAuthenticationError, LibvirtErrorCode } from "./errors";
import { MAX_AUTH_TYPES, MAX_DOMAINS, MAX_NODE_DEVICES } from "./limits";
import { Qemu, Remote } from "./procedures";
import { RpcConnection } from "./rpc-connection";
import { subscribe, type Unsubscribe } from "./subscription";
import { undefinedOnError } from "./undefined-on-error";
import type { XdrReader } from "./xdr-reader";

/** libvirtd serves five calls of one client at once; the fifth place is left to the goodbye and to pings. */
const DEFAULT_MAX_CALLS_IN_FLIGHT = 4;

/** How libvirtd may want to know who calls (remote_auth_type). */
const AuthType = { NONE: 0, POLKIT: 2 } as const;

/** VIR_DOMAIN_METADATA_ELEMENT: an own XML element of an application, found by its namespace. */
const METADATA_ELEMENT = 2;

/** VIR_DOMAIN_XML_INACTIVE. */
const XML_INACTIVE = 2;

/** VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV. */
const NODE_DEVICES_PCI = 2;

/** VIR_DOMAIN_AFFECT_LIVE and VIR_DOMAIN_AFFECT_CONFIG. */
const affectFlags = { live: 1, config: 2 } as const;

/** Which of a guest's two descriptions is meant: the running guest, or what the next cold boot will use. */
export type DomainTarget = keyof typeof affectFlags;

/** A device of the host, as the node device driver names it, e.g. "pci_0000_01_00_0". */
export interface LibvirtNodeDevice {
  readonly name: string;
}

/**
 * A connection to libvirtd over any stream that reaches its socket: the calls that this project needs, typed.
 *
 * Every call may reject with
 * - {@link LibvirtError}: libvirt refused; the connection is as good as before;
 * - LibvirtProtocolError, LibvirtDisconnectedError: the connection has ended, see
 *   {@link LibvirtClient.closed};
 * - the signal's reason: nobody waits any more. Aborting *undoes nothing*: a call that was already sent is
 *   carried out all the same (one that was still queued is not);
 * - RangeError, TypeError: an argument that the protocol cannot carry; nothing was sent.
 *
 * XML and QMP are passed through as text; nothing here reads them.
 *
 * @example
 * const libvirt = await LibvirtClient.open(stream, { uri: "qemu:///system", signal });
 * const guest = await libvirt.lookupDomain("guest1", signal);
 * console.log(await libvirt.domainState(guest, signal));
 * await libvirt.close();
 */
export class LibvirtClient {
  private constructor(private readonly connection: RpcConnection) {}

  /**
   * Authenticates (none or polkit, whichever libvirtd offers) and opens the driver of `uri`.
   *
   * The stream belongs to the client from here on; it is destroyed with the connection, and when opening
   * fails.
   *
   * @param options.maxCallsInFlight calls that may be with libvirtd at once (default 4; it serves five).
   * @throws LibvirtAuthenticationError when libvirtd offers neither; LibvirtError AUTH_UNAVAILABLE or
   * AUTH_FAILED when polkit says no.
   */
  static async open(
    stream: ByteStream,
    options: { uri: string; signal?: AbortSignal; maxCallsInFlight?: number },
  ): Promise<LibvirtClient> {
    const { uri, signal, maxCallsInFlight = DEFAULT_MAX_CALLS_IN_FLIGHT } = options;
    const connection = new RpcConnection(stream, maxCallsInFlight);
    try {
      await authenticate(connection, signal);
      await connection.call(
        {
          procedure: Remote.CONNECT_OPEN,
          args: (writer) => writer.optionalString(uri).u32(0),
          result: nothing,
        },
        signal,
      );
      return new LibvirtClient(connection);
    } catch (error) {
      connection.end(error as Error);
      throw error;
    }
  }

  /** Resolves, never rejects, when the connection has ended: with the cause, or undefined after `close()`. */
  get closed(): Promise<Error | undefined> {
    return this.connection.closed;
  }

  /** libvirt's version on the host: major * 1,000,000 + minor * 1,000 + release, e.g. 11003000. */
  libVersion(signal?: AbortSignal): Promise<number> {
    return this.connection.call(
      { procedure: Remote.CONNECT_GET_LIB_VERSION, result: (reader) => reader.safeInteger() },
      signal,
    );
  }

  /** The capabilities XML of the host (its UUID, CPU, guest types). */
  capabilities(signal?: AbortSignal): Promise<string> {
    return this.connection.call(
      { procedure: Remote.CONNECT_GET_CAPABILITIES, result: (reader) => reader.string() },
      signal,
    );
  }

  /**
   * Finds a guest. What looks like a UUID is tried as one first, and then as a name.
   *
   * @throws LibvirtError NO_DOMAIN when there is none.
   */
  async lookupDomain(nameOrUuid: string, signal?: AbortSignal): Promise<LibvirtDomain> {
    const uuid = findUuidBytes(nameOrUuid);
    if (uuid !== undefined) {
      const found = await undefinedOnError(LibvirtErrorCode.NO_DOMAIN, () =>
        this.connection.call(
          {
            procedure: Remote.DOMAIN_LOOKUP_BY_UUID,
            args: (writer) => writer.fixedOpaque(uuid),
            result: readDomain,
          },
          signal,
        ),
      );
      if (found !== undefined) return found;
    }
    return this.connection.call(
      {
        procedure: Remote.DOMAIN_LOOKUP_BY_NAME,
        args: (writer) => writer.string(nameOrUuid),
        result: readDomain,
      },
      signal,
    );
  }

  /** @param flags virConnectListAllDomainsFlags; 0 lists all, running or not. */
  listDomains(flags = 0, signal?: AbortSignal): Promise<LibvirtDomain[]> {
    return this.connection.call(
      {
        procedure: Remote.CONNECT_LIST_ALL_DOMAINS,
        args: (writer) => writer.i32(1).u32(flags), // 1: the names too, not only their number
        result: (reader) => {
          const domains = reader.list(MAX_DOMAINS, () => readDomain(reader));
          reader.u32(); // their number once more
          return domains;
        },
      },
      signal,
    );
  }

  /** What the guest is doing, and why; the reason's meaning depends on the state (libvirt-domain.h). */
  domainState(domain: LibvirtDomain, signal?: AbortSignal): Promise<DomainStateInfo> {
    return this.connection.call(
      {
        procedure: Remote.DOMAIN_GET_STATE,
        args: (writer) => writeDomain(writer, domain).u32(0),
        result: (reader) => ({ state: readDomainState(reader), reason: reader.i32() }),
      },
      signal,
    );
  }

  /** @param options.inactive the persistent description instead of the running guest's (default false). */
  domainXml(
    domain: LibvirtDomain,
    options: { inactive?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<string> {
    return this.connection.call(
      {
        procedure: Remote.DOMAIN_GET_XML_DESC,
        args: (writer) => writeDomain(writer, domain).u32(options.inactive === true ? XML_INACTIVE : 0),
        result: (reader) => reader.string(),
      },
      signal,
    );
  }

  /** The metadata element of this namespace, or undefined when there is none. */
  getMetadata(
    domain: LibvirtDomain,
    options: { uri: string; target: DomainTarget },
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    return undefinedOnError(LibvirtErrorCode.NO_DOMAIN_METADATA, () =>
      this.connection.call(
        {
          procedure: Remote.DOMAIN_GET_METADATA,
          args: (writer) =>
            writeDomain(writer, domain)
              .i32(METADATA_ELEMENT)
              .optionalString(options.uri)
              .u32(affectFlags[options.target]),
          result: (reader) => reader.string(),
        },
        signal,
      ),
    );
  }

  /**
   * Replaces the metadata element of this namespace; libvirt adds the namespace declaration under the prefix
   * `key`.
   *
   * @param options.xml one XML element, or undefined to remove what is there (nothing there is no error).
   */
  setMetadata(
    domain: LibvirtDomain,
    options: { uri: string; key: string; xml: string | undefined; target: DomainTarget },
    signal?: AbortSignal,
  ): Promise<void> {
    return this.connection.call(
      {
        procedure: Remote.DOMAIN_SET_METADATA,
        args: (writer) =>
          writeDomain(writer, domain)
            .i32(METADATA_ELEMENT)
            .optionalString(options.xml)
            .optionalString(options.key)
            .optionalString(options.uri)
            .u32(affectFlags[options.target]),
        result: nothing,
      },
      signal,
    );
  }

  /**
   * Gives a device to the running guest, or adds it to the persistent description.
   *
   * @throws LibvirtError OPERATION_INVALID: the device is in use; CONFIG_UNSUPPORTED: its alias is taken;
   * OPERATION_TIMEOUT: someone else holds the guest's job for 30 s.
   */
  attachDevice(
    domain: LibvirtDomain,
    xml: string,
    target: DomainTarget,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.connection.call(
      {
        procedure: Remote.DOMAIN_ATTACH_DEVICE_FLAGS,
        args: (writer) => writeDomain(writer, domain).string(xml).u32(affectFlags[target]),
        result: nothing,
      },
      signal,
    );
  }

  /**
   * Takes a device away. Success says that libvirt asked, not that the guest let go: look.
   *
   * @throws LibvirtError DEVICE_MISSING when the guest has no such device.
   */
  detachDevice(
    domain: LibvirtDomain,
    xml: string,
    target: DomainTarget,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.connection.call(
      {
        procedure: Remote.DOMAIN_DETACH_DEVICE_FLAGS,
        args: (writer) => writeDomain(writer, domain).string(xml).u32(affectFlags[target]),
        result: nothing,
      },
      signal,
    );
  }

  /** Every PCI function of the host. */
  listPciNodeDevices(signal?: AbortSignal): Promise<LibvirtNodeDevice[]> {
    return this.listNodeDevices(NODE_DEVICES_PCI, signal);
  }

  /** @param flags virConnectListAllNodeDeviceFlags; 0 lists all. */
  listNodeDevices(flags = 0, signal?: AbortSignal): Promise<LibvirtNodeDevice[]> {
    return this.connection.call(
      {
        procedure: Remote.CONNECT_LIST_ALL_NODE_DEVICES,
        args: (writer) => writer.i32(1).u32(flags),
        result: (reader) => {
          const devices = reader.list(MAX_NODE_DEVICES, () => ({ name: reader.string() }));
          reader.u32();
          return devices;
        },
      },
      signal,
    );
  }

  /** @throws LibvirtError NO_NODE_DEVICE when there is none of this name. */
  nodeDeviceXml(name: string, signal?: AbortSignal): Promise<string> {
    return this.connection.call(
      {
        procedure: Remote.NODE_DEVICE_GET_XML_DESC,
        args: (writer) => writer.string(name).u32(0),
        result: (reader) => reader.string(),
      },
      signal,
    );
  }

  /**
   * Takes a host device from its driver and binds it to vfio-pci; one that is on it already stays there.
   *
   * @throws LibvirtError OPERATION_INVALID when a guest holds it; NO_NODE_DEVICE.
   */
  nodeDeviceDetach(name: string, signal?: AbortSignal): Promise<void> {
    return this.connection.call(
      {
        procedure: Remote.NODE_DEVICE_DETTACH,
        args: (writer) => writer.string(name),
        result: nothing,
      },
      signal,
    );
  }

  /**
   * Gives a host device back to its host driver. One that this libvirtd has not detached is left as it is.
   *
   * @throws LibvirtError OPERATION_INVALID when a guest holds it; NO_NODE_DEVICE.
   */
  nodeDeviceReattach(name: string, signal?: AbortSignal): Promise<void> {
    return this.connection.call(
      {
        procedure: Remote.NODE_DEVICE_RE_ATTACH,
        args: (writer) => writer.string(name),
        result: nothing,
      },
      signal,
    );
  }

  /**
   * Runs one QMP command in the guest's QEMU and returns its answer as it stands; a QMP error is an answer
   * too. libvirt marks the guest as tainted (custom-monitor), once.
   *
   * @param json the whole command, e.g. `{"execute":"query-pci"}`.
   * @throws LibvirtError OPERATION_INVALID when the guest is not running.
   */
  monitorCommand(domain: LibvirtDomain, json: string, signal?: AbortSignal): Promise<string> {
    return this.connection.call(
      {
        procedure: Qemu.MONITOR_COMMAND,
        args: (writer) => writeDomain(writer, domain).string(json).u32(0), // 0: QMP, not HMP
        result: (reader) => reader.string(),
      },
      signal,
    );
  }

  /**
   * Calls the listener for every event of the guest's QEMU, from the moment that this resolves (or some
   * moments before).
   *
   * Listeners of this client run while the messages are read, in the order in which libvirtd sent them, an
   * event before the continuation of any later reply. A listener must not throw: that ends the connection,
   * for an event would be lost unseen.
   */
  onMonitorEvent(
    domain: LibvirtDomain,
    listener: (event: MonitorEvent) => void,
    signal?: AbortSignal,
  ): Promise<Unsubscribe> {
    return subscribe(this.connection, monitorEvents(domain), listener, signal);
  }

  /** As {@link LibvirtClient.onMonitorEvent}, for the starts and stops of the guest. */
  onLifecycleEvent(
    domain: LibvirtDomain,
    listener: (event: LifecycleEvent) => void,
    signal?: AbortSignal,
  ): Promise<Unsubscribe> {
    return subscribe(this.connection, lifecycleEvents(domain), listener, signal);
  }

  /** As {@link LibvirtClient.onMonitorEvent}, for devices that libvirt itself has seen leave the guest. */
  onDeviceRemovedEvent(
    domain: LibvirtDomain,
    listener: (event: { readonly alias: string }) => void,
    signal?: AbortSignal,
  ): Promise<Unsubscribe> {
    return subscribe(this.connection, deviceRemovedEvents(domain), listener, signal);
  }

  /**
   * Says goodbye to libvirtd, waits for its answer for at most a second, and ends the connection. Calls that
   * are under way are rejected with LibvirtDisconnectedError; listeners hear nothing more from this moment
   * on. Never rejects; may be called again.
   */
  close(): Promise<void> {
    return this.connection.close(Remote.CONNECT_CLOSE);
  }
}

async function authenticate(connection: RpcConnection, signal: AbortSignal | undefined): Promise<void> {
  const offered = await connection.call(
    {
      procedure: Remote.AUTH_LIST,
      result: (reader) => reader.list(MAX_AUTH_TYPES, () => reader.u32()),
    },
    signal,
  );
  if (offered.includes(AuthType.NONE)) return;
  if (!offered.includes(AuthType.POLKIT)) throw new LibvirtAuthenticationError(offered);
  await connection.call(
    {
      procedure: Remote.AUTH_POLKIT,
      result: (reader) => void reader.i32(), // "complete": a refusal comes as an error
    },
    signal,
  );
}

function nothing(_reader: XdrReader): void {
  // the reply has no body; whoever calls this checks that nothing is left over
}
