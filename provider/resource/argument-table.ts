import * as z from "zod";
import { attachmentSchema } from "./inputs/attachment-schema";
import { argumentFacts, objectFacts, type ArgumentFacts, type ObjectFacts } from "./documented";
import { fieldsOf, innermost, objectIn, tabledType, type TabledType } from "./tabled-type";

/** One argument: all that is known of it, as plain data. */
export interface TabledArgument extends ArgumentFacts {
  readonly name: string;
  /** Where it stands, such as `functionMap[].romFile`. */
  readonly path: string;
  readonly type: TabledType;
  readonly required: boolean;
  readonly secret: boolean;
}

/** The arguments that stand together in one object. */
export interface ArgumentGroup extends ObjectFacts {
  /** Where the object stands; empty for the resource's own arguments. */
  readonly path: string;
  readonly arguments: readonly TabledArgument[];
}

/**
 * Every argument of the resource, from the schema that judges them: the one source for documents, for schemas
 * of other languages and for the tests that compare them. A jump host has the arguments of a connection,
 * which are told once.
 *
 * @throws TypeError where an argument or an object of the schema is without its facts
 */
export function argumentTable(): ArgumentGroup[] {
  return groupsFrom(attachmentSchema, "", new Set());
}

function groupsFrom(schema: z.ZodObject, path: string, told: Set<z.core.$ZodType>): ArgumentGroup[] {
  const facts = objectFacts.get(schema);
  if (facts === undefined) throw new TypeError(`the object at "${path}" is not described`);
  told.add(schema);
  const prefix = path === "" ? "" : `${path}.`;
  const fields = fieldsOf(schema);
  const own = fields.map(([name, field]) => tabledArgument(name, `${prefix}${name}`, field));
  const below = fields.flatMap(([name, field]) => {
    const object = objectIn(field);
    if (object === undefined || told.has(object)) return [];
    const isList = innermost(field) instanceof z.ZodArray;
    return groupsFrom(object, `${prefix}${name}${isList ? "[]" : ""}`, told);
  });
  return [{ ...facts, path, arguments: own }, ...below];
}

function tabledArgument(name: string, path: string, field: z.core.$ZodType): TabledArgument {
  const facts = argumentFacts.get(field);
  if (facts === undefined) throw new TypeError(`the argument "${path}" is not described`);
  return {
    secret: false,
    ...facts,
    name,
    path,
    type: tabledType(field),
    required: !(field instanceof z.ZodOptional),
  };
}
