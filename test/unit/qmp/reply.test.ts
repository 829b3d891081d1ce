import fc from "fast-check";
import { findObjectType, parseQmpReply, QmpError, QmpProtocolError } from "../../../provider/qmp";
import { anyText } from "../../support/any-text";

describe("an answer of the monitor", () => {
  it.each<[string, unknown]>([
    ['{"return":{},"id":"libvirt-12"}', {}],
    ['{"return":[]}', []],
    ['{"return":null}', null],
    ['{"return":"","id":1}', ""],
    ['{"return":{"error":{"class":"x"}}}', { error: { class: "x" } }],
    [' {"id":"a","return":7} \r\n', 7],
  ])("%s is its return", (text, value) => {
    expect(parseQmpReply(text)).toEqual(value);
  });

  it.each([
    [
      '{"error":{"class":"DeviceNotFound","desc":"Device \'f0\' not found"}}',
      "DeviceNotFound",
      "Device 'f0' not found",
    ],
    ['{"id":"x","error":{"class":"GenericError","desc":"no"}}', "GenericError", "no"],
    ['{"error":{"desc":"no class"}}', "GenericError", "no class"],
    ['{"error":{"class":"X"}}', "X", "no description"],
    ['{"error":{"class":7,"desc":{}}}', "GenericError", "no description"],
  ])("%s is a refusal of QEMU, by class and words", (text, errorClass, description) => {
    try {
      parseQmpReply(text);
      throw new Error("nothing was thrown");
    } catch (error) {
      expect(error).toBeInstanceOf(QmpError);
      expect(error).toMatchObject({ errorClass, description, message: `QEMU: ${description}` });
    }
  });

  it.each([
    "",
    "null",
    "7",
    "[]",
    '"return"',
    "{}",
    '{"event":"RESET"}',
    '{"error":"text"}',
    '{"return":1',
    '{"QMP":{}}',
    "{'return':1}",
  ])("%j is no answer", (text) => {
    expect(() => parseQmpReply(text)).toThrow(QmpProtocolError);
  });

  it("is not read through a prototype", () => {
    expect(() => parseQmpReply('{"__proto__":{"return":1}}')).toThrow(QmpProtocolError);
  });

  it("that is too long is refused unread, and not shown", () => {
    const text = `{"return":"${"x".repeat(8 * 1024 * 1024)}"}`;
    expect(() => parseQmpReply(text)).toThrow(/too long/);
    expect(() => parseQmpReply(text)).not.toThrow(/xxx/);
  });

  it("never ends in anything but a value, a QmpError or a QmpProtocolError", () => {
    const text = fc.oneof(
      anyText(),
      fc.json(),
      fc.jsonValue().map((v) => JSON.stringify({ error: v })),
    );
    fc.assert(
      fc.property(text, (any) => {
        try {
          parseQmpReply(any);
        } catch (error) {
          expect(error instanceof QmpError || error instanceof QmpProtocolError).toBe(true);
        }
      }),
    );
  });
});

describe("the type of an object's property", () => {
  it.each([
    ["child<vfio-pci>", "vfio-pci"],
    ["link<PCIE>", "PCIE"],
    ["child<a<b>>", "a<b>"],
    ["bool", undefined],
    ["child<>", undefined],
    ["xchild<a>", undefined],
  ])("in %s is %s", (type, expected) => {
    expect(findObjectType(type)).toBe(expected);
  });
});
