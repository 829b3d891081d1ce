import type { ObservationQuery } from "../apply";
import { findPciAddress, findPciSlotAddress, type FunctionMapping, type PciAddress } from "../pci";
import type { FunctionSelection, PriorAttachment, DesiredAttachment } from "../plan";
import type { AttachmentInputs } from "./inputs/attachment-schema";
import type { AttachmentState } from "./state-schema";

const DEFAULT_TIMEOUT_SECONDS = 60;

/** What the user wants of the guest, from checked inputs. */
export function desiredOf(inputs: AttachmentInputs): DesiredAttachment {
  const { guestSlot } = inputs;
  return {
    ownerToken: inputs.ownerToken,
    selection: selectionOf(inputs),
    leftovers: inputs.leftovers ?? "refuse",
    adopt: inputs.adopt ?? false,
    allowInUse: inputs.allowInUse ?? false,
    allowDisconnect: inputs.allowDisconnect ?? false,
    persistent: inputs.persistent ?? false,
    ...(guestSlot && {
      guestSlot: { bus: guestSlot.bus, ...(guestSlot.slot !== undefined && { slot: guestSlot.slot }) },
    }),
  };
}

/** Functions and slots to look at: those the inputs name, and those the state remembers. */
export function addressesOf(inputs: AttachmentInputs, prior?: PriorAttachment): string[] {
  const selection = selectionOf(inputs);
  const named =
    selection.by === "map" ? selection.map.map((one): string => one.hostAddress) : [selection.device];
  return [...new Set([...named, ...(prior?.functions ?? []).map((one) => one.hostAddress)])];
}

/**
 * What to look at before something is plugged: also the buses that the inputs name and the state remembers.
 */
export function queryForPlug(inputs: AttachmentInputs, prior?: PriorAttachment): ObservationQuery {
  const buses = [inputs.guestSlot?.bus, prior?.slot?.bus].filter((bus) => bus !== undefined);
  const atNextStart = inputs.persistent === true;
  return { addresses: addressesOf(inputs, prior), forPlug: { buses, ...(atNextStart && { atNextStart }) } };
}

/** Limits of the two operations in seconds. */
export function timeoutsOf(inputs: AttachmentInputs): { attachSeconds: number; detachSeconds: number } {
  return {
    attachSeconds: inputs.timeouts?.attachSeconds ?? DEFAULT_TIMEOUT_SECONDS,
    detachSeconds: inputs.timeouts?.detachSeconds ?? DEFAULT_TIMEOUT_SECONDS,
  };
}

/** What a state says of slot, functions and their host drivers. */
export function priorOf(state: AttachmentState): PriorAttachment {
  const driver = (name: string): { hostDriver?: string } => (name === "" ? {} : { hostDriver: name });
  return {
    guestUuid: state.guestUuid,
    ...(state.slot && { slot: state.slot }),
    ...(state.incarnation !== null && { incarnation: state.incarnation }),
    functions: [
      ...state.attached.map((one) => ({
        hostAddress: addressOf(one.hostAddress),
        guestFunction: one.guestFunction,
        ...driver(one.hostDriver),
      })),
      ...state.held.map((one) => ({ hostAddress: addressOf(one.hostAddress), ...driver(one.hostDriver) })),
    ],
  };
}

function selectionOf(inputs: AttachmentInputs): FunctionSelection {
  if (inputs.functionMap !== undefined)
    return {
      by: "map",
      map: inputs.functionMap.map((one): FunctionMapping => ({
        hostAddress: addressOf(one.hostAddress),
        guestFunction: one.guestFunction,
        ...(one.romFile !== undefined && { romFile: one.romFile }),
        ...(one.romBar !== undefined && { romBar: one.romBar }),
      })),
    };
  const device = findPciSlotAddress(inputs.device ?? "");
  if (device === undefined) throw new TypeError("neither device nor functionMap is stored");
  return { by: "device", device, ...(inputs.functions && { functions: inputs.functions }) };
}

function addressOf(text: string): PciAddress {
  const hostAddress = findPciAddress(text);
  if (hostAddress === undefined) throw new TypeError("a stored host address cannot be read");
  return hostAddress;
}
