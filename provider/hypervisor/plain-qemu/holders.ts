import type { GuestDevices } from "../../host/facts";
import type { PciAddress } from "../../pci";
import type { Observation } from "../../plan";
import { locateGuestDevices, type FindPlaces } from "../locate-guest-devices";
import { parseOtherGuests } from "./other-guests";
import { parseHostLook, parsePlacesOf } from "./program/host-look";
import type { HostRequests } from "./program/host-requests";
import { holdingsOf } from "./own-functions";

/** A path at which no monitor listens: the look is about no guest. */
const NO_SOCKET = "/run/multifunction-pci/no-socket";

/** Who has functions, and what guests have by way of the host's drivers. */
export interface FoundHolders extends Pick<Observation, "hostUuid" | "holdings" | "ledger"> {
  readonly guestDevices: GuestDevices;
}

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
): Promise<FoundHolders> {
  const { label } = requests;
  const records = await requests.look(["look guests,qemu", NO_SOCKET, ...addresses].join(" "), signal);
  const look = parseHostLook(records, label);
  const { devices, open } = parseOtherGuests(records, label);
  const findPlaces: FindPlaces = async (keys, within) =>
    parsePlacesOf(await requests.look(`places ${keys.join(" ")}`, within), label);
  const { located, unlocated } = await locateGuestDevices(devices, findPlaces, signal);
  const ledger = look.ledger.flatMap(({ guest, entries }) => entries.map((entry) => ({ guest, entry })));
  return {
    hostUuid: look.hostUuid,
    holdings: holdingsOf({ look, ledger, survey: undefined, guest: { name: "", uuid: "" } }),
    ledger,
    guestDevices: { located: [...open, ...located], unlocated },
  };
}
