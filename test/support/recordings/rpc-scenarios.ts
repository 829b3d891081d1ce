import type { Duplex } from "node:stream";
import {
  LibvirtClient,
  LibvirtError,
  type LifecycleEvent,
  type MonitorEvent,
} from "../../../provider/libvirt-rpc";
import { Keepalive, Remote } from "../../../provider/libvirt-rpc/procedures";
import { RpcConnection } from "../../../provider/libvirt-rpc/rpc-connection";

/**
 * What is said to a real libvirtd when a recording is made, and to its recording when it is replayed: the
 * same code, so that every byte of the client can be compared. Each returns what the client made of the
 * answers.
 */
export interface Scenario<T = unknown> {
  /** Who calls: root, a member of the group libvirt, or neither. */
  readonly user: "root" | "operator" | "outsider";
  /** Shell commands on the host, as root, before and after. */
  readonly prepare?: string;
  readonly cleanUp?: string;
  readonly run: (stream: Duplex) => Promise<T>;
}

const uri = "qemu:///system";
const guestName = "guest2";
const hostFunction = "pci_0000_02_00_1";
const namespace = "https://example.org/recording/1";

function hostdev(options: { alias: string; guestAddress: string }): string {
  return (
    `<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>` +
    `<source><address domain='0x0000' bus='0x02' slot='0x00' function='0x1'/></source>` +
    `<alias name='${options.alias}'/>${options.guestAddress}</hostdev>`
  );
}

const unassigned = "<address type='unassigned'/>";
const secondFunction =
  "<address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x1' multifunction='on'/>";

/** The number of the error that a call must end with. */
async function refusalOf(call: Promise<unknown>): Promise<{ code: number; domain: number; text: string }> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LibvirtError)) throw new Error("expected a refusal", { cause: error });
  return { code: error.code, domain: error.domain, text: error.libvirtMessage };
}

/** Collects events until an expected one has come. */
class EventLog<E> {
  readonly events: E[] = [];
  #onEvent: (() => void) | undefined;

  readonly listener = (event: E): void => {
    this.events.push(event);
    this.#onEvent?.();
  };

  async until(isExpected: (event: E) => boolean): Promise<void> {
    while (!this.events.some(isExpected)) await new Promise<void>((resolve) => (this.#onEvent = resolve));
  }
}

function scenario<T>(definition: Scenario<T>): Scenario<T> {
  return definition;
}

const openAndClose = async (stream: Duplex) => {
  const client = await LibvirtClient.open(stream, { uri });
  const version = await client.libVersion();
  await client.close();
  return { version, closedWith: await client.closed };
};

export const scenarios = {
  "open-as-root": scenario({ user: "root", run: openAndClose }),

  "open-as-group-member": scenario({ user: "operator", run: openAndClose }),

  "open-not-authorised": scenario({
    user: "outsider",
    run: (stream) => refusalOf(LibvirtClient.open(stream, { uri })),
  }),

  "open-unknown-driver": scenario({
    user: "root",
    run: (stream) => refusalOf(LibvirtClient.open(stream, { uri: "nosuch:///system" })),
  }),

  lookup: scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const byName = await client.lookupDomain(guestName);
      const outcome = {
        byName,
        byUuid: await client.lookupDomain(byName.uuid.toUpperCase()),
        unknownName: await refusalOf(client.lookupDomain("no-such-guest")),
        unknownUuid: await refusalOf(client.lookupDomain("00000000-0000-4000-8000-000000000000")),
        all: await client.listDomains(),
      };
      await client.close();
      return outcome;
    },
  }),

  describe: scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const outcome = {
        state: await client.domainState(guest),
        liveXml: await client.domainXml(guest),
        inactiveXml: await client.domainXml(guest, { inactive: true }),
        capabilities: await client.capabilities(),
      };
      await client.close();
      return outcome;
    },
  }),

  "node-devices": scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const outcome = {
        pci: await client.listPciNodeDevices(),
        xml: await client.nodeDeviceXml(hostFunction),
        unknown: await refusalOf(client.nodeDeviceXml("pci_0000_ff_00_0")),
      };
      await client.close();
      return outcome;
    },
  }),

  metadata: scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const outcome: Record<string, string | undefined> = {};
      for (const target of ["live", "config"] as const) {
        const where = { uri: namespace, target };
        outcome[`${target} before`] = await client.getMetadata(guest, where);
        const xml = `<owner token="${target}">é</owner>`;
        await client.setMetadata(guest, { ...where, key: "rec", xml });
        outcome[`${target} set`] = await client.getMetadata(guest, where);
        await client.setMetadata(guest, { ...where, key: "rec", xml: undefined });
        outcome[`${target} removed`] = await client.getMetadata(guest, where);
      }
      await client.close();
      return outcome;
    },
  }),

  "hold-and-release": scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const first = hostdev({ alias: "ua-recording-1", guestAddress: unassigned });
      await client.attachDevice(guest, first, "live");
      const held = {
        xml: await client.domainXml(guest),
        sameAlias: await refusalOf(client.attachDevice(guest, first, "live")),
        inUse: await refusalOf(
          client.attachDevice(guest, hostdev({ alias: "ua-recording-2", guestAddress: unassigned }), "live"),
        ),
        reattachWhileHeld: await refusalOf(client.nodeDeviceReattach(hostFunction)),
      };
      await client.detachDevice(guest, first, "live");
      const released = {
        detachAgain: await refusalOf(client.detachDevice(guest, first, "live")),
        secondFunction: await refusalOf(
          client.attachDevice(
            guest,
            hostdev({ alias: "ua-recording-3", guestAddress: secondFunction }),
            "live",
          ),
        ),
        unknownGuest: await refusalOf(
          client.attachDevice(
            { name: "no-such-guest", uuid: "00000000-0000-4000-8000-000000000000", id: -1 },
            first,
            "live",
          ),
        ),
      };
      await client.nodeDeviceReattach(hostFunction);
      await client.close();
      return { ...held, ...released };
    },
  }),

  "monitor-command": scenario({
    user: "operator",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const outcome = {
        status: await client.monitorCommand(guest, '{"execute":"query-status"}'),
        error: await client.monitorCommand(guest, '{"execute":"device_del","arguments":{"id":"nosuch"}}'),
      };
      await client.close();
      return outcome;
    },
  }),

  "guest-shut-off": scenario({
    user: "root",
    prepare:
      "printf '%s' \"<domain type='qemu'><name>recording-spare</name>" +
      "<uuid>33333333-3333-4333-8333-333333333333</uuid><memory unit='MiB'>64</memory>" +
      "<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>\" > /run/recording-spare.xml && " +
      "virsh define /run/recording-spare.xml",
    cleanUp: "virsh undefine recording-spare; rm -f /run/recording-spare.xml",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain("recording-spare");
      const outcome = {
        guest,
        state: await client.domainState(guest),
        command: await refusalOf(client.monitorCommand(guest, '{"execute":"query-status"}')),
        metadata: await refusalOf(client.getMetadata(guest, { uri: namespace, target: "live" })),
      };
      await client.close();
      return outcome;
    },
  }),

  events: scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const monitor = new EventLog<MonitorEvent>();
      const lifecycle = new EventLog<LifecycleEvent>();
      const removed = new EventLog<{ readonly alias: string }>();
      const unsubscribes = [
        await client.onMonitorEvent(guest, monitor.listener),
        await client.onLifecycleEvent(guest, lifecycle.listener),
        await client.onDeviceRemovedEvent(guest, removed.listener),
      ];
      await client.monitorCommand(guest, '{"execute":"stop"}');
      await monitor.until(({ event }) => event === "STOP");
      await lifecycle.until(({ event }) => event === "suspended");
      await client.monitorCommand(guest, '{"execute":"cont"}');
      await monitor.until(({ event }) => event === "RESUME");
      await lifecycle.until(({ event }) => event === "resumed");
      const plug =
        '{"execute":"device_add","arguments":{"driver":"virtio-rng-pci","id":"rec0","bus":"pci.8"}}';
      await client.monitorCommand(guest, plug);
      await client.monitorCommand(guest, '{"execute":"device_del","arguments":{"id":"rec0"}}');
      await monitor.until(isDeletionOf("rec0"));
      for (const unsubscribe of unsubscribes) await unsubscribe();
      await client.close();
      return { monitor: monitor.events, lifecycle: lifecycle.events, removed: removed.events };
    },
  }),

  "device-removed-event": scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const removed = new EventLog<{ readonly alias: string }>();
      const unsubscribe = await client.onDeviceRemovedEvent(guest, removed.listener);
      const generator =
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend><alias name='ua-recording-rng'/></rng>";
      await client.attachDevice(guest, generator, "live");
      await client.detachDevice(guest, generator, "live");
      await removed.until(() => true);
      await unsubscribe();
      await client.close();
      return removed.events;
    },
  }),

  "six-calls-at-once": scenario({
    user: "root",
    run: async (stream) => {
      const client = await LibvirtClient.open(stream, { uri });
      const guest = await client.lookupDomain(guestName);
      const commands = [
        "query-status",
        "query-kvm",
        "query-name",
        "query-uuid",
        "query-version",
        "query-target",
      ];
      const answers = await Promise.all(
        commands.map((execute) => client.monitorCommand(guest, JSON.stringify({ execute }))),
      );
      await client.close();
      return answers.map((answer) => Object.keys((JSON.parse(answer) as { return: object }).return));
    },
  }),

  // A libvirtd pings only clients that have asked for it, after five seconds of silence.
  keepalive: scenario({
    user: "root",
    run: async (stream) => {
      const pings = new EventLog<number>();
      stream.on("data", (message: Buffer) => {
        if (message.readUInt32BE(4) === Keepalive.PING.program) pings.listener(message.readUInt32BE(12));
      });
      const connection = new RpcConnection(stream, 4);
      await connection.call({
        procedure: Remote.AUTH_LIST,
        result: (reader) => [reader.u32(), reader.u32()],
      });
      await connection.call({
        procedure: Remote.CONNECT_OPEN,
        args: (writer) => writer.optionalString(uri).u32(0),
        result: () => undefined,
      });
      const supported = await connection.call({
        procedure: { program: Remote.CONNECT_OPEN.program, number: 60, name: "CONNECT_SUPPORTS_FEATURE" },
        args: (writer) => writer.i32(10),
        result: (reader) => reader.i32(),
      });
      await pings.until(() => pings.events.length === 2);
      await connection.close(Remote.CONNECT_CLOSE);
      return { supported, pings: pings.events, closedWith: await connection.closed };
    },
  }),
};

export type ScenarioName = keyof typeof scenarios;

function isDeletionOf(id: string): (event: MonitorEvent) => boolean {
  return ({ event, details }) =>
    event === "DEVICE_DELETED" && (details as { device?: string } | undefined)?.device === id;
}
