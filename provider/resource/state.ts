import { printable } from "../errors";
import type { ActualState } from "../apply";
import type { AttachmentInputs } from "./inputs/attachment-schema";
import { outputsSchema, type AttachmentState } from "./state-schema";

/** @throws TypeError where the state is not one that a release of this package wrote. */
export function parseState(properties: Readonly<Record<string, unknown>>): AttachmentState {
  const result = outputsSchema.safeParse(properties);
  if (result.success) return result.data;
  const paths = result.error.issues.map((issue) => issue.path.join(".")).join(", ");
  throw new TypeError(`the stored outputs cannot be read: ${paths}`);
}

/**
 * The properties of the state: what is really there, and the inputs it was made from. Names that the host or
 * the guest gave are printable from here on, because Pulumi shows outputs as they are.
 */
export function composeState<I extends Partial<AttachmentInputs>>(
  inputs: I,
  actual: ActualState,
): I & AttachmentState {
  return { ...inputs, ...printableTexts(outputsOf(actual)) };
}

function outputsOf(actual: ActualState): AttachmentState {
  const part = (one: ActualState["held"][number]): AttachmentState["held"][number] => ({
    hostAddress: one.hostAddress,
    hostDriver: one.hostDriver ?? "",
    iommuGroup: one.iommuGroup ?? -1,
  });
  return {
    slot: actual.slot,
    guestAddress: actual.guest.guestAddress ?? null,
    guestConfigured: actual.guest.guestConfigured,
    guestState: actual.attached.map((one) => actual.guest.states?.get(one.qemuId) ?? "unknown"),
    attached: actual.attached.map((one) => ({
      ...part(one),
      guestFunction: one.guestFunction,
      qemuId: one.qemuId,
      vendorId: one.vendorId,
      productId: one.productId,
    })),
    held: actual.held.map(part),
    guestUuid: actual.guestUuid,
    hostUuid: actual.hostUuid,
    hostKeyFingerprint: actual.hostKeyFingerprint ?? null,
    incarnation: actual.incarnation ?? null,
  };
}

/** The same plain data, every text in it printable. */
function printableTexts<T>(value: T): T {
  if (typeof value === "string") return printable(value) as T;
  if (Array.isArray(value)) return value.map(printableTexts) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, printableTexts<unknown>(one)]),
  ) as T;
}
