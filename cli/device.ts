import { UsageError } from "./usage-error";

/** The slot of a device, `01:00` or `0000:01:00`, as `DDDD:BB:DD`. */
export function slotOf(text: string): string {
  const { slot, number } = partsOf(text) ?? {};
  if (slot === undefined || number !== undefined)
    throw new UsageError(
      `--device is ${JSON.stringify(text)}; use the slot of a device, such as 0000:01:00 (without function)`,
    );
  return slot;
}

/** A slot or a function, `01:00` or `01:00.0`, as `DDDD:BB:DD` or `DDDD:BB:DD.F`. */
export function slotOrFunctionOf(text: string): string {
  const parts = partsOf(text);
  if (parts === undefined)
    throw new UsageError(
      `--device is ${JSON.stringify(text)}; use the slot of a device, such as 0000:01:00, ` +
        `or a function, such as 0000:01:00.0`,
    );
  return parts.number === undefined ? parts.slot : `${parts.slot}.${parts.number}`;
}

function partsOf(text: string): { readonly slot: string; readonly number: string | undefined } | undefined {
  const form = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[01][0-9a-f])(?:\.([0-7]))?$/;
  const [, domain = "", slot, number] = form.exec(text.toLowerCase()) ?? [];
  if (slot === undefined) return undefined;
  return { slot: `${domain.replace(/^0+/, "").padStart(4, "0")}:${slot}`, number };
}
