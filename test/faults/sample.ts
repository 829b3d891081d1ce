import { randomOf } from "../support/random";
import type { FaultCase } from "./suite";

/** What `npm test -- faults` runs; `npm run test:faults -- --sample --record` writes its rows anew. */
export const SAMPLE = { count: 12, seed: 1 } as const;

const SLOW = ["guest reset", "guest paused", "SSH silent, no FIN", "libvirtd stopped for 10 s"];

/** Cases that end soon: the guest need not boot again, and nobody waits for one that does not answer. */
export function sampleOf(all: readonly FaultCase[]): FaultCase[] {
  const quick = all.filter(({ operation, step, when, fault }) => {
    if (SLOW.includes(fault.name) || "kills" in fault) return false;
    return (
      operation.name === "delete" || (operation.name === "create" && step.number <= 2 && when === "before")
    );
  });
  return chooseCases(quick, SAMPLE.count, SAMPLE.seed);
}

/**
 * So many of the cases, spread over operations and faults: the operation and the fault that have come up
 * least are served first, and the seed decides among equals. The same cases for the same seed and plans.
 */
export function chooseCases(all: readonly FaultCase[], count: number, seed: number): FaultCase[] {
  if (count >= all.length) return [...all];
  const random = randomOf(seed);
  const left = all.map((one) => ({ one, draw: random() }));
  const served = new Map<string, number>();
  const timesOf = (key: string): number => served.get(key) ?? 0;
  const chosen: FaultCase[] = [];
  while (chosen.length < count) {
    const weight = ({ one }: { one: FaultCase }): number =>
      timesOf(one.fault.name) * 4 +
      timesOf(one.operation.name) * 2 +
      timesOf(`${one.operation.name} ${one.step.number}`);
    left.sort((a, b) => weight(a) - weight(b) || a.draw - b.draw);
    const next = left.shift();
    if (next === undefined) break;
    const { fault, operation, step } = next.one;
    for (const key of [fault.name, operation.name, `${operation.name} ${step.number}`])
      served.set(key, timesOf(key) + 1);
    chosen.push(next.one);
  }
  return chosen;
}
