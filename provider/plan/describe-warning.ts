import { listBeneath } from "./describe-beneath";
import { listFunctions } from "./list-functions";
import { listSome } from "./list-some";
import type { Plan } from "./step";
import type { ResetWarning, Warning } from "./warning";

/** What a plan warns of, a line each: the same words in the preview and in an inspection. */
export function describeWarnings({ warnings = [] }: Pick<Plan, "warnings">): string[] {
  return warnings.map((one) => `warning: ${describeWarning(one)}`);
}

function describeWarning(warning: Warning): string {
  switch (warning.kind) {
    case "weak-reset":
      return describeWeakReset(warning);
    case "known-reset": {
      const { hostAddress, known } = warning;
      return `${hostAddress} is an ${known.name}, of which users report: ${known.effect} (${known.source})`;
    }
    case "usb-devices":
      return `the host loses the USB devices on ${warning.hostAddress}: ${listBeneath(warning.devices)}`;
    case "rdma-devices":
      return (
        `programs that use ${listBeneath(warning.devices)} of ${warning.hostAddress} are not seen: ` +
        'stop them first ("rdma resource show" lists them)'
      );
    case "configured-elsewhere":
      return describeOffGuests(warning.guests);
    case "boot-display":
      return (
        `the firmware's picture is on ${warning.hostAddress}, and Linux ${warning.kernelRelease} may keep its memory: if QEMU ` +
        "cannot reserve a BAR, boot the host with video=efifb:off (from Linux 6.0 on it lets go by itself)"
      );
    case "disconnects":
      return describeDisconnect(warning);
  }
}

function describeWeakReset({ by, hostAddresses, staying, canHold }: ResetWarning): string {
  const which = listAddresses(hostAddresses);
  const isOne = hostAddresses.length === 1;
  const how =
    by === "nothing"
      ? `${which} cannot be reset between guests`
      : `${which} ${isOne ? "is" : "are"} reset between guests by power state only`;
  const what = isOne ? "it as the last one left it" : "them as the last one left them";
  if (staying.length === 0) return `${how}: the next guest may find ${what}`;
  const cure = canHold ? 'attach these as well, or set leftovers to "hold"' : "attach these as well";
  const verb = staying.length === 1 ? "stays" : "stay";
  return `${how} while ${listAddresses(staying)} ${verb} with the host: the next guest may find ${what}; ${cure}`;
}

/** Most functions that are named. */
const MOST_NAMED = 8;

function listAddresses(addresses: readonly string[]): string {
  return listSome(addresses, MOST_NAMED);
}

/** Most guests that are named. */
const MOST_GUESTS = 4;

function describeOffGuests(guests: Extract<Warning, { kind: "configured-elsewhere" }>["guests"]): string {
  const names = listSome(
    guests,
    MOST_GUESTS,
    ({ name, functions }) => `${name} (${listFunctions(functions)})`,
  );
  return guests.length === 1
    ? `guest ${names} is shut off and has it in its configuration: it does not start as long as this guest has it`
    : `guests ${names} are shut off and have it in their configurations: none of them starts as long as this guest has it`;
}

function describeDisconnect({
  certainty,
  guest,
  interfaces,
}: Extract<Warning, { kind: "disconnects" }>): string {
  if (certainty === "unknown")
    return `whether this SSH connection goes through guest ${guest}, and ends with what it loses, is not known`;
  const may = certainty === "sure" ? "goes" : "may go";
  return (
    `this SSH connection ${may} through guest ${guest} (${interfaces.slice(0, 3).join(", ")}), ` +
    "and may end with what the guest loses; run again to go on"
  );
}
