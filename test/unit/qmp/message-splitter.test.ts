import fc from "fast-check";
import { QmpProtocolError } from "../../../provider/qmp";
import { MessageSplitter } from "../../../provider/qmp/message-splitter";
import { MAX_REPLY_CHARACTERS, MAX_REPLY_DEPTH } from "../../../provider/qmp/reply";
import { withinBounds } from "../../support/within-bounds";

const object = fc.dictionary(fc.string(), fc.jsonValue());

test("messages come out as they went in, however they are cut and laid out", () => {
  fc.assert(
    fc.property(
      fc.array(object, { maxLength: 5 }),
      fc.constantFrom(0, 4),
      fc.constantFrom("", "\r\n", "  \n\t"),
      fc.integer({ min: 1, max: 50 }),
      (objects, indent, between, size) => {
        const bytes = Buffer.from(
          objects.map((one) => JSON.stringify(one, undefined, indent) + between).join(""),
        );
        const splitter = new MessageSplitter();
        const texts: string[] = [];
        for (let at = 0; at < bytes.length; at += size)
          texts.push(...splitter.push(bytes.subarray(at, at + size)));
        expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(
          objects.map((one) => JSON.parse(JSON.stringify(one)) as unknown),
        );
      },
    ),
  );
});

test.each([
  ["a list", "[1]"],
  ["a word between two messages", '{"return": {}} x {"return": {}}'],
  ["a bracket too many", '{"return": {}}}'],
  ["a web server", "HTTP/1.1 400 Bad Request\r\n"],
])("%s is refused", (_name, text) => {
  expect(() => new MessageSplitter().push(Buffer.from(text))).toThrow(QmpProtocolError);
});

test("an endless message ends at a limit of length, a bottomless one of depth", async () => {
  const piece = Buffer.alloc(64 * 1024, "x");
  await withinBounds({ seconds: 2, mebibytes: 64 }, () => {
    const splitter = new MessageSplitter();
    splitter.push(Buffer.from('{"a": "'));
    expect(() => {
      for (let sent = 0; sent <= MAX_REPLY_CHARACTERS; sent += piece.length) splitter.push(piece);
    }).toThrow(/too long/);
    const deep = Buffer.from(`{"a": ${"[".repeat(MAX_REPLY_DEPTH + 1)}`);
    expect(() => new MessageSplitter().push(deep)).toThrow(/levels deep/);
  });
});
