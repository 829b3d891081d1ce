import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import { parseHostLook } from "./program/host-look";
import type { HostRequests } from "./program/host-requests";
import { holdingsOf } from "./own-functions";

/** A path at which no monitor listens: the look is about no guest. */
const NO_SOCKET = "/run/multifunction-pci/no-socket";

/**
 * Who has these functions of a host without libvirt, by the ledger's files and by the processes that have a
 * group open.
 *
 * @throws HOST_PROGRAM_FAILED, also where the login is not root's; LEDGER_UNREADABLE, HOST_WITHOUT_UUID
 */
export async function findHolders(
  requests: HostRequests,
  addresses: readonly PciAddress[],
  signal: AbortSignal,
): Promise<Pick<Observation, "hostUuid" | "holdings" | "ledger">> {
  const records = await requests.look(["look qemu", NO_SOCKET, ...addresses].join(" "), signal);
  const look = parseHostLook(records, requests.label);
  const ledger = look.ledger.flatMap(({ guest, entries }) => entries.map((entry) => ({ guest, entry })));
  return {
    hostUuid: look.hostUuid,
    holdings: holdingsOf({ look, ledger, survey: undefined, guest: { name: "", uuid: "" } }),
    ledger,
  };
}
