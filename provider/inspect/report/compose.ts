import { printable } from "../../errors";
import {
  compareAddresses,
  findPciAddress,
  functionNumberOf,
  isSlotFree,
  slotOf,
  type GuestBus,
  type PciAddress,
  type PciSlotAddress,
} from "../../pci";
import { disksOn, interfacesOn, type HostFunction } from "../../host/facts";
import { findHostUses, turnedRound } from "../../host/uses";
import {
  allEntriesOf,
  describeUnreadGuest,
  findTagOfAlias,
  withRecorded,
  type LedgerEntry,
  type Observation,
} from "../../plan";
import { anyGuest } from "./any-guest";
import { assessDevice, assessGuest } from "./assess";
import { partsByDevice } from "./part-of-device";
import type { InspectionInput, ListedFunction } from "../inspection-input";
import { programOf, prologueOf } from "./program";
import type {
  AttachmentReport,
  DeviceReport,
  FunctionReport,
  GuestBusReport,
  GuestReport,
  HolderReport,
  IommuGroupReport,
  PciReport,
} from "./report";

/** PCI base class of bridges. */
const BRIDGE_CLASS = 0x06;

/** A function with both of its sides: what the planner knows, and what it is called. */
interface Known {
  readonly hostAddress: PciAddress;
  readonly listed: ListedFunction;
  readonly isBridge: boolean;
}

/** From what was looked at to what could be attached. Names of the host are printable in it. */
export function composeReport(input: InspectionInput): PciReport {
  const { seen, facts, label, hostKeyFingerprint } = input;
  const known = input.functions
    .flatMap((listed): Known[] => {
      const hostAddress = findPciAddress(listed.address);
      const isBridge = Number(listed.classCode) >> 16 === BRIDGE_CLASS;
      return hostAddress === undefined ? [] : [{ hostAddress, listed, isBridge }];
    })
    .sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress));
  const functions = new Map(known.map((one) => [one.hostAddress, hostFunctionOf(one)]));
  const { holdings, ledger, olderLibvirt } = seen.by === "guest" ? seen.observation : seen.holders;
  const held = {
    ledger,
    // a look at a guest knows the drivers of what it was asked for alone
    holdings: olderLibvirt === undefined ? holdings : withRecorded(holdings, ledger, functions),
  };
  const observation: Observation =
    seen.by === "guest"
      ? { ...seen.observation, ...held, functions, hostUses: findHostUses(facts) }
      : anyGuest(functions, facts, { ...seen.holders, ...held });
  const devices = turnedRound(known, (one) => [slotOf(one.hostAddress)]);
  const groups = turnedRound(known, ({ listed: { iommuGroup } }) =>
    iommuGroup === undefined ? [] : [iommuGroup],
  );
  const entries = entriesByTag(observation);
  const partFor = partsByDevice(observation);
  return {
    host: {
      address: printable(label),
      uuid: observation.hostUuid === "" ? null : printable(observation.hostUuid),
      hostKeyFingerprint: hostKeyFingerprint === "" ? null : printable(hostKeyFingerprint),
    },
    guest: seen.by === "guest" ? guestReport(observation) : null,
    guests:
      seen.by === "host" && seen.guests !== undefined
        ? seen.guests.map(({ name, uuid }) => ({ name: printable(name), uuid: printable(uuid) }))
        : null,
    devices: [...devices].map(([address, members]) =>
      deviceReport(address, members, groups, partFor(members.map((one) => one.hostAddress)), entries, input),
    ),
    prologue: prologueOf(input.arguments),
    notes: [...input.notes, ...(observation.unreadGuests ?? []).map(describeUnreadGuest)].map(printable),
  };
}

function hostFunctionOf({ hostAddress, listed, isBridge }: Known): HostFunction {
  return {
    hostAddress,
    vendorId: listed.vendorId,
    productId: listed.productId,
    isBridge,
    ...(listed.driver !== undefined && { driver: listed.driver }),
    ...(listed.iommuGroup !== undefined && { iommuGroup: listed.iommuGroup }),
  };
}

function deviceReport(
  address: PciSlotAddress,
  members: readonly Known[],
  inGroups: ReadonlyMap<number, readonly Known[]>,
  observation: Observation,
  entries: EntriesByTag,
  input: InspectionInput,
): DeviceReport {
  const numbers = members.map((one) => functionNumberOf(one.hostAddress));
  const assessment = assessDevice(observation, input.facts, address, numbers);
  const { refusal } = assessment;
  const first = members[0]?.listed;
  const groups = [...new Set(members.flatMap((one) => one.listed.iommuGroup ?? []))];
  return {
    address,
    vendorName: nameOf(first?.vendorName),
    productName: nameOf(first?.productName),
    className: nameOf(first?.className),
    numaNode: first?.numaNode ?? null,
    isBridge: members.every((one) => one.isBridge),
    functions: members.map((one) => functionReport(one, observation, entries, input)),
    iommuGroups: groups.map((group) => groupReport(group, address, inGroups.get(group) ?? [])),
    attach: {
      ...assessment,
      consequences: assessment.consequences.map(printable),
      refusal: refusal && { ...refusal, message: printable(refusal.message) },
      program: programOf(address, assessment),
    },
  };
}

function functionReport(
  { hostAddress, listed }: Known,
  observation: Observation,
  entries: EntriesByTag,
  input: InspectionInput,
): FunctionReport {
  return {
    address: hostAddress,
    function: functionNumberOf(hostAddress),
    vendorId: printable(listed.vendorId),
    productId: printable(listed.productId),
    classCode: printable(listed.classCode),
    vendorName: nameOf(listed.vendorName),
    productName: nameOf(listed.productName),
    className: nameOf(listed.className),
    driver: nameOf(listed.driver),
    iommuGroup: listed.iommuGroup ?? null,
    physicalFunction: nameOf(listed.physicalFunction),
    interfaces: interfacesOn(input.facts, hostAddress).map(printable),
    disks: disksOn(input.facts, hostAddress).map(printable),
    hostUses: observation.hostUses
      .filter((one) => one.hostAddress === hostAddress)
      .map((one) => printable(one.use)),
    heldBy: holderOf(hostAddress, observation, entries),
  };
}

/** A bridge in a group is no obstacle, and is told as one. */
function groupReport(group: number, device: PciSlotAddress, members: readonly Known[]): IommuGroupReport {
  const others = members.filter((one) => slotOf(one.hostAddress) !== device);
  return {
    group,
    others: others.map(({ hostAddress, listed, isBridge }) => ({
      address: hostAddress,
      driver: nameOf(listed.driver),
      isBridge,
    })),
  };
}

/** The entries of the ledger, by guest and tag; the first of each counts. */
type EntriesByTag = ReadonlyMap<string, readonly { readonly entry: LedgerEntry }[]>;

function entriesByTag({ ledger }: Observation): EntriesByTag {
  return turnedRound(ledger, (line) => [`${line.guest.uuid} ${line.entry.tag}`]);
}

function holderOf(
  hostAddress: PciAddress,
  { holdings }: Observation,
  entries: EntriesByTag,
): HolderReport | null {
  const holding = holdings.find((one) => one.hostAddress === hostAddress);
  if (holding === undefined) return null;
  const tag = findTagOfAlias(holding.alias);
  const entry = tag === undefined ? undefined : entries.get(`${holding.guest.uuid} ${tag}`)?.[0]?.entry;
  const own = entry?.functions.find((one) => one.hostAddress === hostAddress);
  return {
    guest: printable(holding.guest.name),
    guestUuid: holding.guest.uuid === "" ? null : printable(holding.guest.uuid),
    owner: nameOf(entry?.owner),
    bus: nameOf(entry?.slot.bus),
    slot: entry?.slot.slot ?? null,
    guestFunction: own?.guestFunction ?? null,
  };
}

function guestReport(observation: Observation): GuestReport {
  const { guest, buses } = observation;
  const isAsked =
    guest.runState === "running" || guest.runState === "paused" || guest.runState === "prelaunch";
  const entries = new Map(allEntriesOf(observation).map((entry) => [entry.tag, entry]));
  return {
    name: printable(guest.name),
    uuid: printable(guest.uuid),
    runState: guest.runState === "missing" ? "off" : guest.runState,
    machine: nameOf(guest.machine),
    qemuVersion: isAsked ? printable(guest.qemuVersion) : null,
    memoryBytes: guest.memoryBytes ?? null,
    buses: [...buses].sort((a, b) => a.index - b.index).map((one) => busReport(one, observation)),
    attachments: [...entries.values()].map(attachmentReport),
    refusal: assessGuest(observation),
  };
}

function busReport(bus: GuestBus, { configuration }: Observation): GuestBusReport {
  const { hotplug, occupants, reservedSlots } = bus;
  const name = printable(bus.bus);
  const takenBy = [...new Set(occupants.map((one) => printable(one.id)))];
  if (!hotplug.possible)
    return { bus: name, kind: null, freeSlots: [], takenBy, reason: printable(hotplug.reason) };
  const kept = (configuration?.functions ?? []).flatMap(({ place }) =>
    place?.bus === bus.bus ? [place.slot] : [],
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

function nameOf(text: string | undefined): string | null {
  return text === undefined || text === "" ? null : printable(text);
}
