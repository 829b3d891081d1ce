import { findPciAddress, type PciAddress } from "../../pci/address";
import { groupByKind, isTooLong, parseHostAddress, unreadableRecordError } from "./fact-records";
import { readOpenFiles, type ModuleUse, type OpenNode } from "./open-files";

/** What there is to know of functions before they are taken from the host; data, without words. */
export interface FunctionFacts {
  readonly functions: ReadonlyMap<PciAddress, FunctionFact>;
  /** Regions that the firmware keeps, `0x7b800000 0x7b8fffff`, by the number of the group. */
  readonly directRegions: ReadonlyMap<number, readonly string[]>;
  /** Whether the host remaps interrupts, as far as it tells. */
  readonly interrupts: "remapped" | "plain" | "unknown";
  /** `allow_unsafe_interrupts` of VFIO's module; undefined while that is not loaded. */
  readonly allowsUnsafeInterrupts?: boolean;
  /** Whose open files were seen: all processes', the login's own, or not all in the time there was. */
  readonly seen: "all" | "own" | "some";
}

/** One function, as sysfs shows it, and what of it is open. */
export interface FunctionFact {
  readonly hostAddress: PciAddress;
  /** As of ListedFunction; empty where the kernel does not tell. */
  readonly classCode: string;
  readonly driver?: string;
  /** Whether it is enabled: of one that is on a driver of VFIO's, whether some process has it open. */
  readonly isEnabled?: boolean;
  /** `D0`, `D3cold`; absent before Linux 5.11. */
  readonly powerState?: string;
  /** Whether its configuration space answers; absent if that was not asked. */
  readonly answers?: boolean;
  readonly iommuGroup?: number;
  /** The IOMMU's name: `dmar0`, `ivhd1`. */
  readonly iommu?: string;
  /** What its bus hangs on: `root`, or a bridge. Absent where the kernel does not tell. */
  readonly bus?: "root" | PciAddress;
  /** As the kernel names them, in its order; absent before Linux 5.15. */
  readonly resetMethods?: readonly string[];
  /** Whether the kernel has a way to reset it, whatever that is. */
  readonly canReset: boolean;
  /** Whether a program may have something of it open: it has a node in /dev. */
  readonly hasNodes: boolean;
  /** Its nodes and sound streams that are open, and who has them open. */
  readonly open: readonly OpenNode[];
  /** Set where its driver's module has users that may be users of this function. */
  readonly moduleUse?: ModuleUse;
}

/** Several times what a host with all virtual functions of its cards enabled has. */
const MAX_FUNCTIONS = 5_000;
/** More regions of a group say nothing more. */
const MAX_REGIONS = 16;

/**
 * Reads the records of the helper's look at functions. Pure.
 *
 * @throws Error when a record does not have its form
 */
export function parseFunctionFacts(lines: readonly string[]): FunctionFacts {
  const records = groupByKind(lines);
  const read = (records.get("fn") ?? []).map(parseFunction);
  if (read.length > MAX_FUNCTIONS) throw new Error(`there are ${read.length} PCI functions`);
  const classes = new Map(read.map((one) => [one.hostAddress, one.classCode]));
  const files = readOpenFiles(records, classes);
  const [interrupts, unsafe] = (records.get("irq")?.[0] ?? "").split(" ");
  const seen = records.get("seen")?.[0];
  return {
    functions: new Map(
      read.map(({ module, ...one }) => [one.hostAddress, { ...one, ...files.of(one.hostAddress, module) }]),
    ),
    directRegions: readRegions(records.get("resv") ?? []),
    interrupts: interrupts === "remapped" || interrupts === "plain" ? interrupts : "unknown",
    ...((unsafe === "Y" || unsafe === "N") && { allowsUnsafeInterrupts: unsafe === "Y" }),
    seen: seen === "all" || seen === "own" ? seen : "some",
  };
}

type ParsedFunction = Omit<FunctionFact, "hasNodes" | "open" | "moduleUse"> & { readonly module?: string };

/** `ADDRESS CLASS DRIVER MODULE ENABLED POWER ANSWERS GROUP IOMMU BUS CAN-RESET [METHOD...]` */
function parseFunction(record: string): ParsedFunction {
  const [address = "", ...fields] = record.split(" ");
  const [classCode = "", driver, module, enabled, power, answers, group, iommu, bus, canReset, ...methods] =
    fields.map((one) => (one === "-" ? undefined : one));
  if ([driver, module, iommu].some((one) => isTooLong(one ?? ""))) throw unreadableRecordError(record);
  const bridge = findPciAddress(bus ?? "");
  const isRoot = /^pci[0-9a-f]{4,8}:[0-9a-f]{2}$/.test(bus ?? "");
  const isKnown = methods[0] !== "?";
  return {
    hostAddress: parseHostAddress(address),
    classCode: /^0x[0-9a-f]{6}$/.test(classCode) ? classCode : "",
    ...(driver !== undefined && { driver }),
    ...(module !== undefined && { module }),
    ...(/^\d{1,9}$/.test(enabled ?? "") && { isEnabled: Number(enabled) > 0 }),
    ...(power !== undefined && /^\w{1,10}$/.test(power) && { powerState: power }),
    ...((answers === "yes" || answers === "no") && { answers: answers === "yes" }),
    ...(/^\d{1,9}$/.test(group ?? "") && { iommuGroup: Number(group) }),
    ...(iommu !== undefined && { iommu }),
    ...(isRoot ? { bus: "root" as const } : bridge !== undefined && { bus: bridge }),
    ...(isKnown && {
      resetMethods: methods.flatMap((one) => (/^\w{1,30}$/.test(one ?? "") ? (one ?? []) : [])),
    }),
    canReset: canReset === "1",
  };
}

/** `GROUP START END` */
function readRegions(records: readonly string[]): ReadonlyMap<number, readonly string[]> {
  const regions = new Map<number, string[]>();
  for (const record of records) {
    const [, group, region] = /^(\d{1,9}) (0x[0-9a-f]{1,16} 0x[0-9a-f]{1,16})$/.exec(record) ?? [];
    if (group === undefined || region === undefined) throw unreadableRecordError(record);
    const ofGroup = regions.get(Number(group)) ?? [];
    if (ofGroup.length < MAX_REGIONS) regions.set(Number(group), [...ofGroup, region]);
  }
  return regions;
}
