import { findPciAddress, findPciSlotAddress, isAddressable } from "../../pci";
import { isFields, isGiven, type Fields } from "./fields";
import type { InputFailure } from "./input-failure";
import { UNKNOWN_VALUE } from "./unknown";

/** Rules over several fields; each looks only at what is there and of the right type. */
export function findSelectionFailures(inputs: Fields): InputFailure[] {
  const failures: InputFailure[] = [];
  const { device, functions, functionMap } = inputs;
  if (isGiven(functionMap) && isGiven(device))
    failures.push({
      property: "functionMap",
      reason: "functionMap and device exclude each other; leave one of them out",
    });
  if (isGiven(functionMap) && isGiven(functions))
    failures.push({
      property: "functions",
      reason: "functionMap and functions exclude each other; leave one of them out",
    });
  if (!isGiven(functionMap) && !isGiven(device))
    failures.push({
      property: "device",
      reason: 'device is missing; use the slot of a host device, such as "0000:01:00", or functionMap',
    });
  const slot = typeof device === "string" ? findPciSlotAddress(device) : undefined;
  if (slot !== undefined && !isAddressable(slot)) failures.push(beyondDomains("device", slot));
  if (Array.isArray(functions))
    for (const twice of repeated(functions as unknown[]))
      failures.push({
        property: "functions",
        reason: `functions names ${JSON.stringify(twice)} twice; name each function once`,
      });
  if (Array.isArray(functionMap)) failures.push(...findMapFailures(functionMap));
  return failures;
}

function findMapFailures(map: readonly unknown[]): InputFailure[] {
  const entries = map.filter(isFields);
  const failure = (reason: string): InputFailure => ({ property: "functionMap", reason });
  const failures: InputFailure[] = [];
  const addresses = entries.flatMap((entry) => {
    const text = entry["hostAddress"];
    return typeof text === "string" ? (findPciAddress(text) ?? []) : [];
  });
  const numbers = entries.map((entry) => entry["guestFunction"]).filter((one) => typeof one === "number");
  for (const twice of repeated(addresses))
    failures.push(failure(`functionMap names host function ${twice} twice; name each once`));
  for (const twice of repeated(numbers))
    failures.push(
      failure(`functionMap gives guest function ${twice} to two functions; give each its own number`),
    );
  for (const [index, entry] of map.entries()) {
    const text = isFields(entry) ? entry["hostAddress"] : undefined;
    const address = typeof text === "string" ? findPciAddress(text) : undefined;
    if (address !== undefined && !isAddressable(address))
      failures.push(beyondDomains(`functionMap[${index}].hostAddress`, address));
    if (isFields(entry) && isRomWithoutBar(entry))
      failures.push({
        property: `functionMap[${index}].romFile`,
        reason: `functionMap[${index}].romFile needs a ROM BAR, without which QEMU plugs no ROM; leave romBar or romFile out`,
      });
  }
  const allKnown = numbers.length === map.length;
  if (map.length > 0 && allKnown && !numbers.includes(0))
    failures.push(
      failure(
        "functionMap has no guest function 0, without which a guest sees none of the others; give one of them 0",
      ),
    );
  return failures;
}

/** What Intel VMD makes: `10000:e1:00`. */
function beyondDomains(property: string, address: string): InputFailure {
  const reason =
    `${property} is ${JSON.stringify(address)}, whose PCI domain has more than the four digits that QEMU takes; ` +
    "switch Intel VMD off for that device in the host's firmware, and use the address that it has then";
  return { property, reason };
}

function isRomWithoutBar({ romFile, romBar }: Fields): boolean {
  return romBar === false && typeof romFile === "string" && romFile !== UNKNOWN_VALUE;
}

function repeated<T>(values: readonly T[]): T[] {
  return [
    ...new Set(values.filter((value, index) => value !== UNKNOWN_VALUE && values.indexOf(value) !== index)),
  ];
}
