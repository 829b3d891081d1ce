import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "../../lab";

/** Tells everything on the lab's host that an attachment may change, and everything that it must not. */
const LOOK = readFileSync(join(__dirname, "host-look.sh"), "utf8");

/** Lines that say what is there; two looks at the same state are equal. */
export async function lookAtHost(lab: Lab): Promise<string[]> {
  const { code, stdout, stderr } = await lab.exec(LOOK, { timeoutMs: 120_000 });
  if (code !== 0) throw new Error(`the look at the lab's host ended with ${code}: ${stderr}`);
  // older libvirt keeps the element when its last part is gone
  return stdout.split("\n").filter((line) => line !== "" && !line.endsWith("<metadata/>"));
}

/** What differs, each line with its sign; nothing where all is as before. */
export function differences(before: readonly string[], now: readonly string[]): string[] {
  const gone = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come];
}

/** Looks until nothing differs, or the time is over: sessions and drivers take seconds to go and to come. */
export async function settledDifferences(
  look: () => Promise<string[]>,
  before: readonly string[],
  limitMs: number,
): Promise<string[]> {
  const endsAt = Date.now() + limitMs;
  for (;;) {
    const found = differences(before, await look());
    if (found.length === 0 || Date.now() > endsAt) return found;
    await sleep(500);
  }
}
