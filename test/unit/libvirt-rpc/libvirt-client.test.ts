import {
  LibvirtAuthenticationError,
  LibvirtClient,
  LibvirtDisconnectedError,
  LibvirtError,
  LibvirtErrorCode,
  LibvirtProtocolError,
  type LibvirtDomain,
} from "../../../provider/libvirt-rpc";
import { formatMessage } from "../../../provider/libvirt-rpc/message";
import { Keepalive, Qemu, Remote } from "../../../provider/libvirt-rpc/procedures";
import { ScriptedPeer, settle } from "./support/scripted-peer";

const guest: LibvirtDomain = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111", id: 3 };

/** What a promise was rejected with; fails when it was not. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`resolved with ${String(value)}, expected a rejection`);
}

describe("Opening", () => {
  function open(signal?: AbortSignal) {
    const peer = new ScriptedPeer();
    const opening = LibvirtClient.open(peer.stream, {
      uri: "qemu:///system",
      ...(signal === undefined ? {} : { signal }),
    });
    return { peer, opening };
  }

  test("prefers no authentication where polkit is offered as well", async () => {
    const { peer, opening } = open();
    peer.reply(await peer.expectCall(Remote.AUTH_LIST), (writer) => writer.u32(2).u32(2).u32(0));
    const call = await peer.expectCall(Remote.CONNECT_OPEN);
    expect(call.args.optionalString()).toBe("qemu:///system");
    expect(call.args.u32()).toBe(0);
    call.args.end();
    peer.reply(call);
    await opening;
    peer.finish();
  });

  test.each([[[]], [[1]], [[1, 7]]])("fails where libvirtd offers only %j", async (offered) => {
    const { peer, opening } = open();
    peer.reply(await peer.expectCall(Remote.AUTH_LIST), (writer) => {
      writer.u32(offered.length);
      for (const type of offered) writer.u32(type);
    });
    const error = await rejection(opening);
    expect(error).toBeInstanceOf(LibvirtAuthenticationError);
    expect(error).toMatchObject({ offered });
    expect(peer.stream.destroyed).toBe(true);
    peer.finish();
  });

  test("fails with libvirt's error where polkit says no, and destroys the stream", async () => {
    const { peer, opening } = open();
    peer.reply(await peer.expectCall(Remote.AUTH_LIST), (writer) => writer.u32(1).u32(2));
    const call = await peer.expectCall(Remote.AUTH_POLKIT);
    peer.refuse(call, { code: 45, domain: 7, message: "authentication failed" });
    expect(await rejection(opening)).toMatchObject({ code: LibvirtErrorCode.AUTH_FAILED, domain: 7 });
    expect(peer.stream.destroyed).toBe(true);
    peer.finish();
  });

  test("fails with the signal's reason when it is aborted, and destroys the stream", async () => {
    const deadline = new AbortController();
    const { peer, opening } = open(deadline.signal);
    await peer.expectCall(Remote.AUTH_LIST);
    deadline.abort(new Error("10 s are over"));
    expect(await rejection(opening)).toEqual(new Error("10 s are over"));
    expect(peer.stream.destroyed).toBe(true);
  });

  test("sends nothing when it was aborted before", async () => {
    const { peer, opening } = open(AbortSignal.abort(new Error("too late")));
    expect(await rejection(opening)).toEqual(new Error("too late"));
    expect(peer.stream.destroyed).toBe(true);
    peer.finish();
  });

  test("fails on a stream that is over already", async () => {
    const peer = new ScriptedPeer();
    peer.stream.destroy();
    await settle();
    const opening = LibvirtClient.open(peer.stream, { uri: "qemu:///system" });
    expect(await rejection(opening)).toBeInstanceOf(LibvirtDisconnectedError);
  });

  test("fails when the far end is no libvirtd but says something in clear text", async () => {
    const { peer, opening } = open();
    peer.sendBytes(Buffer.from("This account is currently not available.\n"));
    const error = await rejection(opening);
    expect(error).toBeInstanceOf(LibvirtProtocolError);
    expect((error as Error).message).toContain('the far end sends text, it begins "This"');
    expect(peer.stream.destroyed).toBe(true);
  });

  test("refuses a number of calls in flight that lets no call through", async () => {
    const peer = new ScriptedPeer();
    const opening = LibvirtClient.open(peer.stream, { uri: "qemu:///system", maxCallsInFlight: 0 });
    expect(await rejection(opening)).toBeInstanceOf(RangeError);
  });
});

describe("A lookup", () => {
  test("takes a name of UUID form for a name if no such UUID exists", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const found = client.lookupDomain(guest.uuid);
    const byUuid = await peer.expectCall(Remote.DOMAIN_LOOKUP_BY_UUID);
    expect(byUuid.args.fixedOpaque(16).toString("hex")).toBe("11111111111141118111111111111111");
    peer.refuse(byUuid, { code: 42, message: "Domain not found" });
    const byName = await peer.expectCall(Remote.DOMAIN_LOOKUP_BY_NAME);
    expect(byName.args.string()).toBe(guest.uuid);
    peer.reply(byName, (writer) => writer.string(guest.uuid).fixedOpaque(Buffer.alloc(16, 7)).i32(-1));
    expect(await found).toEqual({ name: guest.uuid, uuid: "07070707-0707-0707-0707-070707070707", id: -1 });
    peer.finish();
  });

  test("does not try the name when the UUID could not be looked at", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const found = client.lookupDomain(guest.uuid);
    peer.refuse(await peer.expectCall(Remote.DOMAIN_LOOKUP_BY_UUID), { code: 88, message: "access denied" });
    expect(await rejection(found)).toMatchObject({ code: LibvirtErrorCode.ACCESS_DENIED });
    await settle();
    peer.finish();
  });

  test("of a name that libvirt would cut at a NUL is never sent", async () => {
    const { client, peer } = await ScriptedPeer.open();
    expect(await rejection(client.lookupDomain("guest1\0-other"))).toBeInstanceOf(TypeError);
    await settle();
    peer.finish();
  });
});

describe("An error reply", () => {
  test("becomes an error with libvirt's number, domain and words; the connection goes on", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const attached = client.attachDevice(guest, "<hostdev/>", "live");
    const call = await peer.expectCall(Remote.DOMAIN_ATTACH_DEVICE_FLAGS);
    peer.refuse(call, { code: 55, domain: 20, message: "Requested operation is not valid: in use" });
    const error = await rejection(attached);
    expect(error).toBeInstanceOf(LibvirtError);
    expect(error).toMatchObject({
      code: LibvirtErrorCode.OPERATION_INVALID,
      domain: 20,
      libvirtMessage: "Requested operation is not valid: in use",
      procedure: "DOMAIN_ATTACH_DEVICE_FLAGS",
      message:
        "libvirt refused DOMAIN_ATTACH_DEVICE_FLAGS: Requested operation is not valid: in use " +
        "(error 55 OPERATION_INVALID)",
    });

    const version = client.libVersion();
    peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(9_000_000n));
    expect(await version).toBe(9_000_000);
    peer.finish();
  });

  test("without a message and with an unknown number is an error all the same", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    peer.refuse(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), { code: 4711 });
    expect(await rejection(version)).toMatchObject({
      code: 4711,
      message: "libvirt refused CONNECT_GET_LIB_VERSION: (no message) (error 4711)",
    });
  });

  test("with a text of megabytes gives an error message of reasonable length", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    const call = await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    peer.refuse(call, { code: 1, message: "x".repeat(1_000_000) });
    const error = (await rejection(version)) as LibvirtError;
    expect(error.message.length).toBeLessThan(1_200);
    expect(error.libvirtMessage).toHaveLength(1_000_000);
  });

  test.each([
    ["live", 1],
    ["config", 2],
  ] as const)("NO_DOMAIN_METADATA for the %s description means that there is none", async (target, flags) => {
    const { client, peer } = await ScriptedPeer.open();
    const metadata = client.getMetadata(guest, { uri: "urn:x", target });
    const call = await peer.expectCall(Remote.DOMAIN_GET_METADATA);
    expect(call.args.string()).toBe("guest1");
    call.args.fixedOpaque(16);
    expect([call.args.i32(), call.args.i32(), call.args.optionalString(), call.args.u32()]).toEqual([
      3,
      2,
      "urn:x",
      flags,
    ]);
    peer.refuse(call, { code: 80 });
    expect(await metadata).toBeUndefined();
  });

  test("of another number is not taken for absent metadata", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const metadata = client.getMetadata(guest, { uri: "urn:x", target: "live" });
    peer.refuse(await peer.expectCall(Remote.DOMAIN_GET_METADATA), { code: 68 });
    expect(await rejection(metadata)).toMatchObject({ code: LibvirtErrorCode.OPERATION_TIMEOUT });
  });
});

describe("Several calls at once", () => {
  const commands = ["a", "b", "c", "d", "e", "f"];

  test("are in flight four at a time; the others wait in order", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const answers = commands.map((command) => client.monitorCommand(guest, command));
    const calls = [];
    for (let count = 0; count < 4; count++) calls.push(await peer.expectCall(Qemu.MONITOR_COMMAND));
    await settle();
    expect(peer.unreadMessages).toBe(0);

    const [first, second, third, fourth] = calls;
    peer.reply(third!, (writer) => writer.string("C"));
    const fifth = await peer.expectCall(Qemu.MONITOR_COMMAND);
    await settle();
    expect(peer.unreadMessages).toBe(0);
    peer.reply(first!, (writer) => writer.string("A"));
    const sixth = await peer.expectCall(Qemu.MONITOR_COMMAND);

    peer.reply(sixth, (writer) => writer.string("F"));
    peer.reply(fifth, (writer) => writer.string("E"));
    peer.reply(fourth!, (writer) => writer.string("D"));
    peer.reply(second!, (writer) => writer.string("B"));
    expect(await Promise.all(answers)).toEqual(["A", "B", "C", "D", "E", "F"]);
    const serials = [...calls, fifth, sixth].map(({ header }) => header.serial);
    expect(new Set(serials).size).toBe(6);
    peer.finish();
  });

  test("are answered in one piece of bytes, or byte by byte, all the same", async () => {
    const { client, peer } = await ScriptedPeer.open();
    for (const pieceLength of [10_000, 1]) {
      const answers = ["a", "b"].map((command) => client.monitorCommand(guest, command));
      const a = await peer.expectCall(Qemu.MONITOR_COMMAND);
      const b = await peer.expectCall(Qemu.MONITOR_COMMAND);
      const bytes = Buffer.concat([
        peer.formatReply(b, (writer) => writer.string("B")),
        peer.formatReply(a, (writer) => writer.string("A")),
      ]);
      for (let offset = 0; offset < bytes.length; offset += pieceLength) {
        peer.sendBytes(bytes.subarray(offset, offset + pieceLength));
      }
      expect(await Promise.all(answers)).toEqual(["A", "B"]);
    }
  });

  test("are in flight as many as the caller said", async () => {
    const { client, peer } = await ScriptedPeer.open({ maxCallsInFlight: 1 });
    const answers = ["a", "b"].map((command) => client.monitorCommand(guest, command));
    const a = await peer.expectCall(Qemu.MONITOR_COMMAND);
    await settle();
    expect(peer.unreadMessages).toBe(0);
    peer.refuse(a, { code: 1 });
    peer.reply(await peer.expectCall(Qemu.MONITOR_COMMAND), (writer) => writer.string("B"));
    expect(await Promise.allSettled(answers)).toMatchObject([
      { status: "rejected" },
      { status: "fulfilled", value: "B" },
    ]);
  });
});

describe("An aborted call", () => {
  test("that is still queued is never sent", async () => {
    const { client, peer } = await ScriptedPeer.open({ maxCallsInFlight: 1 });
    const first = client.monitorCommand(guest, "first");
    const abort = new AbortController();
    const second = client.monitorCommand(guest, "second", abort.signal);
    const third = client.monitorCommand(guest, "third");
    abort.abort(new Error("no longer wanted"));
    expect(await rejection(second)).toEqual(new Error("no longer wanted"));

    for (const [name, answer] of [
      ["first", first],
      ["third", third],
    ] as const) {
      const call = await peer.expectCall(Qemu.MONITOR_COMMAND);
      call.args.string();
      call.args.fixedOpaque(16);
      call.args.i32();
      expect(call.args.string()).toBe(name);
      peer.reply(call, (writer) => writer.string(name));
      expect(await answer).toBe(name);
    }
    peer.finish();
  });

  test("that is in flight rejects at once, and keeps its place until its reply", async () => {
    const { client, peer } = await ScriptedPeer.open({ maxCallsInFlight: 1 });
    const abort = new AbortController();
    const first = client.monitorCommand(guest, "first", abort.signal);
    const firstCall = await peer.expectCall(Qemu.MONITOR_COMMAND);
    const second = client.monitorCommand(guest, "second");
    abort.abort(new Error("deadline"));
    expect(await rejection(first)).toEqual(new Error("deadline"));
    await settle();
    expect(peer.unreadMessages).toBe(0);

    peer.reply(firstCall, (writer) => writer.string("too late"));
    peer.reply(await peer.expectCall(Qemu.MONITOR_COMMAND), (writer) => writer.string("2"));
    expect(await second).toBe("2");
    peer.finish();
  });

  test("may be refused late without harm", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const abort = new AbortController();
    const detached = client.detachDevice(guest, "<hostdev/>", "live", abort.signal);
    const call = await peer.expectCall(Remote.DOMAIN_DETACH_DEVICE_FLAGS);
    abort.abort(new Error("deadline"));
    expect(await rejection(detached)).toEqual(new Error("deadline"));
    peer.refuse(call, { code: 99 });
    await settle();
    expect(peer.stream.destroyed).toBe(false);
  });

  test("shares its signal with thirty others: all are given up, by one listener", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const abort = new AbortController();
    const add = jest.spyOn(abort.signal, "addEventListener");
    const calls = Array.from({ length: 30 }, () => client.libVersion(abort.signal));
    expect(add).toHaveBeenCalledTimes(1);
    abort.abort(new Error("deadline"));
    for (const call of calls) expect(await rejection(call)).toEqual(new Error("deadline"));
    for (let count = 0; count < 4; count++) await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    peer.finish();
  });

  test("leaves no listener on the signal, nor does an answered one", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const { signal } = new AbortController();
    const [add, remove] = [jest.spyOn(signal, "addEventListener"), jest.spyOn(signal, "removeEventListener")];
    for (const expected of [1, 2]) {
      const [version, again] = [client.libVersion(signal), client.libVersion(signal)];
      peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(1n));
      await version;
      expect(remove).toHaveBeenCalledTimes(expected - 1);
      peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(1n));
      await again;
      expect([add.mock.calls.length, remove.mock.calls.length]).toEqual([expected, expected]);
    }
  });
});

describe("A peer that does not speak the protocol ends the connection:", () => {
  const header = { program: 0x20008086, version: 1, procedure: 157, type: 1, serial: 3, status: 0 };

  test.each([
    ["garbage for a length", Buffer.from("HTTP/1.1 400 Bad Request\r\n")],
    ["a huge length", Buffer.from("ffffffff", "hex")],
    ["a length that holds no header", Buffer.from("0000001b", "hex")],
    ["a program of version 2", formatMessage({ ...header, version: 2 }, Buffer.alloc(8))],
    ["a reply with an unknown serial", formatMessage({ ...header, serial: 99 }, Buffer.alloc(8))],
    ["a reply of another procedure", formatMessage({ ...header, procedure: 158 }, Buffer.alloc(8))],
    ["a reply of another program", formatMessage({ ...header, program: 0x20008087 }, Buffer.alloc(8))],
    ["a call to us", formatMessage({ ...header, type: 0 }, Buffer.alloc(8))],
    ["a stream that nobody opened", formatMessage({ ...header, type: 3 }, Buffer.alloc(8))],
    ["a reply with file descriptors", formatMessage({ ...header, type: 5 }, Buffer.alloc(8))],
    ["a reply with status 2", formatMessage({ ...header, status: 2 }, Buffer.alloc(8))],
    ["a reply that is too short", formatMessage(header, Buffer.alloc(4))],
    ["a reply that is too long", formatMessage(header, Buffer.alloc(12))],
    ["a version that is no number", formatMessage(header, Buffer.alloc(8, 0x7f))],
    ["an error that is too short", formatMessage({ ...header, status: 1 }, Buffer.alloc(8))],
    ["an error that is too long", formatMessage({ ...header, status: 1 }, Buffer.alloc(48))],
  ])("%s", async (_what, bytes) => {
    const { client, peer } = await ScriptedPeer.open();
    const [version, other] = [client.libVersion(), client.capabilities()];
    await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    await peer.expectCall(Remote.CONNECT_GET_CAPABILITIES);
    peer.sendBytes(bytes);
    const cause = await client.closed;
    expect(cause).toBeInstanceOf(LibvirtProtocolError);
    expect(await rejection(version)).toBe(cause);
    expect(await rejection(other)).toBe(cause);
    expect(await rejection(client.libVersion())).toBe(cause);
    expect(peer.stream.destroyed).toBe(true);
    peer.finish();
  });

  test("whatever follows the bad message is not looked at any more", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    const call = await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    const bad = peer.formatReply(call, (writer) => writer.u32(0));
    peer.sendBytes(Buffer.concat([bad, peer.formatReply(call, (writer) => writer.u64(1n))]));
    expect(await rejection(version)).toBeInstanceOf(LibvirtProtocolError);
  });
});

describe("A connection that breaks", () => {
  test("between a call and its reply rejects all calls, and each later one", async () => {
    const { client, peer } = await ScriptedPeer.open({ maxCallsInFlight: 1 });
    const [sent, queued] = [client.libVersion(), client.capabilities()];
    await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    peer.hangUp();
    const cause = await client.closed;
    expect(cause).toBeInstanceOf(LibvirtDisconnectedError);
    expect(cause?.message).toBe("libvirtd or the way to it closed the connection");
    expect(await rejection(sent)).toBe(cause);
    expect(await rejection(queued)).toBe(cause);
    expect(await rejection(client.libVersion())).toBe(cause);
    peer.finish();
  });

  test("in the middle of a message says so", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    const call = await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    peer.sendBytes(peer.formatReply(call, (writer) => writer.u64(1n)).subarray(0, 30));
    peer.hangUp();
    expect(await rejection(version)).toMatchObject({
      name: "LibvirtDisconnectedError",
      message: "libvirtd or the way to it closed the connection in the middle of a message",
    });
  });

  test("with an error of the stream keeps that as the cause", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    const reset = new Error("read ECONNRESET");
    peer.stream.destroy(reset);
    const error = await rejection(version);
    expect(error).toBeInstanceOf(LibvirtDisconnectedError);
    expect(error).toMatchObject({ cause: reset });
  });

  test("without an error or an end, by a mere close, is seen too", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    peer.stream.destroy();
    expect(await rejection(version)).toBeInstanceOf(LibvirtDisconnectedError);
  });

  test("right after a reply lets the reply count", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(8_003_000n));
    peer.hangUp();
    expect(await version).toBe(8_003_000);
    expect(await client.closed).toBeInstanceOf(LibvirtDisconnectedError);
  });
});

describe("A ping", () => {
  const ping = { program: 0x6b656570, version: 1, procedure: 1, type: 2, serial: 0, status: 0 };

  test("is answered with a pong, while calls are under way too", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    const call = await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    peer.sendBytes(formatMessage(ping, Buffer.alloc(0)));
    const pong = await peer.expectMessage();
    expect(pong.header).toEqual({ ...ping, procedure: Keepalive.PONG.number });
    pong.args.end();
    peer.reply(call, (writer) => writer.u64(1n));
    await version;
    peer.finish();
  });

  test("is not answered again while the answer waits, so a flood costs nothing", async () => {
    const { peer } = await ScriptedPeer.open();
    peer.stream.cork();
    const write = jest.spyOn(peer.stream, "write");
    for (let count = 0; count < 1_000; count++) peer.sendBytes(formatMessage(ping, Buffer.alloc(0)));
    await settle();
    expect(write).toHaveBeenCalledTimes(1);
    peer.stream.uncork();
    await settle();
    peer.sendBytes(formatMessage(ping, Buffer.alloc(0)));
    await settle();
    expect(write).toHaveBeenCalledTimes(2);
  });

  test("of the other kind, a pong, is not answered", async () => {
    const { peer } = await ScriptedPeer.open();
    peer.sendBytes(formatMessage({ ...ping, procedure: 2 }, Buffer.alloc(0)));
    await settle();
    peer.finish();
  });
});

describe("Closing", () => {
  test("says goodbye, waits for the answer and ends without a cause, once", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const closing = client.close();
    const again = client.close();
    peer.reply(await peer.expectCall(Remote.CONNECT_CLOSE));
    await Promise.all([closing, again]);
    expect(await client.closed).toBeUndefined();
    expect(peer.stream.destroyed).toBe(true);
    await client.close();
    peer.finish();
  });

  test("goes past calls under way, and rejects them, the queued and the new ones", async () => {
    const { client, peer } = await ScriptedPeer.open({ maxCallsInFlight: 1 });
    const [sent, queued] = [client.libVersion(), client.capabilities()];
    await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    const closing = client.close();
    const late = client.libVersion();
    peer.reply(await peer.expectCall(Remote.CONNECT_CLOSE));
    await closing;
    for (const call of [sent, queued, late])
      expect(await rejection(call)).toBeInstanceOf(LibvirtDisconnectedError);
    peer.finish();
  });

  test("lets no call out after the goodbye, though there were room for it", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const closing = client.close();
    const late = rejection(client.libVersion());
    const goodbye = await peer.expectCall(Remote.CONNECT_CLOSE);
    await settle();
    peer.finish();
    peer.reply(goodbye);
    await closing;
    expect(await late).toBeInstanceOf(LibvirtDisconnectedError);
  });

  test("is content when libvirtd hangs up instead of answering", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const closing = client.close();
    await peer.expectCall(Remote.CONNECT_CLOSE);
    peer.hangUp();
    await closing;
    expect(await client.closed).toBeUndefined();
  });

  test("does not wait longer than about a second for a libvirtd that hangs", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const startedAtMs = performance.now();
    await client.close();
    expect(performance.now() - startedAtMs).toBeLessThan(3_000);
    expect(await client.closed).toBeUndefined();
    expect(peer.stream.destroyed).toBe(true);
  });

  test("after the connection broke does nothing", async () => {
    const { client, peer } = await ScriptedPeer.open();
    peer.hangUp();
    expect(await client.closed).toBeInstanceOf(LibvirtDisconnectedError);
    await client.close();
    peer.finish();
  });
});
