import * as z from "zod";
import { objectFacts } from "./documented";

/** Type of an argument or an output, as plain data. */
export type TabledType =
  | { readonly kind: "string" | "boolean" }
  | { readonly kind: "integer" | "number"; readonly minimum?: number; readonly maximum?: number }
  | { readonly kind: "enum"; readonly values: readonly string[] }
  | { readonly kind: "list"; readonly of: TabledType }
  | { readonly kind: "object"; readonly name: string };

/**
 * The type that a field of a schema has.
 *
 * @throws TypeError for a schema of a kind that no table has
 */
export function tabledType(field: z.core.$ZodType): TabledType {
  const schema = innermost(field);
  if (schema instanceof z.ZodString) return { kind: "string" };
  if (schema instanceof z.ZodBoolean) return { kind: "boolean" };
  if (schema instanceof z.ZodNumber) return numberType(schema);
  if (schema instanceof z.ZodEnum) return { kind: "enum", values: schema.options.map(String) };
  if (schema instanceof z.ZodArray) return { kind: "list", of: tabledType(schema.element) };
  const name = objectFacts.get(schema)?.name;
  if (schema instanceof z.ZodObject && name !== undefined) return { kind: "object", name };
  throw new TypeError(`no table has the type ${schema._zod.def.type}`);
}

/**
 * The schema without what allows it to be left out or null, and without what is made of the value afterwards.
 */
export function innermost(field: z.core.$ZodType): z.core.$ZodType {
  if (field instanceof z.ZodOptional || field instanceof z.ZodNullable) return innermost(field.unwrap());
  return field instanceof z.ZodPipe ? innermost(field.in) : field;
}

/** The object that a field takes, by itself or in a list; undefined if the field takes none. */
export function objectIn(field: z.core.$ZodType): z.ZodObject | undefined {
  const inner = innermost(field);
  const object = inner instanceof z.ZodArray ? innermost(inner.element) : inner;
  return object instanceof z.ZodObject ? object : undefined;
}

/** Fields of an object, by name. */
export function fieldsOf(schema: z.ZodObject): [string, z.core.$ZodType][] {
  const shape: Record<string, z.core.$ZodType> = schema.shape;
  return Object.entries(shape);
}

function numberType(schema: z.ZodNumber): TabledType {
  const { minValue, maxValue } = schema;
  const isBound = (value: number | null): value is number =>
    value !== null && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  return {
    kind: schema.format === "safeint" ? "integer" : "number",
    ...(isBound(minValue) && { minimum: minValue }),
    ...(isBound(maxValue) && { maximum: maxValue }),
  };
}
