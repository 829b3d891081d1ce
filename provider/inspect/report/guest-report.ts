import { printable } from "../../errors";
import { isSlotFree, type GuestBus, type PciAddress } from "../../pci";
import { allEntriesOf, wordOf, type LedgerEntry, type Observation } from "../../plan";
import { assessGuest } from "./assess";
import { nameOf } from "./name-of";
import type { AttachmentReport, GuestBusReport, GuestReport } from "./report";

/** The guest that was looked at: its buses, its attachments, and what it refuses every device with. */
export function guestReport(observation: Observation): GuestReport {
  const { guest, buses } = observation;
  const runState = wordOf(guest.runState);
  const isAsked = runState !== "off" && runState !== "missing";
  const entries = new Map(allEntriesOf(observation).map((entry) => [entry.tag, entry]));
  return {
    name: printable(guest.name),
    uuid: printable(guest.uuid),
    runState: runState === "missing" ? "off" : runState,
    machine: nameOf(guest.machine),
    qemuVersion: isAsked ? printable(guest.qemuVersion) : null,
    memoryBytes: guest.memoryBytes ?? null,
    buses: [...buses].sort((a, b) => a.index - b.index).map((one) => busReport(one, observation)),
    attachments: [...entries.values()].map(attachmentReport),
    ...assessGuest(observation),
  };
}

function busReport(bus: GuestBus, { configuration }: Observation): GuestBusReport {
  const { hotplug, occupants, reservedSlots } = bus;
  const name = printable(bus.bus);
  const takenBy = [...new Set(occupants.map((one) => printable(one.id)))];
  if (!hotplug.possible)
    return { bus: name, kind: null, freeSlots: [], takenBy, reason: printable(hotplug.reason) };
  const kept = (configuration?.functions ?? []).flatMap(({ guestAddress }) =>
    guestAddress?.bus === bus.bus ? [guestAddress.slot] : [],
  );
  const seen: GuestBus = { ...bus, reservedSlots: [...reservedSlots, ...kept] };
  const { first, last } = hotplug.slots;
  const slots = Array.from({ length: last - first + 1 }, (_, n) => first + n);
  return {
    bus: name,
    kind: hotplug.kind,
    freeSlots: slots.filter((slot) => isSlotFree(seen, slot)),
    takenBy,
    reason: null,
  };
}

function attachmentReport({ owner, slot, functions }: LedgerEntry): AttachmentReport {
  const addresses = (isShown: boolean): PciAddress[] =>
    functions.filter((one) => (one.guestFunction !== undefined) === isShown).map((one) => one.hostAddress);
  return {
    owner: printable(owner),
    bus: printable(slot.bus),
    slot: slot.slot,
    attached: addresses(true),
    held: addresses(false),
  };
}
