import {
  LibvirtDisconnectedError,
  LibvirtError,
  LibvirtProtocolError,
  type LibvirtClient,
  type LibvirtDomain,
  type LifecycleEvent,
  type MonitorEvent,
} from "../../../provider/libvirt-rpc";
import { writeDomain } from "../../../provider/libvirt-rpc/domain";
import { MAX_EARLY_EVENTS } from "../../../provider/libvirt-rpc/limits";
import { Qemu, Remote } from "../../../provider/libvirt-rpc/procedures";
import type { XdrWriter } from "../../../provider/libvirt-rpc/xdr-writer";
import { ScriptedPeer, settle } from "./support/scripted-peer";

const guest: LibvirtDomain = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111", id: 3 };

const deleted = (callbackId: number, device: string) => (writer: XdrWriter) =>
  writeDomain(writer.i32(callbackId), guest)
    .string("DEVICE_DELETED")
    .u64(1_700_000_000n)
    .u32(42)
    .optionalString(JSON.stringify({ device }));

const lifecycle = (callbackId: number, event: number, detail: number) => (writer: XdrWriter) =>
  writeDomain(writer.i32(callbackId), guest).i32(event).i32(detail);

function devices(events: readonly MonitorEvent[]): unknown[] {
  return events.map(({ details }) => (details as { device: string }).device);
}

async function subscribed(callbackId: number, open?: { client: LibvirtClient; peer: ScriptedPeer }) {
  const { client, peer } = open ?? (await ScriptedPeer.open());
  const events: MonitorEvent[] = [];
  const subscribing = client.onMonitorEvent(guest, (event) => events.push(event));
  peer.reply(await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER), (writer) => writer.i32(callbackId));
  return { client, peer, events, unsubscribe: await subscribing };
}

describe("A subscription to monitor events", () => {
  test("asks for all events of the one guest", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const subscribing = client.onMonitorEvent(guest, () => undefined);
    const { args } = await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER);
    expect([args.u32(), args.string()]).toEqual([1, "guest1"]);
    args.fixedOpaque(16);
    expect([args.i32(), args.optionalString(), args.u32()]).toEqual([3, undefined, 0]);
    args.end();
    peer.hangUp();
    await expect(subscribing).rejects.toBeInstanceOf(LibvirtDisconnectedError);
  });

  test("brings the event's name, parsed details and time", async () => {
    const { peer, events } = await subscribed(0);
    peer.event(Qemu.MONITOR_EVENT, deleted(0, "mf1"));
    peer.event(Qemu.MONITOR_EVENT, (writer) =>
      writeDomain(writer.i32(0), guest).string("STOP").u64(7n).u32(8).optionalString(undefined),
    );
    await settle();
    expect(events).toEqual([
      { event: "DEVICE_DELETED", details: { device: "mf1" }, seconds: 1_700_000_000, micros: 42 },
      { event: "STOP", details: undefined, seconds: 7, micros: 8 },
    ]);
  });

  test("brings an event that came before its command's reply, before that reply", async () => {
    const { client, peer, events } = await subscribed(5);
    let eventsAtReply: number | undefined;
    const command = client.monitorCommand(guest, "device_del").then(() => (eventsAtReply = events.length));
    const call = await peer.expectCall(Qemu.MONITOR_COMMAND);
    peer.sendBytes(
      Buffer.concat([
        peer.formatEvent(Qemu.MONITOR_EVENT, deleted(5, "mf3")),
        peer.formatReply(call, (writer) => writer.string("{}")),
      ]),
    );
    await command;
    expect(eventsAtReply).toBe(1);
  });

  test("keeps events from before its registration's reply, in order, for the right listener", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const events: MonitorEvent[] = [];
    const subscribing = client.onMonitorEvent(guest, (event) => events.push(event));
    const call = await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER);
    peer.event(Qemu.MONITOR_EVENT, deleted(6, "someone else's"));
    peer.event(Qemu.MONITOR_EVENT, deleted(7, "first"));
    peer.event(Qemu.MONITOR_EVENT, deleted(7, "second"));
    await settle();
    expect(events).toEqual([]);
    peer.sendBytes(
      Buffer.concat([
        peer.formatReply(call, (writer) => writer.i32(7)),
        peer.formatEvent(Qemu.MONITOR_EVENT, deleted(7, "third")),
      ]),
    );
    await subscribing;
    expect(devices(events)).toEqual(["first", "second", "third"]);
  });

  test("ends the connection rather than keep a flood of such events", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const subscribing = client.onMonitorEvent(guest, () => undefined);
    await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER);
    for (let count = 0; count <= MAX_EARLY_EVENTS; count++) peer.event(Qemu.MONITOR_EVENT, deleted(1, "x"));
    await expect(subscribing).rejects.toBeInstanceOf(LibvirtProtocolError);
  });

  test("does not hand events of a refused registration to the next one", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const refused = client.onMonitorEvent(guest, () => undefined);
    const call = await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER);
    peer.event(Qemu.MONITOR_EVENT, deleted(0, "stale"));
    peer.refuse(call, { code: 1 });
    await expect(refused).rejects.toBeInstanceOf(LibvirtError);
    const { events } = await subscribed(0, { client, peer });
    expect(events).toEqual([]);
  });

  test("gets no events that came for its callback number before its request", async () => {
    const first = await subscribed(1);
    first.peer.event(Qemu.MONITOR_EVENT, deleted(2, "of a callback that is gone"));
    await settle();
    const second = await subscribed(2, first);
    expect(second.events).toEqual([]);
  });

  test("brings each of two listeners its own events only", async () => {
    const first = await subscribed(1);
    const second = await subscribed(2, first);
    first.peer.event(Qemu.MONITOR_EVENT, deleted(2, "b"));
    first.peer.event(Qemu.MONITOR_EVENT, deleted(1, "a"));
    first.peer.event(Qemu.MONITOR_EVENT, deleted(3, "nobody's"));
    await settle();
    expect(devices(first.events)).toEqual(["a"]);
    expect(devices(second.events)).toEqual(["b"]);
  });

  test("is deaf from the moment of unsubscribing, before libvirtd has even answered", async () => {
    const { peer, events, unsubscribe } = await subscribed(4);
    const unsubscribed = unsubscribe();
    const call = await peer.expectCall(Qemu.MONITOR_EVENT_DEREGISTER);
    expect(call.args.i32()).toBe(4);
    peer.event(Qemu.MONITOR_EVENT, deleted(4, "late"));
    peer.reply(call);
    await unsubscribed;
    peer.event(Qemu.MONITOR_EVENT, deleted(4, "later"));
    await settle();
    expect(events).toEqual([]);
    await unsubscribe();
    peer.finish();
  });

  test("is unsubscribed without an error when the connection is gone or goes meanwhile", async () => {
    const gone = await subscribed(1);
    gone.peer.hangUp();
    await gone.client.closed;
    await gone.unsubscribe();

    const going = await subscribed(1);
    const unsubscribed = going.unsubscribe();
    await going.peer.expectCall(Qemu.MONITOR_EVENT_DEREGISTER);
    going.peer.hangUp();
    await unsubscribed;
  });

  test("says so when libvirt refuses to unsubscribe, or when nobody waits any more", async () => {
    const refused = await subscribed(1);
    const unsubscribed = refused.unsubscribe();
    refused.peer.refuse(await refused.peer.expectCall(Qemu.MONITOR_EVENT_DEREGISTER), { code: 1 });
    await expect(unsubscribed).rejects.toBeInstanceOf(LibvirtError);

    const hanging = await subscribed(1);
    await expect(hanging.unsubscribe(AbortSignal.abort(new Error("deadline")))).rejects.toThrow("deadline");
  });

  test("that is aborted during registration is taken back, and hears nothing", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const abort = new AbortController();
    const listener = jest.fn();
    const subscribing = client.onMonitorEvent(guest, listener, abort.signal);
    const call = await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER);
    abort.abort(new Error("deadline"));
    await expect(subscribing).rejects.toThrow("deadline");
    peer.event(Qemu.MONITOR_EVENT, deleted(9, "early"));
    peer.reply(call, (writer) => writer.i32(9));
    const deregistration = await peer.expectCall(Qemu.MONITOR_EVENT_DEREGISTER);
    expect(deregistration.args.i32()).toBe(9);
    peer.event(Qemu.MONITOR_EVENT, deleted(9, "late"));
    peer.reply(deregistration);
    await settle();
    expect(listener).not.toHaveBeenCalled();
    peer.finish();
  });

  test("whose listener throws ends the connection with that error", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const broken = new Error("a bug in the listener");
    const subscribing = client.onMonitorEvent(guest, () => {
      throw broken;
    });
    peer.reply(await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER), (writer) => writer.i32(1));
    await subscribing;
    peer.event(Qemu.MONITOR_EVENT, deleted(1, "x"));
    expect(await client.closed).toBe(broken);
  });

  test("whose listener closes the client gets no further events", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const seen: MonitorEvent[] = [];
    const subscribing = client.onMonitorEvent(guest, (event) => {
      seen.push(event);
      void client.close();
    });
    peer.reply(await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER), (writer) => writer.i32(1));
    await subscribing;
    peer.sendBytes(
      Buffer.concat([
        peer.formatEvent(Qemu.MONITOR_EVENT, deleted(1, "a")),
        peer.formatEvent(Qemu.MONITOR_EVENT, deleted(1, "b")),
      ]),
    );
    peer.reply(await peer.expectCall(Remote.CONNECT_CLOSE));
    expect(await client.closed).toBeUndefined();
    expect(devices(seen)).toEqual(["a"]);
  });

  test.each([
    ["with details that are not JSON", (writer: XdrWriter) => writer.optionalString("{'device':")],
    ["that is too short", (writer: XdrWriter) => writer.u32(1)],
    ["that is too long", (writer: XdrWriter) => writer.optionalString("{}").u32(0)],
  ])("ends the connection on an event %s", async (_what, rest) => {
    const { client, peer } = await subscribed(1);
    peer.event(Qemu.MONITOR_EVENT, (writer) =>
      rest(writeDomain(writer.i32(1), guest).string("DEVICE_DELETED").u64(1n).u32(1)),
    );
    expect(await client.closed).toBeInstanceOf(LibvirtProtocolError);
  });
});

describe("A subscription to lifecycle events", () => {
  async function subscribedToLifecycle() {
    const { client, peer } = await ScriptedPeer.open();
    const events: LifecycleEvent[] = [];
    const subscribing = client.onLifecycleEvent(guest, (event) => events.push(event));
    const call = await peer.expectCall(Remote.DOMAIN_EVENT_REGISTER);
    expect([call.args.i32(), call.args.u32(), call.args.string()]).toEqual([0, 1, "guest1"]);
    peer.reply(call, (writer) => writer.i32(2));
    return { client, peer, events, unsubscribe: await subscribing };
  }

  test("names every event, and one that is newer than this client unknown", async () => {
    const { peer, events } = await subscribedToLifecycle();
    for (let number = 0; number <= 9; number++)
      peer.event(Remote.DOMAIN_EVENT_LIFECYCLE, lifecycle(2, number, number));
    await settle();
    expect(events.map(({ event }) => event)).toEqual([
      "defined",
      "undefined",
      "started",
      "suspended",
      "resumed",
      "stopped",
      "shutdown",
      "pmsuspended",
      "crashed",
      "unknown",
    ]);
    expect(events.map(({ detail }) => detail)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("ends with the call of its own kind", async () => {
    const { peer, unsubscribe } = await subscribedToLifecycle();
    const unsubscribed = unsubscribe();
    const call = await peer.expectCall(Remote.DOMAIN_EVENT_DEREGISTER);
    expect(call.args.i32()).toBe(2);
    peer.reply(call);
    await unsubscribed;
    peer.finish();
  });

  test("is not confused by a monitor event of the same callback number", async () => {
    const { peer, events, client } = await subscribedToLifecycle();
    const monitor = await subscribed(2, { client, peer });
    peer.event(Qemu.MONITOR_EVENT, deleted(2, "mf0"));
    peer.event(Remote.DOMAIN_EVENT_LIFECYCLE, lifecycle(2, 5, 1));
    await settle();
    expect(events).toEqual([{ event: "stopped", detail: 1 }]);
    expect(devices(monitor.events)).toEqual(["mf0"]);
  });
});

test("An event of a kind that nobody asked for is ignored", async () => {
  const { client, peer } = await ScriptedPeer.open();
  peer.event({ ...Remote.DOMAIN_EVENT_LIFECYCLE, number: 9_999 }, (writer) => writer.u32(0));
  peer.event(Qemu.MONITOR_EVENT, deleted(1, "x"));
  const version = client.libVersion();
  peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(1n));
  expect(await version).toBe(1);
});
