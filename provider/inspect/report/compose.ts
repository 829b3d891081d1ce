import { printable } from "../../errors";
import { compareAddresses, functionNumberOf, slotOf, type PciAddress, type PciSlotAddress } from "../../pci";
import {
  disksOn,
  bridgeFacts,
  findBeneath,
  isAnyBridge,
  isBridgeFunction,
  interfacesOn,
  turnedRound,
  type HostFacts,
  type HostFunction,
  type ListedFunction,
} from "../../host/facts";
import {
  findFunctionNotes,
  findFunctionUses,
  findHostNotes,
  findHostUses,
  findUseLooks,
  type HostNote,
  type HostUse,
} from "../../host/uses";
import {
  describeHostNote,
  describeHostUse,
  describeUnreadGuest,
  describeUnseenUses,
  describeUseLooks,
  withRecorded,
  type Observation,
} from "../../plan";
import { anyGuest } from "./any-guest";
import { assessDevice } from "./assess";
import { beneathReport } from "./beneath";
import { guestReport } from "./guest-report";
import { entriesByTag, holderOf, type EntriesByTag } from "./holders";
import type { InspectionInput } from "../inspection-input";
import { nameOf } from "./name-of";
import { partsByDevice } from "./part-of-device";
import { programOf, prologueOf } from "./program";
import type { DeviceReport, FunctionReport, IommuGroupReport, PciReport } from "./report";

/** A function with both of its sides: what the planner knows, and what it is called. */
interface Known {
  readonly hostAddress: PciAddress;
  readonly listed: ListedFunction;
  readonly isBridge: boolean;
  readonly isMachineBridge?: boolean;
}

/** From what was looked at to what could be attached. Names of the host are printable in it. */
export function composeReport(input: InspectionInput): PciReport {
  const { seen, facts, functionFacts, label, hostKeyFingerprint } = input;
  const known = input.functions.map(knownOf).sort((a, b) => compareAddresses(a.hostAddress, b.hostAddress));
  const observation = observationOf(input, known);
  const looks = findUseLooks(facts, functionFacts);
  return {
    host: {
      address: printable(label),
      uuid: nameOf(observation.hostUuid),
      hostKeyFingerprint: nameOf(hostKeyFingerprint),
    },
    guest: seen.by === "guest" ? guestReport(observation) : null,
    guests:
      seen.by === "host" && seen.guests !== undefined
        ? seen.guests.map(({ name, uuid }) => ({ name: printable(name), uuid: printable(uuid) }))
        : null,
    devices: deviceReports(known, observation, facts),
    prologue: prologueOf(input.arguments),
    notes: [
      ...input.notes,
      ...(observation.unreadGuests ?? []).map(describeUnreadGuest),
      ...(observation.hostNotes ?? hostNotesOf(input)).map(describeHostNote),
      ...describeUnseenUses(looks),
    ].map(printable),
    usesLookedFor: describeUseLooks(looks),
  };
}

function knownOf(listed: ListedFunction): Known {
  const { hostAddress, classCode, headerType } = listed;
  return { hostAddress, listed, ...bridgeFacts(isBridgeFunction(classCode, headerType), classCode) };
}

/** What was looked at in the form that the planner knows. */
function observationOf(input: InspectionInput, known: readonly Known[]): Observation {
  const { seen, facts, functionFacts } = input;
  const functions = new Map(known.map((one) => [one.hostAddress, hostFunctionOf(one)]));
  const { holdings, ledger, olderLibvirt } = seen.by === "guest" ? seen.observation : seen.holders;
  const held = {
    ledger,
    // a look at a guest knows the drivers of what it was asked for alone
    holdings: olderLibvirt === undefined ? holdings : withRecorded(holdings, ledger, functions),
  };
  const host = {
    beneath: findBeneath(facts.beneath),
    hostUses: hostUsesOf(input),
    ...(functionFacts && { functionFacts }),
    ...machineOf(facts),
  };
  return seen.by === "guest"
    ? { ...seen.observation, ...held, functions, ...host }
    : { ...anyGuest(functions, { ...seen.holders, ...held }), ...host };
}

/**
 * All that the host uses its functions for, by all looks. What guests have by way of the host's drivers, a
 * look at a guest knows, and else the facts.
 */
function hostUsesOf({ seen, facts, functionFacts }: InspectionInput): HostUse[] {
  const ofGuests =
    seen.by === "guest" ? seen.observation.hostUses.filter(({ kind }) => kind === "guest-device") : [];
  return [...findHostUses(facts), ...ofGuests, ...(functionFacts ? findFunctionUses(functionFacts) : [])];
}

/** What is not known of the host, by both looks; a look at a guest tells it by itself. */
function hostNotesOf({ facts, functionFacts }: InspectionInput): HostNote[] {
  return [...findHostNotes(facts), ...(functionFacts ? findFunctionNotes(functionFacts) : [])];
}

/** What of the host itself decides about its groups. */
function machineOf({
  architecture,
  kernelRelease,
}: HostFacts): Pick<Observation, "architecture" | "kernelRelease"> {
  return {
    ...(architecture !== undefined && { architecture }),
    ...(kernelRelease !== undefined && { kernelRelease }),
  };
}

function deviceReports(known: readonly Known[], observation: Observation, facts: HostFacts): DeviceReport[] {
  const devices = turnedRound(known, (one) => [slotOf(one.hostAddress)]);
  const groups = turnedRound(known, ({ listed: { iommuGroup } }) =>
    iommuGroup === undefined ? [] : [iommuGroup],
  );
  const entries = entriesByTag(observation);
  const partFor = partsByDevice(observation);
  return [...devices].map(([address, members]) =>
    deviceReport({
      address,
      members,
      membersOfGroup: (group) => groups.get(group) ?? [],
      observation: partFor(members.map((one) => one.hostAddress)),
      entries,
      facts,
    }),
  );
}

function hostFunctionOf({ hostAddress, listed, isBridge, isMachineBridge = false }: Known): HostFunction {
  return {
    hostAddress,
    vendorId: listed.vendorId,
    productId: listed.productId,
    ...{ isBridge, isMachineBridge },
    ...(listed.driver !== undefined && { driver: listed.driver }),
    ...(listed.iommuGroup !== undefined && { iommuGroup: listed.iommuGroup }),
  };
}

/** What the report of one device is made from. */
interface DeviceParts {
  readonly address: PciSlotAddress;
  readonly members: readonly Known[];
  readonly membersOfGroup: (group: number) => readonly Known[];
  /** The part of the observation that is about this device. */
  readonly observation: Observation;
  readonly entries: EntriesByTag;
  readonly facts: HostFacts;
}

function deviceReport(parts: DeviceParts): DeviceReport {
  const { address, members, membersOfGroup, observation, facts } = parts;
  const numbers = members.map((one) => functionNumberOf(one.hostAddress));
  const assessment = assessDevice(observation, facts, address, numbers);
  const first = members[0]?.listed;
  const groups = [...new Set(members.flatMap((one) => one.listed.iommuGroup ?? []))];
  return {
    address,
    vendorName: nameOf(first?.vendorName),
    productName: nameOf(first?.productName),
    className: nameOf(first?.className),
    numaNode: first?.numaNode ?? null,
    isBridge: members.every(isAnyBridge),
    functions: members.map((one) => functionReport(one, parts)),
    iommuGroups: groups.map((group) => groupReport(group, address, membersOfGroup(group))),
    attach: {
      ...assessment,
      consequences: assessment.consequences.map(printable),
      program: programOf(address, assessment),
    },
  };
}

function functionReport(
  { hostAddress, listed }: Known,
  { observation, entries, facts }: DeviceParts,
): FunctionReport {
  const interfaces = interfacesOn(facts, hostAddress);
  const disks = disksOn(facts, hostAddress);
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
    interfaces: interfaces.map(printable),
    disks: disks.map(printable),
    beneath: beneathReport({ interfaces, disks }, observation.beneath?.get(hostAddress) ?? []),
    hostUses: observation.hostUses
      .filter((one) => one.hostAddress === hostAddress)
      .map((one) => printable(describeHostUse(one))),
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
