import fc from "fast-check";
import {
  compareAddresses,
  findPciAddress,
  findPciSlotAddress,
  functionNumberOf,
  pciAddressFromParts,
  pciAddressOf,
  pciAddressParts,
  slotOf,
  type PciSlotAddress,
} from "../../../provider/pci";
import { anyText } from "../../support/any-text";

const parts = fc.record({
  domain: fc.oneof(fc.constant(0), fc.nat({ max: 0xffff }), fc.nat({ max: 0xffffffff })),
  bus: fc.nat({ max: 0xff }),
  device: fc.nat({ max: 0x1f }),
  function: fc.nat({ max: 7 }),
});

describe("PCI addresses", () => {
  it("come back as the same numbers from their text", () => {
    fc.assert(
      fc.property(parts, (numbers) => {
        expect(pciAddressParts(pciAddressFromParts(numbers))).toEqual(numbers);
      }),
    );
  });

  it("have one spelling: parsed again, in any case and length, they are equal", () => {
    fc.assert(
      fc.property(parts, (numbers) => {
        const address = pciAddressFromParts(numbers);
        expect(address).toMatch(/^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/);
        expect(findPciAddress(address)).toBe(address);
        expect(findPciAddress(address.toUpperCase())).toBe(address);
        expect(findPciSlotAddress(slotOf(address))).toBe(slotOf(address));
        if (numbers.domain === 0) expect(findPciAddress(address.slice("0000:".length))).toBe(address);
      }),
    );
  });

  it("are put together from slot and function, and taken apart into them", () => {
    fc.assert(
      fc.property(parts, (numbers) => {
        const address = pciAddressFromParts(numbers);
        expect(functionNumberOf(address)).toBe(numbers.function);
        expect(pciAddressOf(slotOf(address), numbers.function)).toBe(address);
      }),
    );
  });

  it("sort in host order: by domain, bus, device, function", () => {
    fc.assert(
      fc.property(fc.array(parts), (list) => {
        const key = (one: (typeof list)[number]): number[] => [one.domain, one.bus, one.device, one.function];
        const expected = [...list].sort((a, b) => {
          const differing = key(a).findIndex((n, i) => n !== key(b)[i]);
          return differing < 0 ? 0 : (key(a)[differing] ?? 0) - (key(b)[differing] ?? 0);
        });
        expect(list.map(pciAddressFromParts).sort(compareAddresses)).toEqual(
          expected.map(pciAddressFromParts),
        );
      }),
    );
  });

  it.each([
    ["01:00", "0000:01:00"],
    ["0000:01:00", "0000:01:00"],
    ["ABCD:EF:1F", "abcd:ef:1f"],
    ["00010000:01:00", "10000:01:00"],
    ["00000000:01:00", "0000:01:00"],
  ])("read the slot %s as %s", (text, slot) => {
    expect(findPciSlotAddress(text)).toBe(slot);
  });

  it.each([
    "",
    "01:00.0",
    "1:00",
    "01:0",
    "01:20",
    "01:00.",
    "000:01:00",
    "000000000:01:00",
    "g0:00",
    " 01:00",
    "01:00 ",
    "01:00\n",
    "0000:01:00:00",
    "01-00",
    "٠١:٠٠",
  ])("do not read %j as a slot", (text) => {
    expect(findPciSlotAddress(text)).toBeUndefined();
  });

  it.each([
    "",
    "01:00",
    "01:00.8",
    "01:00.-1",
    "01:00.10",
    "01:00.0 ",
    "01:00.0\n",
    ".0",
    "01:20.0",
    "01:00.٣",
  ])("do not read %j as a function", (text) => {
    expect(findPciAddress(text)).toBeUndefined();
  });

  it("never throw on any text, and only give back the canonical form", () => {
    const canonical = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f](\.[0-7])?$/;
    const text = fc.oneof(
      anyText(),
      fc.stringMatching(/^([0-9a-fA-F]{0,9}:)?[0-9a-fA-F]{0,3}:[0-9a-fA-F]{0,3}\.?[0-9]?$/),
    );
    fc.assert(
      fc.property(text, (any) => {
        const found = [findPciAddress(any), findPciSlotAddress(any)].filter((one) => one !== undefined);
        expect(found.filter((one) => !canonical.test(one))).toEqual([]);
      }),
    );
  });

  it.each([-1, 8, 1.5, NaN, Infinity])("are not made for function number %d", (number) => {
    expect(() => pciAddressOf("0000:01:00" as PciSlotAddress, number)).toThrow(RangeError);
  });

  it.each([
    { domain: 0, bus: 256, device: 0, function: 0 },
    { domain: 0, bus: 0, device: 32, function: 0 },
    { domain: 0, bus: 0, device: 0, function: 8 },
    { domain: -1, bus: 0, device: 0, function: 0 },
    { domain: 0, bus: NaN, device: 0, function: 0 },
  ])("are not made from numbers out of range: %j", (numbers) => {
    expect(() => pciAddressFromParts(numbers)).toThrow(RangeError);
  });
});
