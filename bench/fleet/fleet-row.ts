import type { Outcome } from "../outcome";
import type { Cost } from "./fleet";
import type { FleetSize } from "./fleet-size";
import type { ProviderResult } from "./provider-way";
import type { ShellResult } from "./shell-ways";

/** The ways that are measured against each other. */
export const PROVIDER = "this provider";
export const SCRIPT_OVER_SSH = "a script over one ssh";

/** One size by one way. */
export interface FleetRow {
  readonly size: FleetSize;
  readonly way: string;
  readonly outcome: Outcome<ShellResult | ProviderResult>;
  /** How many runs its figures are the medians of. */
  readonly runs: number;
}

/** What attach and detach have cost together. */
export function sumOf({ attach, detach }: ShellResult, figure: keyof Cost): number {
  return attach[figure] + detach[figure];
}
