import { hasCode } from "../../../errors";
import type { GuestDevice } from "../../../host/facts";
import type { GuestBus, RomOptions } from "../../../pci";
import {
  findTagOfAlias,
  type ConfiguredFunction,
  type GuestAddress,
  type GuestIdentity,
  type Holding,
  type LedgerEntry,
} from "../../../plan";
import { findAddress } from "./address-xml";
import { configuredBuses } from "./configured-buses";
import { findGuestDevices, imagesOf } from "./guest-devices-xml";
import { findLedgerEntries } from "./ledger-xml";
import { attribute, child, children, descendants, parseXml, textOf, type XmlElement } from "./xml";

/** What one description of a guest says of its devices. */
export interface DomainDescription {
  readonly identity: GuestIdentity;
  /** All the memory that it has now, memory devices included; undefined where it is not told. */
  readonly memoryBytes?: number;
  /** `hard_limit` of its memtune, which is what QEMU may lock then. */
  readonly hardLimitBytes?: number;
  /** Model of its virtual IOMMU. */
  readonly virtualIommu?: string;
  /** Whether it describes a guest that runs: libvirt gives the configuration of one that does not. */
  readonly isRunning: boolean;
  readonly holdings: readonly Holding[];
  /** The same, with the address in the guest of each. */
  readonly functions: readonly ConfiguredFunction[];
  /** What it has of the host by way of the host's own drivers. */
  readonly guestDevices: readonly GuestDevice[];
  /** Names of its interfaces on the host: taps and the like. */
  readonly hostInterfaces: readonly string[];
  readonly ledger: readonly LedgerEntry[];
  /** Why its ledger cannot be read, where it has one that cannot. */
  readonly unreadLedger?: Error;
  /** Slots given to something else than our functions, by the bus's QEMU id. */
  readonly slotsByBus: ReadonlyMap<string, readonly number[]>;
  /** QEMU's ids of the PCI buses (`pci.5` for controller 5), by the number that addresses have. */
  readonly buses: ReadonlyMap<number, string>;
  /** Those that take hotplug or may, as they will be when a guest with this description is started. */
  readonly busesAtStart: readonly GuestBus[];
}

/** Elements, with their type, by which a guest takes a host function; images of type nvme do it as well. */
const takers = [
  ["hostdev", "pci"],
  ["interface", "hostdev"],
] as const;

/**
 * Reads the parts of a domain's XML that matter here. A ledger that cannot be read is no reason not to know
 * what the guest has.
 *
 * @throws XML_UNREADABLE
 */
export function parseDomainXml(text: string): DomainDescription {
  const domain = child(parseXml(text, "the description of a guest"), "domain");
  const devices = child(domain, "devices");
  const identity = {
    name: textOf(child(domain, "name")) ?? "",
    uuid: textOf(child(domain, "uuid")) ?? "",
  };
  const buses = pciBuses(devices);
  const slots = slotsByBus(devices, buses);
  const memoryBytes = findMemory(child(domain, "memory"));
  const hardLimitBytes = findMemory(child(domain, "memtune", "hard_limit"));
  const virtualIommu = attribute(child(devices, "iommu"), "model");
  const taking = [
    ...takers.flatMap(([name, type]) =>
      children(devices, name).filter((one) => attribute(one, "type") === type),
    ),
    // QEMU drives these by itself, wherever in a backing chain they are
    ...imagesOf(devices).filter((one) => attribute(one, "type") === "nvme"),
  ];
  const taken = taking.flatMap((one) => findTaken(one, buses) ?? []);
  return {
    identity,
    isRunning: attribute(domain, "id") !== undefined,
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(hardLimitBytes !== undefined && { hardLimitBytes }),
    ...(virtualIommu !== undefined && { virtualIommu }),
    holdings: taken.map(({ hostAddress, alias, isUnassigned }) => ({
      guest: identity,
      hostAddress,
      alias,
      isUnassigned,
    })),
    functions: taken.map(({ isUnassigned: _, ...one }) => one),
    guestDevices: findGuestDevices(devices, identity.name),
    hostInterfaces: children(devices, "interface").flatMap(
      (one) => attribute(child(one, "target"), "dev") ?? [],
    ),
    ...readLedger(child(domain, "metadata"), identity.name),
    slotsByBus: slots,
    buses,
    busesAtStart: configuredBuses(domain, { buses, slotsByBus: slots }),
  };
}

/**
 * The number that addresses of a guest's XML have for a bus, by QEMU's id of the bus; undefined if there is
 * no such bus.
 */
export function findBusNumber(buses: DomainDescription["buses"], bus: string): number | undefined {
  return [...buses].find(([, one]) => one === bus)?.[0];
}

function readLedger(metadata: XmlElement, guest: string): Pick<DomainDescription, "ledger" | "unreadLedger"> {
  try {
    return { ledger: findLedgerEntries(metadata, guest) };
  } catch (error) {
    if (!(error instanceof Error) || !hasCode(error, "LEDGER_UNREADABLE")) throw error;
    return { ledger: [], unreadLedger: error };
  }
}

/** libvirt always writes KiB, whatever the unit was that the user wrote. */
function findMemory(memory: XmlElement): number | undefined {
  const text = textOf(memory) ?? "";
  return attribute(memory, "unit") === "KiB" && /^\d{1,15}$/.test(text) ? Number(text) * 1024 : undefined;
}

/** A taken function, as the guest's XML has it. */
interface TakenFunction extends ConfiguredFunction {
  readonly isUnassigned: boolean;
}

function findTaken(taker: XmlElement, buses: ReadonlyMap<number, string>): TakenFunction | undefined {
  const hostAddress = findAddress(child(taker, "source", "address"));
  if (hostAddress === undefined) return undefined;
  const addressElement = child(taker, "address");
  const guestAddress = findGuestAddress(addressElement, buses);
  return {
    hostAddress,
    alias: aliasName(taker),
    isUnassigned: attribute(addressElement, "type") === "unassigned",
    ...(guestAddress && { guestAddress }),
    ...findRom(child(taker, "rom")),
  };
}

function findRom(rom: XmlElement): RomOptions {
  const bar = attribute(rom, "bar");
  const romFile = attribute(rom, "file");
  return {
    ...(romFile !== undefined && romFile !== "" && { romFile }),
    ...(bar !== undefined && { romBar: bar !== "off" }),
  };
}

function findGuestAddress(address: XmlElement, buses: ReadonlyMap<number, string>): GuestAddress | undefined {
  if (attribute(address, "type") !== "pci") return undefined;
  return {
    bus: busOf(address, buses),
    slot: Number(attribute(address, "slot") ?? "0"),
    guestFunction: Number(attribute(address, "function") ?? "0"),
  };
}

/**
 * QEMU gives the bus behind a port or bridge the id of its device, which is libvirt's alias of the
 * controller: the user's, or `pci.N`. Of the root bus, the machine decides: `pcie.0` on express machines,
 * else `pci.0`. The bus of a further host bridge, which POWER has, is called after its device and a number
 * (libvirt: qemuBuildDeviceAddresPCIGetBus; QEMU: spapr_phb_realize).
 */
function pciBuses(devices: XmlElement): Map<number, string> {
  const controllers = children(devices, "controller").filter((one) => attribute(one, "type") === "pci");
  return new Map(
    controllers.map((one) => {
      const index = Number(attribute(one, "index") ?? "0");
      const model = attribute(one, "model");
      if (index === 0) return [index, model === "pcie-root" ? "pcie.0" : "pci.0"];
      const device = aliasName(one) || `pci.${index}`;
      return [index, model === "pci-root" ? `${device}.0` : device];
    }),
  );
}

function busOf(address: XmlElement, buses: ReadonlyMap<number, string>): string {
  const index = Number(attribute(address, "bus") ?? "0");
  return buses.get(index) ?? `pci.${index}`;
}

function aliasName(device: XmlElement): string {
  return attribute(child(device, "alias"), "name") ?? "";
}

/**
 * Any element at any depth may have a PCI address of its own; host addresses stand below `source`. The slot
 * of a function of ours is no stranger's: who owns it is told by its alias.
 */
function slotsByBus(devices: XmlElement, buses: ReadonlyMap<number, string>): Map<string, number[]> {
  const slots = new Map<string, Set<number>>();
  const isPassedOver = (element: XmlElement): boolean =>
    element.name === "source" || findTagOfAlias(aliasName(element)) !== undefined;
  for (const element of descendants(devices, isPassedOver)) {
    if (element.name !== "address" || attribute(element, "type") !== "pci") continue;
    const bus = busOf(element, buses);
    const ofBus = slots.get(bus) ?? new Set<number>();
    slots.set(bus, ofBus.add(Number(attribute(element, "slot") ?? "0")));
  }
  return new Map([...slots].map(([bus, ofBus]) => [bus, [...ofBus]]));
}
