import fc from "fast-check";
import {
  defaultFunctionMap,
  functionNumberOf,
  isSameFunctionMap,
  pciAddressOf,
  type PciAddress,
  type PciSlotAddress,
} from "../../../provider/pci";

const slot = "0000:01:00" as PciSlotAddress;
const functionsOf = (...numbers: readonly number[]): PciAddress[] =>
  numbers.map((n) => pciAddressOf(slot, n));
const someNumbers = fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1, maxLength: 8 });

describe("the guest function numbers that are chosen where the user gave none", () => {
  it("are the host's own where host function 0 is among them", () => {
    fc.assert(
      fc.property(someNumbers, (numbers) => {
        fc.pre(numbers.includes(0));
        for (const one of defaultFunctionMap(functionsOf(...numbers)))
          expect(one.guestFunction).toBe(functionNumberOf(one.hostAddress));
      }),
    );
  });

  it("are counted up from 0 in host order where it is not", () => {
    fc.assert(
      fc.property(someNumbers, (numbers) => {
        fc.pre(!numbers.includes(0));
        const map = defaultFunctionMap(functionsOf(...numbers));
        expect(map.map((one) => one.guestFunction)).toEqual(numbers.map((_, index) => index));
        expect(map.map((one) => functionNumberOf(one.hostAddress))).toEqual(
          [...numbers].sort((a, b) => a - b),
        );
      }),
    );
  });

  it("always have a 0, and each number and function once, in any order", () => {
    fc.assert(
      fc.property(someNumbers, (numbers) => {
        const map = defaultFunctionMap(functionsOf(...numbers));
        expect(map.some((one) => one.guestFunction === 0)).toBe(true);
        expect(new Set(map.map((one) => one.guestFunction)).size).toBe(numbers.length);
        expect(new Set(map.map((one) => one.hostAddress))).toEqual(new Set(functionsOf(...numbers)));
        expect(isSameFunctionMap(map, defaultFunctionMap(functionsOf(...[...numbers].reverse())))).toBe(true);
      }),
    );
  });

  it.each([
    [
      [0, 2],
      [0, 2],
    ],
    [
      [2, 0],
      [0, 2],
    ],
    [
      [2, 3],
      [0, 1],
    ],
    [[3], [0]],
    [
      [7, 1, 5],
      [0, 1, 2],
    ],
  ])("for host functions %j are %j", (host, guest) => {
    expect(defaultFunctionMap(functionsOf(...host)).map((one) => one.guestFunction)).toEqual(guest);
  });
});

describe("two function maps", () => {
  const map = fc
    .tuple(someNumbers, fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }))
    .map(([host, guest]) =>
      functionsOf(...host).map((hostAddress, i) => ({ hostAddress, guestFunction: guest[i] ?? 0 })),
    );

  it("are the same in any order, and differ with each number and function", () => {
    fc.assert(
      fc.property(map, fc.nat({ max: 7 }), (one, pick) => {
        const changedAt = pick % one.length;
        expect(isSameFunctionMap(one, [...one].reverse())).toBe(true);
        expect(isSameFunctionMap(one, one.slice(1))).toBe(false);
        expect(isSameFunctionMap(one.slice(1), one)).toBe(false);
        const renumbered = one.map((m, i) =>
          i === changedAt ? { ...m, guestFunction: m.guestFunction + 8 } : m,
        );
        expect(isSameFunctionMap(one, renumbered)).toBe(false);
        const other = pciAddressOf("0000:02:00" as PciSlotAddress, 0);
        const moved = one.map((m, i) => (i === changedAt ? { ...m, hostAddress: other } : m));
        expect(isSameFunctionMap(one, moved)).toBe(false);
      }),
    );
  });

  it("with one function twice are not the same as the map without it", () => {
    const [a, b] = functionsOf(0, 1);
    if (a === undefined || b === undefined) throw new Error("two functions were made");
    const plain = [
      { hostAddress: a, guestFunction: 0 },
      { hostAddress: b, guestFunction: 1 },
    ];
    const first = { hostAddress: a, guestFunction: 0 };
    expect(isSameFunctionMap(plain, [first, first, ...plain.slice(1)])).toBe(false);
  });
});
