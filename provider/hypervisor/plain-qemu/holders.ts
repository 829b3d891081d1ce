import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import type { HostChannels, Privilege } from "./program/host-channels";
import { HOST_FOLDERS, type HostFolders } from "./program/host-folders";
import { parseHostLook } from "./program/host-look";
import { HostRequests } from "./program/host-requests";
import { holdingsOf } from "./own-functions";

/** A path at which no monitor listens: the look is about no guest. */
const NO_SOCKET = "/run/multifunction-pci/no-socket";

/** How the host program is reached. */
export interface PlainHostAccess {
  readonly channels: HostChannels;
  readonly privilege: Privilege;
  /** Default: those of every Linux host. */
  readonly folders?: HostFolders | undefined;
}

/**
 * Who has these functions of a host without libvirt, by the ledger's files and by the processes that have a
 * group open.
 *
 * @throws HOST_PROGRAM_FAILED, also where the login is not root's; LEDGER_UNREADABLE, HOST_WITHOUT_UUID
 */
export async function findHolders(
  { channels, privilege, folders = HOST_FOLDERS }: PlainHostAccess,
  addresses: readonly PciAddress[],
  signal: AbortSignal,
): Promise<Pick<Observation, "hostUuid" | "holdings" | "ledger">> {
  const requests = new HostRequests(channels, privilege, folders);
  const records = await requests.look(["look", NO_SOCKET, ...addresses].join(" "), signal);
  const look = parseHostLook(records, channels.label);
  const ledger = look.ledger.flatMap(({ guest, entries }) => entries.map((entry) => ({ guest, entry })));
  return {
    hostUuid: look.hostUuid,
    holdings: holdingsOf({ look, ledger, survey: undefined, guest: { name: "", uuid: "" } }),
    ledger,
  };
}
