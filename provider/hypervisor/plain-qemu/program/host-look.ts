import { causeText, providerError } from "../../../errors";
import { findPciAddress, type PciAddress } from "../../../pci";
import {
  bridgeFacts,
  isBridgeFunction,
  parseFunctionFacts,
  parseHostFacts,
  parsePlaces,
  type FunctionFacts,
  type HostFacts,
  type HostFunction,
  type PlacesByKey,
} from "../../../host/facts";
import { findMachineUuid, findUuid } from "../guest-uuid";
import type { HostRecord } from "./host-record";
import { isDriverName, parseLedgerFile, type LedgerFile } from "../ledger-file";

/** What one look at a host without libvirt shows. */
export interface HostLook {
  readonly hostUuid: string;
  /** `dead`: its file is there, and nobody listens any more. */
  readonly socket: "absent" | "dead" | "listening";
  /** The socket's path without links; undefined where there is none. */
  readonly socketPath?: string;
  /** Undefined where nobody listens, or where it cannot be told who does. */
  readonly qemu?: QemuProcess;
  readonly functions: ReadonlyMap<PciAddress, HostFunction>;
  readonly ledger: readonly SeenLedgerFile[];
  /** UUIDs in the names of ledger files whose socket is this one by another spelling of its path. */
  readonly sameSocket: ReadonlySet<string>;
  readonly nodes: readonly GroupNode[];
  /** Functions that are not in the list of what this account may take. */
  readonly unlisted: ReadonlySet<PciAddress>;
  /** Interfaces of the host that QEMU has for its guest; undefined where it was not looked at. */
  readonly taps?: readonly string[];
  /** Processes that have the monitor's socket open: QEMU, and what has started it. */
  readonly monitorHolders: ReadonlySet<number>;
  /** Processes that have a group, or a device of one, open. */
  readonly users: readonly GroupUser[];
  /** Lines of udev's rules that speak of VFIO's nodes. */
  readonly rules: readonly string[];
}

/** A file of the ledger as it was found. */
export interface SeenLedgerFile extends LedgerFile {
  readonly name: string;
  /** All of it, for whoever changes a part. */
  readonly text: string;
}

/** The process that listens at a monitor's socket. */
export interface QemuProcess {
  readonly pid: number;
  readonly uid: number;
  /** Empty where the host has no name for it. */
  readonly user: string;
  /** Numbers and, where they have some, names of its groups. */
  readonly groups: readonly string[];
  readonly capabilities: bigint;
  /** Bytes that it may lock; undefined without limit. */
  readonly lockedMemoryBytes?: number;
  /** Its unit of systemd. */
  readonly unit?: string;
  readonly isLibvirts: boolean;
}

/** `/dev/vfio/5` */
export interface GroupNode {
  readonly iommuGroup: number;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly owner: string;
}

/** Who has a group open. */
export interface GroupUser {
  readonly pid: number;
  /** Empty if it was not looked at. */
  readonly command: string;
  /** Functions that it keeps from others. */
  readonly iommuGroup: number;
}

/** Several times what a group that spans a bus of virtual functions has. */
const MAX_FUNCTIONS = 10_000;

/** @throws HOST_PROGRAM_FAILED where a record does not have its form; LEDGER_UNREADABLE */
export function parseHostLook(records: readonly HostRecord[], target: string): HostLook {
  const of = (kind: string): string[] => records.filter((one) => one.kind === kind).map((one) => one.text);
  const functions = parseFunctions(records, target);
  const unreadableError = (what: string): Error =>
    providerError("HOST_PROGRAM_FAILED", { target, reason: `it told ${what} in a form that cannot be read` });
  const [product = "", machine = ""] = (of("host")[0] ?? "").split(" ");
  const hostUuid = findUuid(product) ?? findMachineUuid(machine);
  if (hostUuid === undefined) throw providerError("HOST_WITHOUT_UUID", { target });
  const [socket] = of("socket");
  if (socket !== "absent" && socket !== "dead" && socket !== "listening")
    throw unreadableError("of the socket");
  const [socketPath] = of("path");
  const qemu = findQemu(of);
  const descriptors = of("fd").map(parseDescriptor);
  const cdevs = new Map(of("cdev").map((one) => one.split(" ") as [string, string]));
  const groupOf = (node: string): number | undefined => {
    const group = /^(?:noiommu-)?(\d{1,9})$/.exec(node)?.[1];
    if (group !== undefined) return Number(group);
    const hostAddress = findPciAddress(cdevs.get(node.replace(/^devices\//, "")) ?? "");
    return hostAddress && functions.get(hostAddress)?.iommuGroup;
  };
  return {
    hostUuid,
    socket,
    ...(socketPath !== undefined && { socketPath }),
    ...(qemu && { qemu }),
    functions,
    ledger: of("ledger").map((line) => {
      const [name, text] = cutOnce(line);
      return { ...parseLedgerFile(name, text), name, text };
    }),
    sameSocket: new Set(of("same").map((name) => name.replace(/^guest-(.*)\.json$/, "$1"))),
    nodes: of("node").flatMap((line) => findNode(line) ?? []),
    users: [...of("open").map(parseOpen), ...descriptors.flatMap((one) => one.open ?? [])].flatMap(
      ({ pid, node, command }): GroupUser[] => {
        const iommuGroup = groupOf(node);
        return iommuGroup === undefined ? [] : [{ pid, command, iommuGroup }];
      },
    ),
    ...(of("taps")[0] !== undefined && {
      taps: of("taps")
        .flatMap((one) => one.split(" "))
        .filter((one) => one !== ""),
    }),
    unlisted: new Set(of("unlisted").flatMap((name) => findPciAddress(name) ?? [])),
    monitorHolders: new Set([...of("holder").map(Number), ...descriptors.flatMap((one) => one.holder ?? [])]),
    rules: of("rule"),
  };
}

/** Who has which node of VFIO's open. */
interface OpenNode {
  readonly pid: number;
  readonly node: string;
  /** Empty if it was not looked at. */
  readonly command: string;
}

/** `PID NODE COMMAND` */
function parseOpen(line: string): OpenNode {
  const [pid = "", node = "", ...command] = line.split(" ");
  return { pid: Number(pid), node, command: command.join(" ") };
}

/** `/proc/PID/fd/N TARGET`: the monitor's socket, or a node of VFIO's. */
function parseDescriptor(line: string): { readonly holder?: number; readonly open?: OpenNode } {
  const [, number = "", target = ""] = /\/(\d{1,10})\/fd\/\d+ (.*)$/.exec(line) ?? [];
  const pid = Number(number);
  if (target.startsWith("socket:")) return { holder: pid };
  const node = /(?:devices\/)?[^/]+$/.exec(target)?.[0];
  return node === undefined ? {} : { open: { pid, node, command: "" } };
}

/** The functions among the records. @throws HOST_PROGRAM_FAILED */
export function parseFunctions(
  records: readonly HostRecord[],
  target: string,
): ReadonlyMap<PciAddress, HostFunction> {
  const lines = records.filter((one) => one.kind === "function");
  const programError = (reason: string): Error => providerError("HOST_PROGRAM_FAILED", { target, reason });
  if (lines.length > MAX_FUNCTIONS)
    throw programError(`it told of ${lines.length} functions, at most ${MAX_FUNCTIONS} are read`);
  return new Map(
    lines.map(({ text }) => {
      const [name = "", vendorId = "", productId = "", classCode = "", ...more] = text.split(" ");
      const [driver = "-", group = "-", driverOverride = "-", headerType] = more;
      const hostAddress = findPciAddress(name);
      const hasGroup = /^\d{1,9}$/.test(group);
      if (hostAddress === undefined || !(hasGroup || group === "-"))
        throw programError("it told of a function that is none");
      const one: HostFunction = {
        hostAddress,
        vendorId: vendorId === "-" ? "" : vendorId,
        productId: productId === "-" ? "" : productId,
        ...bridgeFacts(isBridgeFunction(classCode, headerType), classCode),
        ...(driver !== "-" && { driver }),
        ...(isDriverName(driverOverride) && { driverOverride }),
        ...(hasGroup && { iommuGroup: Number(group) }),
      };
      return [hostAddress, one];
    }),
  );
}

/** What the host itself uses, among the records. @throws HOST_PROGRAM_FAILED */
export function parseFactsOf(records: readonly HostRecord[], target: string): HostFacts {
  try {
    return parseHostFacts(records.map(({ kind, text }) => `${kind} ${text}`));
  } catch (cause) {
    throw providerError("HOST_PROGRAM_FAILED", { target, reason: `its survey: ${causeText(cause)}` }, cause);
  }
}

/**
 * What there is to know of functions before they are taken, among the records of a look; undefined if the
 * look tells nothing of it that can be read.
 */
export function findFunctionFacts(records: readonly HostRecord[]): FunctionFacts | undefined {
  const own = records.flatMap(({ kind, text }) => (kind.startsWith("x") ? [`${kind.slice(1)} ${text}`] : []));
  if (own.length === 0) return undefined;
  try {
    return parseFunctionFacts(own);
  } catch {
    return undefined;
  }
}

/** Where devices are, among the records. @throws HOST_PROGRAM_FAILED */
export function parsePlacesOf(records: readonly HostRecord[], target: string): PlacesByKey {
  try {
    return parsePlaces(records.flatMap(({ kind, text }) => (kind === "at" ? [`at ${text}`] : [])));
  } catch (cause) {
    throw providerError("HOST_PROGRAM_FAILED", { target, reason: `places: ${causeText(cause)}` }, cause);
  }
}

function findQemu(of: (kind: string) => string[]): QemuProcess | undefined {
  const [pid = "", uid = "", capabilities = "", limit = ""] = (of("qemu")[0] ?? "").split(" ");
  if (!/^\d+$/.test(pid) || !/^\d+$/.test(uid) || !/^[0-9a-f]{1,16}$/.test(capabilities)) return undefined;
  const unit = of("unit").find((one) => one.endsWith(".service"));
  return {
    pid: Number(pid),
    uid: Number(uid),
    user: of("user")[0] ?? "",
    groups: of("group").flatMap((one) => one.split(" ")),
    capabilities: BigInt(`0x${capabilities}`),
    ...(/^\d+$/.test(limit) && { lockedMemoryBytes: Number(limit) }),
    ...(unit !== undefined && { unit }),
    isLibvirts: of("libvirt").length > 0,
  };
}

function findNode(line: string): GroupNode | undefined {
  const [path = "", uid, gid, mode = "", owner = ""] = line.split(" ");
  const group = /\/(\d{1,9})$/.exec(path)?.[1];
  if (group === undefined) return undefined;
  return {
    iommuGroup: Number(group),
    uid: Number(uid),
    gid: Number(gid),
    mode: Number.parseInt(mode, 8),
    owner,
  };
}

function cutOnce(text: string): [string, string] {
  const at = text.indexOf(" ");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
