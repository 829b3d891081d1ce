import { randomFraction, randomHex, useRandom } from "../../../provider/async/random";

it("makes two digits for each byte, other ones each time", () => {
  expect(randomHex(16)).toMatch(/^[0-9a-f]{32}$/);
  expect(randomHex(16)).not.toBe(randomHex(16));
  const fractions = Array.from({ length: 100 }, randomFraction);
  expect(fractions.every((one) => one >= 0 && one < 1)).toBe(true);
  expect(new Set(fractions).size).toBeGreaterThan(1);
});

it("is another's as long as that stands in its place", () => {
  const restore = useRandom({ bytes: (length) => new Uint8Array(length).fill(0xa5), fraction: () => 0.25 });
  expect(randomHex(3)).toBe("a5a5a5");
  expect(randomFraction()).toBe(0.25);
  restore();
  expect(randomHex(16)).not.toBe("a5".repeat(16));
});
