import type { PciAddress } from "../../pci/address";
import { printable, shorten } from "../../errors";
import {
  parseHostAddress,
  readEach,
  splitOnce,
  unreadableRecordError,
  type FactRecords,
  type ReadRecords,
} from "./fact-records";
import { functionsOf, onPath } from "./functions-on-path";
import { turnedRound } from "./turned-round";

/** Who has a function of the host in hand beside the kernel's own drivers. */
export interface FunctionUser {
  /** A process that computes on a GPU of AMD's, or who is behind a driver that gives functions to one. */
  readonly by: "compute" | "user-driver";
  /** `process 1234 (python3)`, `uio_pci_generic` */
  readonly name: string;
  readonly hostAddresses: readonly PciAddress[];
}

/**
 * What the records of the survey say of programs that compute, and of drivers for programs.
 *
 * @param displays functions with displays: where the host does not tell which of them a program has, it may
 * be any
 */
export function parseFunctionUsers(
  records: FactRecords,
  displays: readonly PciAddress[],
): ReadRecords<FunctionUser> {
  const of = (kind: string) => records.get(kind) ?? [];
  const drivers = readEach(of("uio"), "uio", parseUserDriver);
  const gpus = readEach(of("gpu"), "gpu", parseGpu);
  const addresses = new Map(gpus.read);
  const used = turnedRound(of("kfdgpu").map(splitOnce), ([pid]) => [pid]);
  const processes = of("kfd").map((record): FunctionUser => {
    const [pid, command] = splitOnce(record);
    const own = (used.get(pid) ?? []).flatMap(([, gpu]) => addresses.get(gpu) ?? []);
    const shown = shorten(printable(command), 30);
    return {
      by: "compute",
      name: `process ${shorten(printable(pid), 10)}${shown === "" ? "" : ` (${shown})`}`,
      hostAddresses: [...new Set(own.length > 0 ? own : [...addresses.values(), ...displays])],
    };
  });
  const { unread, unreadFunctions } = drivers;
  return { read: [...drivers.read, ...processes], unread: [...unread, ...gpus.unread], unreadFunctions };
}

/** `DRIVER /sys/devices/...` */
function parseUserDriver(record: string): FunctionUser {
  const [name, path] = splitOnce(record);
  const hostAddresses = functionsOf(onPath(path));
  if (!/^[\w-]{1,64}$/.test(name) || hostAddresses.length === 0) throw unreadableRecordError(record);
  return { by: "user-driver", name, hostAddresses };
}

/**
 * `NUMBER DOMAIN LOCATION`, all decimal; the location is bus, device and function as the kernel packs them
 * (Linux, drivers/gpu/drm/amd/amdkfd/kfd_topology.c: `pci_dev_id`).
 */
function parseGpu(record: string): readonly [string, PciAddress] {
  const [, gpu = "", domain, location] = /^(\d{1,10}) (\d{1,10}) (\d{1,6})$/.exec(record) ?? [];
  if (domain === undefined || location === undefined) throw unreadableRecordError(record);
  const hex = (value: number, width: number): string => value.toString(16).padStart(width, "0");
  const [bus, device, number] = [Number(location) >> 8, (Number(location) >> 3) & 31, Number(location) & 7];
  return [
    gpu,
    parseHostAddress(`${hex(Number(domain), 4)}:${hex(bus & 255, 2)}:${hex(device, 2)}.${number}`),
  ];
}
