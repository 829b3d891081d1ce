import { functionNumberOf, slotOf, type PciAddress } from "../pci";

/** `0000:01:00.0-3`, `0000:01:00.0,2` or, over several slots, `0000:01:10.0,2, 0000:02:00.0-3`. */
export function listFunctions(addresses: readonly PciAddress[]): string {
  if (addresses.length === 0) return "nothing";
  const bySlot = new Map<string, number[]>();
  for (const one of addresses)
    bySlot.set(slotOf(one), [...(bySlot.get(slotOf(one)) ?? []), functionNumberOf(one)]);
  return [...bySlot].map(([slot, numbers]) => `${slot}.${listNumbers(numbers)}`).join(", ");
}

/** `0-3` for a run of three or more, else `0,2`. */
export function listNumbers(unordered: readonly number[]): string {
  const numbers = [...unordered].sort((a, b) => a - b);
  const isRun = numbers.length > 2 && numbers.every((n, i) => i === 0 || n === (numbers[i - 1] ?? 0) + 1);
  return isRun ? `${numbers[0]}-${numbers.at(-1)}` : numbers.join(",");
}
