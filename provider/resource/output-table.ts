import type { z } from "zod";
import { objectFacts, outputFacts, type ObjectFacts, type OutputFacts } from "./documented";
import { outputsSchema } from "./state-schema";
import { fieldsOf, objectIn, tabledType, type TabledType } from "./tabled-type";

/** One output, or one field of one, as plain data. */
export interface TabledOutput extends OutputFacts {
  readonly name: string;
  readonly type: TabledType;
  readonly informational: boolean;
}

/** The fields of one object among the outputs. */
export interface OutputGroup extends ObjectFacts {
  readonly outputs: readonly TabledOutput[];
}

/**
 * What the state has beside the arguments, from the schema that reads it: first the resource's own outputs,
 * then the objects in them. `ownerToken` is in the table of arguments.
 *
 * @throws TypeError where an output is without its facts
 */
export function outputTable(): OutputGroup[] {
  const objects = fieldsOf(outputsSchema).flatMap(([, field]) => objectIn(field) ?? []);
  const told = objects.map((object): OutputGroup => {
    const facts = objectFacts.get(object);
    if (facts === undefined) throw new TypeError("an object among the outputs is not described");
    return { ...facts, outputs: tabledOutputs(object) };
  });
  const description = "What the state has beside the arguments.";
  return [
    { name: "MultifunctionPciAttachment", description, outputs: tabledOutputs(outputsSchema) },
    ...told,
  ];
}

function tabledOutputs(schema: z.ZodObject): TabledOutput[] {
  return fieldsOf(schema).map(([name, field]) => {
    const facts = outputFacts.get(field);
    if (facts === undefined) throw new TypeError(`the output "${name}" is not described`);
    return { informational: false, ...facts, name, type: tabledType(field) };
  });
}
