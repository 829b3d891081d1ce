import type { GuestDevice, LocatedGuestDevice, PlacesByKey } from "../../host/facts";
import type { ConfiguredElsewhere } from "../../plan";
import { parsePlacesOf } from "./program/host-look";
import type { HostRecord } from "./program/host-record";
import { devicesOfArgument, nameOfArgument } from "./qemu-arguments";
import { parseProxmox } from "./proxmox";

/** What guests and containers have of a host without libvirt, beside functions of VFIO's. */
export interface OtherGuests {
  /** The host has yet to be asked where these are. */
  readonly devices: readonly GuestDevice[];
  /** Disks that processes have open: where they are is known. */
  readonly open: readonly LocatedGuestDevice[];
  /** Functions that configurations of guests which do not run give to them. */
  readonly configuredElsewhere: readonly ConfiguredElsewhere[];
}

/**
 * Reads what the host program tells of guests (program/guests.sh). What has not its form says nothing.
 *
 * @throws HOST_PROGRAM_FAILED
 */
export function parseOtherGuests(records: readonly HostRecord[], target: string): OtherGuests {
  const of = (kind: string): string[] => records.filter((one) => one.kind === kind).map((one) => one.text);
  const proxmox = parseProxmox({ lines: of("proxmox"), mappings: of("mapping"), node: of("node")[0] ?? "" });
  const names = new Map(of("named").map((line) => namedProcess(line)));
  return {
    devices: [...argumentDevices(of, names), ...proxmox.devices],
    open: openDisks(of, names, parsePlacesOf(records, target)),
    configuredElsewhere: proxmox.configuredElsewhere,
  };
}

type RecordsOf = (kind: string) => string[];

/** By number of the process. */
type Names = ReadonlyMap<string, string>;

function namedProcess(line: string): [string, string] {
  const [pid, text] = cutOnce(line);
  return [pid, nameOfArgument(text)];
}

function argumentDevices(of: RecordsOf, names: Names): GuestDevice[] {
  const nameOf = (pid: string): string => names.get(pid) ?? `of process ${pid}`;
  const told = of("argument").flatMap((line) => {
    const [pid, text] = cutOnce(line);
    return devicesOfArgument(text).map((one) => ({ guest: nameOf(pid), ...one }));
  });
  const untold = of("more").map((pid): GuestDevice => {
    const key = "that is not told, for there are too many";
    return pid === "-"
      ? { guest: "of this host", by: "process", kind: "disk", key }
      : { guest: nameOf(pid), kind: "disk", key };
  });
  return [...told, ...untold];
}

/** Each disk that a process has open, once: of a guest, of a container, or of the process itself. */
function openDisks(of: RecordsOf, names: Names, placesByPath: PlacesByKey): LocatedGuestDevice[] {
  const commands = new Map(of("opener").map(cutOnce));
  const containers = new Map(of("container").map(cutOnce));
  const found = new Map<string, LocatedGuestDevice>();
  for (const [path, places] of placesByPath) {
    const [, pid = ""] = /\/(\d{1,10})\/fd\/\d+$/.exec(path) ?? [];
    const owner = ownerOf(pid, { names, commands, containers });
    for (const place of places) {
      const key = `${pid} ${place.name}`;
      if (!found.has(key)) found.set(key, { ...owner, kind: "disk", key: path, places: [place] });
    }
  }
  return [...found.values()];
}

function ownerOf(
  pid: string,
  { names, commands, containers }: Record<"names" | "commands" | "containers", Names>,
): Pick<GuestDevice, "guest" | "by"> {
  const guest = names.get(pid);
  if (guest !== undefined) return { guest };
  const container = containers.get(pid);
  if (container !== undefined) return { guest: container, by: "container" };
  const command = commands.get(pid) ?? "";
  return { guest: command === "" ? pid : `${command} (${pid})`, by: "process" };
}

function cutOnce(text: string): [string, string] {
  const at = text.indexOf(" ");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}
