import fc from "fast-check";
import {
  LibvirtClient,
  LibvirtDisconnectedError,
  LibvirtError,
  LibvirtProtocolError,
  type LibvirtDomain,
} from "../../../provider/libvirt-rpc";
import {
  MAX_CALL_MS,
  MAX_EARLY_EVENT_BYTES,
  MAX_EVENT_DETAILS_BYTES,
} from "../../../provider/libvirt-rpc/limits";
import { formatMessage } from "../../../provider/libvirt-rpc/message";
import { Keepalive, Qemu, Remote } from "../../../provider/libvirt-rpc/procedures";
import { type XdrWriter } from "../../../provider/libvirt-rpc/xdr-writer";
import { rejectionOf, withinBounds } from "../../support/within-bounds";
import { PeerStream } from "../../support/recordings/peer-stream";
import { ScriptedPeer, settle } from "./support/scripted-peer";

const guest: LibvirtDomain = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111", id: 3 };
const bounds = { seconds: 10, mebibytes: 128 };

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function monitorEvent(peer: ScriptedPeer, callbackId: number, event: string, details: string): Buffer {
  return peer.formatEvent(Qemu.MONITOR_EVENT, (writer) =>
    writer
      .i32(callbackId)
      .string("guest1")
      .fixedOpaque(Buffer.alloc(16, 0x11))
      .i32(3)
      .string(event)
      .u64(0n)
      .u32(0)
      .optionalString(details),
  );
}

/** An open client, and a call that waits for its answer. */
async function waitingCall() {
  const { client, peer } = await ScriptedPeer.open();
  const answer = rejectionOf(client.libVersion());
  const call = await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
  return { client, peer, call, answer };
}

describe("A peer that claims a message", () => {
  it.each([0, 3, 4, 27, 33_554_437, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    "of %d bytes ends the connection, with nothing reserved for it",
    async (length) => {
      await withinBounds({ ...bounds, mebibytes: 16 }, async () => {
        const { client, peer, answer } = await waitingCall();
        peer.sendBytes(word(length));
        expect(await answer).toBeInstanceOf(LibvirtProtocolError);
        expect(await client.closed).toBeInstanceOf(LibvirtProtocolError);
        expect(peer.stream.destroyed).toBe(true);
      });
    },
  );

  it("of 32 MiB that never come takes no memory while its caller may leave", async () => {
    await withinBounds({ ...bounds, mebibytes: 16 }, async () => {
      const { client, peer } = await ScriptedPeer.open();
      const signal = AbortSignal.timeout(50);
      const answer = rejectionOf(client.libVersion(signal));
      await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
      peer.sendBytes(word(33_554_436));
      expect(await answer).toBe(signal.reason);
    });
  });
});

describe("A peer that answers", () => {
  it.each<[string, (writer: XdrWriter) => unknown]>([
    ["with less than was asked for", (writer) => writer.u32(0)],
    ["with more than was asked for", (writer) => writer.u64(1n).u32(0)],
    ["with a version that no number holds", (writer) => writer.u64(2n ** 62n)],
  ])("%s ends the connection", async (_name, body) => {
    const { peer, call, answer } = await waitingCall();
    peer.reply(call, body);
    expect(await answer).toBeInstanceOf(LibvirtProtocolError);
  });

  it.each([16_385, 2 ** 31, 2 ** 32 - 1])("with a list of %d guests ends the connection", async (count) => {
    await withinBounds({ ...bounds, mebibytes: 16 }, async () => {
      const { client, peer } = await ScriptedPeer.open();
      const answer = rejectionOf(client.listDomains());
      peer.reply(await peer.expectCall(Remote.CONNECT_LIST_ALL_DOMAINS), (writer) => writer.u32(count));
      expect(await answer).toBeInstanceOf(LibvirtProtocolError);
    });
  });

  it.each([4_194_305, 2 ** 31, 2 ** 32 - 1])(
    "with a string of %d bytes ends the connection",
    async (length) => {
      await withinBounds({ ...bounds, mebibytes: 16 }, async () => {
        const { client, peer } = await ScriptedPeer.open();
        const answer = rejectionOf(client.capabilities());
        peer.reply(await peer.expectCall(Remote.CONNECT_GET_CAPABILITIES), (writer) => writer.u32(length));
        expect(await answer).toBeInstanceOf(LibvirtProtocolError);
      });
    },
  );

  it("a call that was not made ends the connection", async () => {
    const { peer, call, answer } = await waitingCall();
    peer.sendBytes(peer.formatReply(call, (writer) => writer.u64(1n), { serial: 4711 }));
    expect(await answer).toBeInstanceOf(LibvirtProtocolError);
  });

  it("one call twice ends the connection, the first answer counts", async () => {
    const { client, peer } = await ScriptedPeer.open();
    const version = client.libVersion();
    const call = await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION);
    const bytes = peer.formatReply(call, (writer) => writer.u64(9n));
    peer.sendBytes(Buffer.concat([bytes, bytes]));
    expect(await version).toBe(9);
    expect(await client.closed).toBeInstanceOf(LibvirtProtocolError);
  });

  it("with an error of megabytes and escapes is quoted briefly, and goes on", async () => {
    await withinBounds(bounds, async () => {
      const { client, peer, call, answer } = await waitingCall();
      peer.refuse(call, { code: 1, message: `\u001b[2J${"x".repeat(4_000_000)}` });
      const error = (await answer) as LibvirtError;
      expect(error).toBeInstanceOf(LibvirtError);
      expect(error.message.length).toBeLessThan(1_200);
      const version = client.libVersion();
      peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(9n));
      expect(await version).toBe(9);
    });
  });

  it("half a message and hangs up is a lost connection", async () => {
    const { peer, call, answer } = await waitingCall();
    peer.sendBytes(peer.formatReply(call, (writer) => writer.u64(1n)).subarray(0, 20));
    peer.hangUp();
    expect(await answer).toMatchObject({
      name: LibvirtDisconnectedError.name,
      message: expect.stringContaining("in the middle of a message") as string,
    });
  });

  it("nothing is given up after an hour", async () => {
    jest.useFakeTimers({ doNotFake: ["setImmediate", "queueMicrotask", "nextTick"] });
    try {
      const { client, peer } = await ScriptedPeer.open();
      const answer = rejectionOf(client.attachDevice(guest, "<hostdev/>", "live"));
      await peer.expectCall(Remote.DOMAIN_ATTACH_DEVICE_FLAGS);
      jest.advanceTimersByTime(MAX_CALL_MS - 1);
      await settle();
      expect(peer.stream.destroyed).toBe(false);
      jest.advanceTimersByTime(1);
      expect(await answer).toBeInstanceOf(LibvirtDisconnectedError);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe("A peer that floods", () => {
  it("with events of an unknown callback is read on, and nothing is kept", async () => {
    await withinBounds(bounds, async () => {
      const { client, peer } = await ScriptedPeer.open();
      const listening = client.onMonitorEvent(guest, () => undefined);
      peer.reply(await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER), (writer) => writer.i32(7));
      await listening;
      const event = monitorEvent(peer, 8, "RTC_CHANGE", JSON.stringify({ text: "x".repeat(60_000) }));
      for (let count = 0; count < 4_000; count++) {
        peer.sendBytes(event);
        if (count % 100 === 0) await settle();
      }
      const version = client.libVersion();
      peer.reply(await peer.expectCall(Remote.CONNECT_GET_LIB_VERSION), (writer) => writer.u64(9n));
      expect(await version).toBe(9);
    });
  });

  it.each([
    ["many small", 2_000, 10],
    ["few large", 20, 60_000],
  ])("with %s events before the reply to a registration ends the connection", async (_name, count, size) => {
    expect(size).toBeLessThan(MAX_EARLY_EVENT_BYTES);
    await withinBounds(bounds, async () => {
      const { client, peer } = await ScriptedPeer.open();
      const listening = rejectionOf(client.onMonitorEvent(guest, () => undefined));
      await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER);
      const event = monitorEvent(peer, 8, "RTC_CHANGE", JSON.stringify("x".repeat(size)));
      peer.sendBytes(Buffer.concat(Array.from({ length: count }, () => event)));
      expect(await listening).toBeInstanceOf(LibvirtProtocolError);
    });
  });

  it.each([
    ["deep", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["long", JSON.stringify("x".repeat(MAX_EVENT_DETAILS_BYTES))],
    ["broken", '{"device":'],
  ])("with the %s JSON of an event ends the connection", async (_name, details) => {
    const { client, peer } = await ScriptedPeer.open();
    const events: unknown[] = [];
    const listening = client.onMonitorEvent(guest, (event) => events.push(event));
    peer.reply(await peer.expectCall(Qemu.MONITOR_EVENT_REGISTER), (writer) => writer.i32(7));
    await listening;
    peer.sendBytes(monitorEvent(peer, 7, "DEVICE_DELETED", details));
    expect(await client.closed).toBeInstanceOf(LibvirtProtocolError);
    expect(events).toEqual([]);
  });

  it("with pings, and reads no answers, is answered once", async () => {
    await withinBounds({ ...bounds, mebibytes: 32 }, async () => {
      const written: Buffer[] = [];
      const stream = new PeerStream(() => undefined);
      // the far end does not read: a write never gets through
      stream._write = (chunk: Buffer) => void written.push(chunk);
      const opening = rejectionOf(LibvirtClient.open(stream, { uri: "qemu:///system" }));
      const { program, number } = Keepalive.PING;
      const header = { program, version: 1, procedure: number, type: 2, serial: 0, status: 0 };
      const ping = formatMessage(header, Buffer.alloc(0));
      stream.push(Buffer.concat(Array.from({ length: 100_000 }, () => ping)));
      await settle();
      expect(stream.writableLength).toBeLessThan(1_000);
      stream.destroy();
      expect(await opening).toBeInstanceOf(LibvirtDisconnectedError);
    });
  });
});

describe("A peer that sends anything", () => {
  /**
   * Random bytes; and messages with a right length and any header, since noise seldom gets past the length.
   */
  const noise = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  const header = fc.record({
    program: fc.constantFrom(0x20008086, 0x20008087, 0x6b656570, 0, 0xffffffff),
    version: fc.constantFrom(1, 1, 1, 0),
    procedure: fc.constantFrom(157, 1, 2, 6, 318, 333, 0, 0xffffffff),
    type: fc.constantFrom(0, 1, 1, 2, 2, 3, 0xffffffff),
    serial: fc.constantFrom(0, 1, 2, 3, 4, 0xffffffff),
    status: fc.constantFrom(0, 1, 2, 0xffffffff),
  });
  const message = fc
    .tuple(header, fc.uint8Array({ maxLength: 120 }))
    .map(([head, payload]) => formatMessage(head, Buffer.from(payload)));

  it("is met with its own error or an answer, and ends with the peer", async () => {
    await withinBounds({ ...bounds, seconds: 20 }, () =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.oneof(noise, message), { maxLength: 6 }), async (pieces) => {
          const { client, peer } = await ScriptedPeer.open();
          const outcomes = Promise.allSettled([
            client.libVersion(),
            client.onMonitorEvent(guest, () => undefined),
            client.listDomains(),
          ]);
          for (const piece of pieces) peer.sendBytes(piece);
          peer.hangUp();
          for (const outcome of await outcomes) {
            if (outcome.status === "fulfilled") continue;
            const kinds = [LibvirtError, LibvirtProtocolError, LibvirtDisconnectedError];
            expect(kinds.some((kind) => outcome.reason instanceof kind)).toBe(true);
          }
          expect(await client.closed).toBeInstanceOf(Error);
        }),
        { numRuns: 300 },
      ),
    );
  });
});
