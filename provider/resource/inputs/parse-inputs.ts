import { findPciAddress, findPciSlotAddress } from "../../pci";
import { attachmentSchema, type AttachmentInputs } from "./attachment-schema";
import { isFields, type Fields } from "./fields";
import { pathText } from "./paths";

/** The same inputs in one spelling: PCI addresses long and in lower case. Defaults are not filled in. */
export function normaliseInputs<T extends Fields>(inputs: T): T {
  const device = inputs["device"];
  const map = inputs["functionMap"];
  return {
    ...inputs,
    ...(typeof device === "string" && { device: findPciSlotAddress(device) ?? device }),
    ...(Array.isArray(map) && { functionMap: map.map(normaliseMapping) }),
  };
}

/**
 * @throws TypeError where the inputs did not pass check; they come from Pulumi's state or from check itself.
 */
export function parseCheckedInputs(inputs: Fields): AttachmentInputs {
  const known = Object.fromEntries(
    Object.keys(attachmentSchema.shape).flatMap((key) =>
      inputs[key] === undefined || inputs[key] === null ? [] : [[key, inputs[key]]],
    ),
  );
  const result = attachmentSchema.safeParse(normaliseInputs(known));
  if (result.success) return result.data;
  const paths = result.error.issues.map((issue) => pathText(issue.path)).join(", ");
  throw new TypeError(`the stored arguments cannot be read: ${paths}`);
}

function normaliseMapping(entry: unknown): unknown {
  if (!isFields(entry) || typeof entry["hostAddress"] !== "string") return entry;
  return { ...entry, hostAddress: findPciAddress(entry["hostAddress"]) ?? entry["hostAddress"] };
}
