import fc from "fast-check";
import { LibvirtProtocolError } from "../../../provider/libvirt-rpc";
import { MAX_MESSAGE_BYTES } from "../../../provider/libvirt-rpc/limits";
import { formatMessage, parseMessage, type MessageHeader } from "../../../provider/libvirt-rpc/message";
import { MessageSplitter } from "../../../provider/libvirt-rpc/message-splitter";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const header: fc.Arbitrary<MessageHeader> = fc.record({
  program: u32,
  version: fc.constant(1),
  procedure: u32,
  type: u32,
  serial: u32,
  status: u32,
});
const message = fc.tuple(
  header,
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);

/** Cuts bytes into pieces of the given lengths, over and over, until they are used up. */
function chop(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let offset = 0;
  for (let index = 0; offset < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? bytes.length;
    chunks.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return chunks;
}

function lengthWord(length: number): Buffer {
  const word = Buffer.alloc(4);
  word.writeUInt32BE(length);
  return word;
}

describe("The message splitter", () => {
  test("gives back every message, however the stream was chopped", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
        (messages, lengths) => {
          const received: { header: MessageHeader; payload: Buffer }[] = [];
          const splitter = new MessageSplitter((bytes) => {
            const { header: head, payload } = parseMessage(bytes);
            received.push({ header: head, payload: payload.fixedOpaque(payload.remainingBytes & ~3) });
          });
          const padded = messages.map(([head, payload]) => ({
            header: head,
            payload: payload.subarray(0, payload.length & ~3),
          }));
          const bytes = Buffer.concat(padded.map((one) => formatMessage(one.header, one.payload)));
          for (const chunk of chop(bytes, lengths)) splitter.push(chunk);
          expect(received).toEqual(padded);
          expect(splitter.incompleteBytes).toBe(0);
        },
      ),
    );
  });

  test("gives back a message of several megabytes that arrives in small pieces", () => {
    const head = { program: 1, version: 1, procedure: 2, type: 1, serial: 3, status: 0 };
    const payload = Buffer.alloc(5_000_000, "libvirt");
    const sizes: number[] = [];
    const splitter = new MessageSplitter((bytes) => {
      expect(bytes.subarray(24).equals(payload)).toBe(true);
      sizes.push(bytes.length);
    });
    for (const chunk of chop(formatMessage(head, payload), [1_460])) splitter.push(chunk);
    expect(sizes).toEqual([5_000_024]);
  });

  test.each([0, 3, 4, 27, MAX_MESSAGE_BYTES + 1, 0x47455420, 0xffffffff])(
    "refuses a message length of %d",
    (length) => {
      const splitter = new MessageSplitter(() => undefined);
      expect(() => splitter.push(lengthWord(length))).toThrow(LibvirtProtocolError);
    },
  );

  test.each([28, MAX_MESSAGE_BYTES])("waits for a message of the allowed length %d", (length) => {
    const splitter = new MessageSplitter(() => undefined);
    splitter.push(lengthWord(length));
    expect(splitter.incompleteBytes).toBe(4);
  });

  test("allocates nothing on the mere claim of a length", () => {
    const splitter = new MessageSplitter(() => undefined);
    const alloc = jest.spyOn(Buffer, "alloc");
    try {
      splitter.push(Buffer.from("02000004", "hex"));
      splitter.push(Buffer.from("20008086".repeat(4_000), "hex"));
      const largest = Math.max(0, ...alloc.mock.calls.map(([size]) => size));
      expect(largest).toBeLessThanOrEqual(32_768);
      expect(splitter.incompleteBytes).toBe(16_004);
    } finally {
      alloc.mockRestore();
    }
  });
});
