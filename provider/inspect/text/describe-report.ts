import { listNumbers } from "../../plan";
import type { DeviceReport, PciReport } from "../report/report";
import { painter, type Emphasis } from "./colours";
import { describeDevice, emphasisOf, titleOf } from "./describe-device";
import { describeGuest } from "./describe-guest";
import { clip, labelled, wrap } from "./layout";

/** How a report is written. */
export interface ReportStyle {
  /** Columns; fewer than 60 are taken for 60. */
  readonly width: number;
  readonly hasColours: boolean;
  /** Also PCI bridges, which are never attached. */
  readonly withBridges: boolean;
}

const LEAST_WIDTH = 60;
const HEADINGS = ["DEVICE", "FUNCTIONS", "WHAT", "ATTACH"] as const;

/** The report in lines: host and guest, a table of all devices, a card for each, and how a program begins. */
export function describeReport(report: PciReport, style: ReportStyle): string[] {
  const width = Math.max(style.width, LEAST_WIDTH);
  const paint = painter(style.hasColours);
  const devices = report.devices.filter((one) => style.withBridges || !one.isBridge);
  const leftOut = report.devices.length - devices.length;
  const hasProgram = devices.some((one) => one.attach.program.length > 0);
  const blocks = [
    [
      ...labelled("host", [hostLine(report)], 10, width),
      ...(report.guest === null ? guestsLines(report, width) : describeGuest(report.guest, width, paint)),
      ...report.notes.flatMap((note) => labelled("note", [note], 10, width)),
    ],
    devices.length === 0 ? ["The host has no PCI devices."] : tableOf(devices, width, paint),
    ...(leftOut > 0
      ? [wrap(`${leftOut} PCI bridge${leftOut === 1 ? " is" : "s are"} left out (--all shows them).`, width)]
      : []),
    ...devices.map((one) =>
      describeDevice(one, {
        ...{ width, paint, usesLookedFor: report.usesLookedFor },
        guestRefusals: report.guest?.refusals ?? [],
      }),
    ),
    ...(hasProgram
      ? [[paint("title", "A program begins with"), ...report.prologue.map((line) => `  ${line}`)]]
      : []),
  ];
  return blocks.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
}

function hostLine({ host }: PciReport): string {
  const key = host.hostKeyFingerprint === null ? "" : `, host key ${host.hostKeyFingerprint}`;
  return `${host.address}${key}`;
}

function guestsLines({ guests }: PciReport, width: number): string[] {
  if (guests === null) return [];
  const names = guests.map((one) => one.name).join(", ");
  return labelled(
    "guests",
    [names === "" ? "none is running" : `${names} (look into one with --guest NAME)`],
    10,
    width,
  );
}

function tableOf(
  devices: readonly DeviceReport[],
  width: number,
  paint: (emphasis: Emphasis, text: string) => string,
): string[] {
  const rows = devices.map((one) => ({
    emphasis: emphasisOf(one),
    cells: [
      one.address,
      listNumbers(one.functions.map((f) => f.function)),
      titleOf(one),
      answerOf(one),
    ] as const,
  }));
  const widest = (column: 0 | 1 | 3): number =>
    Math.max(HEADINGS[column].length, ...rows.map((row) => row.cells[column].length));
  const [first, second] = [widest(0), widest(1)];
  const last = Math.min(widest(3), Math.max(Math.floor(width / 4), 8));
  const what = Math.max(width - first - second - last - 6, 8);
  const line = (cells: readonly [string, string, string, string]): [string, string] => [
    [cells[0].padEnd(first), cells[1].padEnd(second), clip(cells[2], what).padEnd(what), ""].join("  "),
    clip(cells[3], last),
  ];
  return [
    paint("title", line(HEADINGS).join("")),
    ...rows.map(({ emphasis, cells }) => {
      const [start, answer] = line(cells);
      return `${start}${paint(emphasis, answer)}`;
    }),
  ];
}

/** `whole`, `part: 0-2`, `in use: whole`, `no: in guest1`. */
function answerOf({ attach, functions, isBridge }: DeviceReport): string {
  const extent = attach.possible === "part" ? `part: ${listNumbers(attach.functions)}` : attach.possible;
  if (attach.possible !== "no") return attach.allowInUse ? `in use: ${extent}` : extent;
  const holder = functions.find((one) => one.heldBy !== null)?.heldBy;
  if (holder) return `no: in ${holder.guest}`;
  return !isBridge && functions.some((one) => one.hostUses.length > 0) ? "no: in use" : "no";
}
