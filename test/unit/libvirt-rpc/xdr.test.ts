import fc from "fast-check";
import { LibvirtProtocolError } from "../../../provider/libvirt-rpc";
import { MAX_STRING_BYTES } from "../../../provider/libvirt-rpc/limits";
import { XdrReader } from "../../../provider/libvirt-rpc/xdr-reader";
import { XdrWriter } from "../../../provider/libvirt-rpc/xdr-writer";

/** Any item of XDR that libvirt's messages are made of: how to write it, how to read it back. */
interface Item {
  readonly value: unknown;
  readonly write: (writer: XdrWriter) => unknown;
  readonly read: (reader: XdrReader) => unknown;
}

const text = fc.string({ unit: "grapheme" }).filter((value) => !value.includes("\0"));

const item: fc.Arbitrary<Item> = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }).map((value) => ({
    value,
    write: (writer: XdrWriter) => writer.u32(value),
    read: (reader: XdrReader) => reader.u32(),
  })),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }).map((value) => ({
    value,
    write: (writer: XdrWriter) => writer.i32(value),
    read: (reader: XdrReader) => reader.i32(),
  })),
  fc.maxSafeNat().map((value) => ({
    value,
    write: (writer: XdrWriter) => writer.u64(BigInt(value)),
    read: (reader: XdrReader) => reader.safeInteger(),
  })),
  text.map((value) => ({
    value,
    write: (writer: XdrWriter) => writer.string(value),
    read: (reader: XdrReader) => reader.string(),
  })),
  fc.option(text, { nil: undefined }).map((value) => ({
    value,
    write: (writer: XdrWriter) => writer.optionalString(value),
    read: (reader: XdrReader) => reader.optionalString(),
  })),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => ({
    value: Buffer.from(bytes),
    write: (writer: XdrWriter) => writer.fixedOpaque(Buffer.from(bytes)),
    read: (reader: XdrReader) => reader.fixedOpaque(bytes.length),
  })),
  fc.array(text, { maxLength: 5 }).map((values) => ({
    value: values,
    write: (writer: XdrWriter) => {
      writer.u32(values.length);
      for (const value of values) writer.string(value);
    },
    read: (reader: XdrReader) => reader.list(5, () => reader.string()),
  })),
);

function write(items: readonly Item[]): Buffer {
  const writer = new XdrWriter();
  for (const { write: writeItem } of items) writeItem(writer);
  return writer.toBuffer();
}

describe("XDR", () => {
  test("reads back every sequence of items that it wrote, and nothing is left over", () => {
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), (items) => {
        const reader = new XdrReader(write(items));
        expect(items.map(({ read }) => read(reader))).toEqual(items.map(({ value }) => value));
        reader.end();
      }),
    );
  });

  test("is always a multiple of four bytes long", () => {
    fc.assert(fc.property(fc.array(item), (items) => expect(write(items).length % 4).toBe(0)));
  });

  test("is refused wherever it is cut off", () => {
    fc.assert(
      fc.property(item, fc.nat(), (one, position) => {
        const bytes = write([one]);
        fc.pre(bytes.length > 0);
        const reader = new XdrReader(bytes.subarray(0, position % bytes.length));
        expect(() => one.read(reader)).toThrow(LibvirtProtocolError);
      }),
    );
  });

  test("made of random bytes is read or refused with the protocol error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(item, { maxLength: 4 }), (bytes, items) => {
        const reader = new XdrReader(Buffer.from(bytes));
        try {
          for (const { read } of items) read(reader);
          reader.end();
        } catch (error) {
          expect(error).toBeInstanceOf(LibvirtProtocolError);
        }
      }),
    );
  });

  test("has RFC 4506's bytes for a string, an optional one and a negative integer", () => {
    const bytes = new XdrWriter()
      .string("abcde")
      .optionalString("é")
      .optionalString(undefined)
      .i32(-2)
      .toBuffer();
    expect(bytes.toString("hex")).toBe(
      "00000005" + "6162636465000000" + "00000001" + "00000002" + "c3a90000" + "00000000" + "fffffffe",
    );
  });

  test("is refused if a string claims more than libvirt's limit, bytes or not", () => {
    const length = MAX_STRING_BYTES + 1;
    const bytes = Buffer.alloc(4 + length + 3);
    bytes.writeUInt32BE(length);
    expect(() => new XdrReader(bytes).string()).toThrow(
      "string of 4194305 bytes, at most 4194304 are allowed",
    );
  });

  test("is refused when a list claims more items than allowed", () => {
    const reader = new XdrReader(new XdrWriter().u32(4).u32(0).u32(0).u32(0).u32(0).toBuffer());
    expect(() => reader.list(3, () => reader.u32())).toThrow("list of 4 items, at most 3 are allowed");
  });

  test("is refused when an optional item is marked neither 0 nor 1", () => {
    expect(() => new XdrReader(new XdrWriter().u32(2).toBuffer()).optionalString()).toThrow(
      LibvirtProtocolError,
    );
  });

  test("is refused when a hyper is too large for a number", () => {
    expect(() => new XdrReader(Buffer.from("7fffffffffffffff", "hex")).safeInteger()).toThrow(
      "hyper 9223372036854775807 is out of range",
    );
  });

  test("is refused when bytes are left over", () => {
    expect(() => new XdrReader(Buffer.alloc(4)).end()).toThrow("4 bytes left over");
  });

  test.each([
    ["a number below zero as unsigned", () => new XdrWriter().u32(-1)],
    ["a number over 32 bits", () => new XdrWriter().u32(2 ** 32)],
    ["a fraction", () => new XdrWriter().u32(0.5)],
    ["a signed number over 31 bits", () => new XdrWriter().i32(2 ** 31)],
    ["a number that is none", () => new XdrWriter().i32(NaN)],
    ["a hyper over 64 bits", () => new XdrWriter().u64(2n ** 64n)],
    ["a text over libvirt's limit", () => new XdrWriter().string("é".repeat(MAX_STRING_BYTES / 2) + "x")],
  ])("does not write %s", (_what, write_) => {
    expect(write_).toThrow(RangeError);
  });

  test("does not write a text with NUL, which libvirt would cut there", () => {
    expect(() => new XdrWriter().string("guest1\0x")).toThrow(TypeError);
  });

  test("writes a text of exactly libvirt's limit", () => {
    expect(new XdrWriter().string("x".repeat(MAX_STRING_BYTES)).toBuffer()).toHaveLength(
      MAX_STRING_BYTES + 4,
    );
  });
});
