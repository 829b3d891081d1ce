import type { z } from "zod";
import { knownKeys } from "./known-keys";
import type { Fields } from "./fields";
import type { InputFailure } from "./input-failure";
import { pathText, valueAt, type Path } from "./paths";
import { findQuote, findTypeWord, isQuotableName, reportedProperty } from "./quoting";

/**
 * What the user is told of something that the schema refused: path, value (never of a credential) and cure.
 */
export function explain(inputs: Fields, issue: z.core.$ZodIssue): InputFailure[] {
  if (issue.code === "unrecognized_keys") return explainUnknown(issue.keys, issue.path);
  const path = pathText(issue.path);
  const value = valueAt(inputs, issue.path);
  const property = reportedProperty(path, value);
  if (value === undefined || value === null)
    return [{ property, reason: `${path} is missing; ${issue.message}` }];
  if (value === "") return [{ property, reason: `${path} is empty; ${issue.message}` }];
  const quoted = findQuote(value, issue.path);
  const typeWord = findTypeWord(value);
  const unquoted = typeWord === undefined ? "is not valid" : `is not valid: ${typeWord}`;
  return [
    {
      property,
      reason: `${path} ${quoted === undefined ? unquoted : `is ${quoted}`}; ${issue.message}`,
    },
  ];
}

function explainUnknown(keys: readonly string[], path: Path): InputFailure[] {
  const place = pathText(path);
  const where = path.length === 0 ? "" : ` in ${place}`;
  const known = knownKeys(path);
  const takes = `it takes ${known.join(", ")}`;
  const isShown = (key: string): boolean => isQuotableName(key, path, known);
  const shown = keys.filter(isShown).map((key) => ({
    property: path.length === 0 ? "" : `${place}.${key}`,
    reason: `unknown argument ${JSON.stringify(key)}${where}; ${takes}`,
  }));
  if (shown.length === keys.length) return shown;
  // the name of a field that there is stands for that of the field which is not shown
  const property = path.length === 0 ? "" : `${place}.${known[0] ?? ""}`;
  const reason = `unknown argument${where}, of which the name may be a credential and is not shown; ${takes}`;
  return [...shown, { property, reason }];
}
