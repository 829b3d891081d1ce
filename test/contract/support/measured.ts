import { writeFileSync } from "node:fs";

/** Versions as they were asked for, for the row of docs/compatibility.md. */
export function noteMeasured(versions: string): void {
  const file = process.env["CONTRACT_MEASURED"];
  if (file !== undefined) writeFileSync(file, versions);
}
