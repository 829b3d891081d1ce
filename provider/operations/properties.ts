import { parseCheckedInputs, type AttachmentInputs } from "../resource";

/** Arguments, or a state with the arguments beside it, as plain objects. */
export type Properties = Readonly<Record<string, unknown>>;

/** The inputs among the properties of a state, as they are written: no default is filled in. */
export function ownInputs(properties: Properties): Partial<AttachmentInputs> {
  const names = Object.keys(parseCheckedInputs(properties));
  return Object.fromEntries(names.map((name) => [name, properties[name]]));
}
