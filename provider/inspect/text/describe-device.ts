import { findPciAddress } from "../../pci";
import { describeLost, describeSlot, listFunctions, listNumbers, type LostDevice } from "../../plan";
import type {
  BeneathReport,
  DeviceReport,
  FunctionReport,
  HolderReport,
  IommuGroupReport,
  RefusalReport,
} from "../report/report";
import type { Emphasis } from "./colours";
import { labelled } from "./layout";

const LABEL = 12;

/** How a card is written. */
export interface CardStyle {
  readonly width: number;
  readonly paint: (emphasis: Emphasis, text: string) => string;
  /** What the guest refuses every device with: said once, of the guest. */
  readonly guestRefusals: readonly RefusalReport[];
  /** What uses were looked for by. */
  readonly usesLookedFor: readonly string[];
}

/** One device in lines: everything that is known of it, the answer, and the program that follows from it. */
export function describeDevice(device: DeviceReport, style: CardStyle): string[] {
  const { width, paint, guestRefusals, usesLookedFor } = style;
  const { attach, functions } = device;
  const field = (label: string, texts: readonly string[]): string[] =>
    labelled(`  ${label}`, texts, LABEL, width);
  const [head = "", ...rest] = labelled(
    device.address,
    [titleOf(device)],
    Math.max(LABEL, device.address.length + 2),
    width,
  );
  const answer = field("attach", answerTexts(device, guestRefusals));
  return [
    paint("title", head),
    ...rest.map((line) => paint("title", line)),
    ...(device.className === null ? [] : field("class", [device.className])),
    ...field("functions", functionTexts(device)),
    ...field("IOMMU", groupTexts(device)),
    ...(device.numaNode === null ? [] : field("NUMA", [`node ${device.numaNode}`])),
    ...field("host", [...useTexts(device, usesLookedFor), ...holderTexts(functions)]),
    ...answer.map((line, index) => (index === 0 ? paint(emphasisOf(device), line) : line)),
    ...attach.program.map((line, index) => `${(index === 0 ? "  program" : "").padEnd(LABEL)}${line}`),
  ];
}

/** How the answer stands out: what the host would lose by it is no better than a part. */
export function emphasisOf({ attach }: DeviceReport): Emphasis {
  return attach.allowInUse ? "part" : attach.possible;
}

/** Vendor and product; where the host has no names, their numbers. */
export function titleOf({ vendorName, productName, functions }: DeviceReport): string {
  const first = functions[0];
  const vendor = vendorName ?? `vendor ${first?.vendorId || "unknown"}`;
  return `${vendor} ${productName ?? `product ${first?.productId || "unknown"}`}`;
}

/** `0000:01:00.0-3, 0000:02:00.0` */
export function listAddresses(addresses: readonly string[]): string {
  return listFunctions(addresses.flatMap((one) => findPciAddress(one) ?? []));
}

/** Functions that are alike on one line. */
function functionTexts({ functions, productName }: DeviceReport): string[] {
  return groupsOf(functions, (one) => {
    const other = one.productName !== productName && one.productName !== null ? ` ${one.productName},` : "";
    const physical = one.physicalFunction === null ? "" : `, virtual function of ${one.physicalFunction}`;
    return `${other} ${one.driver === null ? "no driver" : `driver ${one.driver}`}${physical}`;
  }).map(([text, some]) => `${listNumbers(some)}:${text}`);
}

function groupTexts({ iommuGroups, functions }: DeviceReport): string[] {
  const outside = functions.filter((one) => one.iommuGroup === null).map((one) => one.function);
  const inGroup = (group: number): string => {
    const own = functions.filter((one) => one.iommuGroup === group).map((one) => one.function);
    return own.length === functions.length ? "" : ` (functions ${listNumbers(own)})`;
  };
  return [
    ...iommuGroups.map((one) => `group ${one.group}${inGroup(one.group)}, ${othersText(one)}`),
    ...(outside.length === functions.length
      ? ["no IOMMU group"]
      : outside.length > 0
        ? [`functions ${listNumbers(outside)}: no IOMMU group`]
        : []),
  ];
}

function othersText({ others }: IommuGroupReport): string {
  if (others.length === 0) return "nothing else in it";
  const word = ({ driver, isBridge }: IommuGroupReport["others"][number]): string =>
    isBridge ? "bridge" : (driver ?? "no driver");
  return `with ${others.map((one) => `${one.address} (${word(one)})`).join(", ")}`;
}

/** What a bridge leads to is told of what is there. */
function useTexts({ functions, isBridge }: DeviceReport, usesLookedFor: readonly string[]): string[] {
  if (isBridge) return [];
  const texts = functions.flatMap((one) => one.hostUses.map((use) => `${one.function}: ${use}`));
  const beneath = functions.flatMap((one) => one.beneath.map(toDevice));
  const names = describeLost({
    interfaces: functions.flatMap((one) => one.interfaces),
    disks: functions.flatMap((one) => one.disks),
    beneath,
  });
  const isPlain = beneath.every(({ kind }) => kind === "interface" || kind === "disk");
  if (texts.length > 0) return isPlain ? texts : [`has ${names}`, ...texts];
  if (functions.every((one) => one.heldBy !== null)) return [];
  return [`${names === "" ? "" : `has ${names}; `}no use found by ${usesLookedFor.join(", ")}`];
}

function toDevice({ kind, name, detail, traits, within }: BeneathReport): LostDevice {
  return {
    ...{ kind, name, traits },
    ...(detail !== null && { detail }),
    ...(within !== null && { within }),
  };
}

function holderTexts(functions: readonly FunctionReport[]): string[] {
  const groups = groupsOf(functions, (one) => (one.heldBy === null ? "" : holderText(one.heldBy)));
  const held = groups.filter(([text]) => text !== "");
  return held.map(([text, some]) => `${listNumbers(some)}: ${text}`);
}

function holderText({ guest, owner, bus, slot, guestFunction }: HolderReport): string {
  if (owner === null) return `guest ${guest} has it`;
  const shown =
    guestFunction === null
      ? "shown to nobody"
      : `in slot ${describeSlot({ bus: bus ?? "?", slot: slot ?? 0 })}`;
  return `held for guest ${guest}, ${shown}, by ${owner}`;
}

function answerTexts(device: DeviceReport, guestRefusals: readonly RefusalReport[]): string[] {
  const { attach } = device;
  const { possible, consequences } = attach;
  const [first = "", ...others] = refusalTexts(device, guestRefusals);
  const also = others.map((one) => `also: ${one}`);
  if (possible === "no") return [`no: ${first}`, ...also];
  const extent = extentOf(device);
  return [
    attach.allowInUse
      ? `${extent}, but the host uses it: end that use first, or take it all the same`
      : extent,
    ...consequences.map((one) => `- ${one}`),
    ...(possible === "part" ? [`not whole: ${first}`, ...also] : []),
  ];
}

/** What speaks against a device, a text each; all that the guest refuses every device with is one. */
function refusalTexts({ attach }: DeviceReport, guestRefusals: readonly RefusalReport[]): string[] {
  const isGuests = (one: RefusalReport): boolean =>
    guestRefusals.some((other) => other.message === one.message);
  const texts = attach.refusals.map((one) => (isGuests(one) ? "the guest refuses, see above" : one.message));
  return [...new Set(texts)];
}

function extentOf({ attach, functions }: DeviceReport): string {
  if (attach.possible === "part") return `in part, functions ${listNumbers(attach.functions)}`;
  return functions.length === 1 ? "whole" : `whole, all ${functions.length} functions`;
}

/** Function numbers by what is said of them, in the order in which it is first said. */
function groupsOf(
  functions: readonly FunctionReport[],
  say: (one: FunctionReport) => string,
): (readonly [string, readonly number[]])[] {
  const groups = new Map<string, number[]>();
  for (const one of functions) groups.set(say(one), [...(groups.get(say(one)) ?? []), one.function]);
  return [...groups];
}
