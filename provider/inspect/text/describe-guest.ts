import { describeSlot } from "../../plan";
import type { GuestBusReport, GuestReport } from "../report/report";
import type { Emphasis } from "./colours";
import { listAddresses } from "./describe-device";
import { labelled } from "./layout";

const LABEL = 10;

/** A guest in lines: what it is, its slots, what is attached to it, and what keeps everything out of it. */
export function describeGuest(
  guest: GuestReport,
  width: number,
  paint: (emphasis: Emphasis, text: string) => string,
): string[] {
  const { machine, qemuVersion, memoryBytes, refusals } = guest;
  const facts = [
    guest.runState,
    ...(machine === null ? [] : [`machine ${machine}`]),
    ...(qemuVersion === null || qemuVersion === "" ? [] : [`QEMU ${qemuVersion}`]),
    ...(memoryBytes === null ? [] : [`${Math.round(memoryBytes / 2 ** 20)} MiB`]),
  ];
  const free = guest.buses.filter((one) => one.freeSlots.length > 0);
  const attachments = guest.attachments.map(
    ({ owner, bus, slot, attached, held }) =>
      `${listAddresses(attached)} in slot ${describeSlot({ bus, slot })}` +
      `${held.length === 0 ? "" : `, ${listAddresses(held)} held beside`}, by ${owner}`,
  );
  return [
    ...labelled("guest", [`${guest.name}: ${facts.join(", ")}`], LABEL, width),
    ...(machine === null
      ? []
      : labelled(
          "free",
          [free.length === 0 ? "no hotplug slot" : free.map(freeOf).join(", ")],
          LABEL,
          width,
        )),
    ...labelled(
      "attached",
      attachments.length === 0 ? ["nothing by this provider"] : attachments,
      LABEL,
      width,
    ),
    ...labelled(
      "refuses",
      refusals.map((one) => one.message),
      LABEL,
      width,
    ).map((line) => paint("no", line)),
  ];
}

/** `pci.5 (pcie-acpi)`, `pci.0 (pci-acpi, slots 3, 5-31)` */
function freeOf({ bus, kind, freeSlots }: GuestBusReport): string {
  const slots = freeSlots.length === 1 && freeSlots[0] === 0 ? "" : `, slots ${listRuns(freeSlots)}`;
  return `${bus} (${kind ?? "?"}${slots})`;
}

/** `3, 5-31` */
function listRuns(numbers: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const one of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === one - 1) last[1] = one;
    else runs.push([one, one]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(", ");
}
