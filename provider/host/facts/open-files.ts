import type { PciAddress } from "../../pci/address";
import { isTooLong, splitOnce, unreadableRecordError, type FactRecords } from "./fact-records";

/** A node in /dev that is open, or a stream of a sound card. */
export interface OpenNode {
  /** Without `/dev/`: `snd/controlC0`, `nvidia0`, `vfio/5`; of a stream `card0/pcm0p/sub0`. */
  readonly node: string;
  /** Empty where nobody is known. */
  readonly processes: readonly HostProcess[];
  /** Whether the driver, when it is to let go of the function, waits until this is closed. */
  readonly isWaitedFor: boolean;
}

/** A process of the host. */
export interface HostProcess {
  readonly pid: number;
  /** Empty if it is hidden, or has ended. */
  readonly name: string;
}

/** Users of a kernel module by its counter, those left out that are known to be of something else. */
export interface ModuleUse {
  readonly module: string;
  readonly count: number;
  /** Those that are known to have something of the module's open. */
  readonly processes: readonly HostProcess[];
  /** As of {@link OpenNode}. */
  readonly isWaitedFor: boolean;
}

/** What of functions is open. */
export interface OpenFiles {
  readonly of: (
    hostAddress: PciAddress,
    module: string | undefined,
  ) => {
    readonly hasNodes: boolean;
    readonly open: readonly OpenNode[];
    readonly moduleUse?: ModuleUse;
  };
}

/** More nodes, and more processes of each, say nothing more. */
const MAX_NODES = 64;
const MAX_PROCESSES = 16;
/** No path is longer for the kernel (PATH_MAX), and no device is behind more bridges. */
const MAX_PATH = 4096;
const MAX_DEPTH = 16;
/** The driver that waits for its last user without end (docs/internals/decisions/0095). */
const NVIDIA = "nvidia";

/**
 * Reads who has open what: records `node NAME PATH`, `open PID NAME`, `proc PID NAME`, `card CARD MODULE
 * PATH`, `pcm CARD STREAM PID STATE` and `mod MODULE COUNT HOLDERS`.
 *
 * @param classes class codes of the functions
 * @throws Error when a record does not have its form
 */
export function readOpenFiles(records: FactRecords, classes: ReadonlyMap<PciAddress, string>): OpenFiles {
  const openers = readOpeners(records);
  const cards = (records.get("card") ?? []).map(parseCard);
  const byFunction = openByFunction(records, { openers, cards, classes });
  const ofHost = (records.get("node") ?? []).filter((one) => !isVfioNode(one));
  const withNodes = new Set(ofHost.flatMap((one) => addressesOn(splitOnce(one)[1])));
  const soundModules = new Map(cards.flatMap(({ module, at }) => at.map((one) => [one, module] as const)));
  const left = usersLeft(records, openers, cards);
  const ofNvidia = processesOf(openers, (node) => node.startsWith(NVIDIA));
  return {
    of: (hostAddress, own) => {
      const module = own === NVIDIA ? own : soundModules.get(hostAddress);
      const count = module === undefined ? 0 : (left.get(module) ?? 0);
      const isWaitedFor = module === NVIDIA;
      const processes = isWaitedFor ? ofNvidia : [];
      return {
        hasNodes: withNodes.has(hostAddress) || own === NVIDIA,
        open: [...(byFunction.get(hostAddress)?.values() ?? [])],
        ...(module !== undefined && count > 0 && { moduleUse: { module, count, processes, isWaitedFor } }),
      };
    },
  };
}

/** By node, who has it open. */
type Openers = ReadonlyMap<string, { readonly processes: readonly HostProcess[]; readonly count: number }>;

function readOpeners(records: FactRecords): Openers {
  const names = new Map((records.get("proc") ?? []).map(splitOnce));
  const found = new Map<string, { readonly processes: Map<string, HostProcess>; count: number }>();
  for (const record of records.get("open") ?? []) {
    const [pid, node] = splitOnce(record);
    if (!/^\d{1,10}$/.test(pid) || node === "" || isTooLong(node)) throw unreadableRecordError(record);
    const known = found.get(node) ?? { processes: new Map<string, HostProcess>(), count: 0 };
    found.set(node, known);
    known.count += 1;
    if (known.processes.size < MAX_PROCESSES) known.processes.set(pid, processOf(pid, names));
  }
  return new Map(
    [...found].map(([node, { processes, count }]) => [node, { processes: [...processes.values()], count }]),
  );
}

function processOf(pid: string, names: ReadonlyMap<string, string>): HostProcess {
  return { pid: Number(pid), name: (names.get(pid) ?? "").slice(0, 64) };
}

function processesOf(openers: Openers, isMeant: (node: string) => boolean): HostProcess[] {
  const found = [...openers].flatMap(([node, { processes }]) => (isMeant(node) ? processes : []));
  return [...new Map(found.map((one) => [one.pid, one])).values()].slice(0, MAX_PROCESSES);
}

/** A sound card, the module of its driver, and the functions on its path. */
interface SoundCard {
  readonly card: string;
  readonly module: string;
  readonly at: readonly PciAddress[];
}

function parseCard(record: string): SoundCard {
  const [card, rest] = splitOnce(record);
  const [module, path] = splitOnce(rest);
  return { card, module, at: addressesOn(path) };
}

/** What {@link openByFunction} puts together. */
interface OpenParts {
  readonly openers: Openers;
  readonly cards: readonly SoundCard[];
  readonly classes: ReadonlyMap<PciAddress, string>;
}

function openByFunction(
  records: FactRecords,
  { openers, cards, classes }: OpenParts,
): ReadonlyMap<PciAddress, ReadonlyMap<string, OpenNode>> {
  const found = new Map<PciAddress, Map<string, OpenNode>>();
  const put = (at: readonly PciAddress[], node: string, processes: readonly HostProcess[]): void => {
    // a sound card on USB is taken away without a wait
    const isSound = node.startsWith("snd/") || node.startsWith("card");
    const isWaitedFor = isSound && isMultimedia(classes.get(at.at(-1) ?? ("" as PciAddress)));
    for (const hostAddress of at) {
      const own = found.get(hostAddress) ?? new Map<string, OpenNode>();
      found.set(hostAddress, own);
      if (own.size < MAX_NODES) own.set(node, { node, processes, isWaitedFor });
    }
  };
  for (const record of records.get("node") ?? []) {
    const [node, path] = splitOnce(record);
    const by = openers.get(node);
    if (by !== undefined) put(addressesOn(path), node, by.processes);
  }
  const places = new Map(cards.map((one) => [one.card, one.at]));
  const names = new Map((records.get("proc") ?? []).map(splitOnce));
  for (const record of records.get("pcm") ?? []) {
    const [card = "", stream = "", pid = ""] = record.split(" ");
    if (isTooLong(stream)) throw unreadableRecordError(record);
    put(places.get(card) ?? [], `${card}/${stream}`, /^\d{1,10}$/.test(pid) ? [processOf(pid, names)] : []);
  }
  return found;
}

function isMultimedia(classCode: string | undefined): boolean {
  return classCode?.startsWith("0x04") === true;
}

/**
 * A module's counter has the open files of all that it serves, and the modules that need it. Of sound cards
 * the descriptors that were seen tell whose they are; a GPU may be in use without one.
 */
function usersLeft(
  records: FactRecords,
  openers: Openers,
  cards: readonly SoundCard[],
): ReadonlyMap<string, number> {
  const seenOfCard = new Map<string, number>();
  for (const [node, { count }] of openers) {
    const card = `card${/^snd\/[A-Za-z]+C(\d{1,3})(?:D|$)/.exec(node)?.[1] ?? ""}`;
    seenOfCard.set(card, (seenOfCard.get(card) ?? 0) + count);
  }
  const seen = new Map<string, number>();
  for (const { card, module } of cards)
    seen.set(module, (seen.get(module) ?? 0) + (seenOfCard.get(card) ?? 0));
  return new Map(
    (records.get("mod") ?? []).map((record) => {
      const [, name, count, holders] = /^(\S+) (-?\d{1,9}) (\d{1,9})$/.exec(record) ?? [];
      if (name === undefined) throw unreadableRecordError(record);
      return [name, Number(count) - Number(holders) - (seen.get(name) ?? 0)] as const;
    }),
  );
}

/** Whether a node is one of VFIO's, by which a guest has a function. */
export function isVfioNode(node: string): boolean {
  return node.startsWith("vfio/");
}

/** Every PCI function on a path in sysfs, the nearest last. */
function addressesOn(path: string): PciAddress[] {
  const isAddress = (one: string): boolean => /^[0-9a-f]{4,8}:[0-9a-f]{2}:[01][0-9a-f]\.[0-7]$/.test(one);
  const found = path.slice(0, MAX_PATH).split("/").filter(isAddress);
  return found.slice(-MAX_DEPTH) as PciAddress[];
}
