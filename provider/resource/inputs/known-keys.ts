import type { z } from "zod";
import { argumentFacts } from "../documented";
import { fieldsOf, objectIn } from "../tabled-type";
import { attachmentSchema } from "./attachment-schema";
import type { Path } from "./paths";

/** Names of the arguments that a program may give at a place of the schema. */
export function knownKeys(path: Path): readonly string[] {
  let place: z.ZodObject | undefined = attachmentSchema;
  // an index leads from a list to its entry, which is the object that the list takes
  for (const key of path)
    if (typeof key !== "number" && place !== undefined) {
      const field: z.core.$ZodType | undefined = fieldsOf(place).find(([name]) => name === key)?.[1];
      place = field && objectIn(field);
    }
  if (place === undefined) return [];
  return fieldsOf(place)
    .filter(([, field]) => argumentFacts.get(field)?.computed !== true)
    .map(([name]) => name);
}
