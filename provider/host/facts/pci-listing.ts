import { findPciAddress, type PciAddress } from "../../pci/address";
import { groupByKind, unreadableRecordError } from "./fact-records";

/** Every PCI function of a host, and where their names come from. */
export interface PciListing {
  readonly functions: readonly ListedFunction[];
  /** The host's pci.ids; undefined where it has none, and so no names. */
  readonly namesFile?: string;
}

/** One PCI function, as sysfs shows it now. */
export interface ListedFunction {
  readonly hostAddress: PciAddress;
  /** Four hexadecimal digits after `0x`; empty where the kernel does not tell. */
  readonly vendorId: string;
  readonly productId: string;
  /** Six hexadecimal digits after `0x`: class, subclass, programming interface. */
  readonly classCode: string;
  /** As of header-type.ts; default: the host does not tell it. */
  readonly headerType?: string;
  readonly driver?: string;
  readonly iommuGroup?: number;
  /** Absent where the host has one node, or does not tell. */
  readonly numaNode?: number;
  /** Of a virtual function (SR-IOV). */
  readonly physicalFunction?: PciAddress;
  readonly vendorName?: string;
  readonly productName?: string;
  readonly className?: string;
}

/** Several times what a host with all virtual functions of its cards enabled has. */
const MAX_FUNCTIONS = 5_000;
/** Most members of an IOMMU group: each of its devices is told with all others. */
const MAX_GROUP_MEMBERS = 1_024;

/**
 * Reads the records of the helper's listing. Pure.
 *
 * @throws Error when a record does not have its form
 */
export function parsePciListing(lines: readonly string[]): PciListing {
  const records = groupByKind(lines);
  const functions = records.get("pci") ?? [];
  if (functions.length > MAX_FUNCTIONS) throw new Error(`there are ${functions.length} PCI functions`);
  const names = readNames(records.get("name") ?? []);
  const [namesFile] = records.get("file") ?? [];
  const read = functions.map((record) => readFunction(record, names));
  requireSmallGroups(read);
  return {
    functions: read,
    ...(namesFile !== undefined && { namesFile }),
  };
}

/**
 * `ADDRESS VENDOR PRODUCT CLASS NUMA DRIVER GROUP PHYSICAL-FUNCTION [HEADER-TYPE]`, "-" for what is not there
 */
function readFunction(record: string, names: ReadonlyMap<string, string>): ListedFunction {
  const [address = "", ...fields] = record.split(" ");
  const [vendor, product, classCode, numa, driver, group, physical, headerType] = fields.map((one) =>
    one === "-" ? undefined : one,
  );
  const isNumber = (text: string | undefined): text is string => text !== undefined && /^\d{1,9}$/.test(text);
  const hostAddress = findPciAddress(address);
  if (
    hostAddress === undefined ||
    fields.length < 7 ||
    fields.length > 8 ||
    (group !== undefined && !isNumber(group))
  )
    throw unreadableRecordError(record);
  const physicalFunction = findPciAddress(physical ?? "");
  const name = (key: string): string | undefined => names.get(key);
  const vendorName = name(digits(vendor));
  const productName = name(`${digits(vendor)} ${digits(product)}`);
  const [classKey, subclass] = [digits(classCode).slice(0, 2), digits(classCode).slice(2, 4)];
  const className = name(`C ${classKey} ${subclass}`) ?? name(`C ${classKey}`);
  return {
    hostAddress,
    vendorId: vendor ?? "",
    productId: product ?? "",
    classCode: classCode ?? "",
    ...(headerType !== undefined && { headerType }),
    ...(driver !== undefined && { driver }),
    ...(group !== undefined && { iommuGroup: Number(group) }),
    ...(isNumber(numa) && { numaNode: Number(numa) }),
    ...(physicalFunction !== undefined && { physicalFunction }),
    ...(vendorName !== undefined && { vendorName }),
    ...(productName !== undefined && { productName }),
    ...(className !== undefined && { className }),
  };
}

function requireSmallGroups(functions: readonly ListedFunction[]): void {
  const sizes = new Map<number, number>();
  for (const { iommuGroup } of functions) {
    if (iommuGroup === undefined) continue;
    const size = (sizes.get(iommuGroup) ?? 0) + 1;
    sizes.set(iommuGroup, size);
    if (size > MAX_GROUP_MEMBERS)
      throw new Error(`IOMMU group ${iommuGroup} has more than ${MAX_GROUP_MEMBERS} functions`);
  }
}

function digits(id: string | undefined): string {
  return (id ?? "").replace(/^0x/, "");
}

/**
 * Lines of pci.ids: `8086  Intel Corporation`, below it `\t10d3  82574L …`; classes begin with `C 02`. By
 * `8086`, `8086 10d3`, `C 02`, `C 02 00`.
 */
function readNames(lines: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  let above = "";
  for (const line of lines) {
    const [, indent, key, name] = /^(\t?)((?:C )?[0-9a-f]{2,4}) {2}(.+)$/.exec(line) ?? [];
    if (key === undefined || name === undefined) continue;
    if (indent === "") above = key;
    names.set(indent === "" ? key : `${above} ${key}`, name.trim());
  }
  return names;
}
