import { QemuTarget } from "../soak/qemu-target";
import { soak } from "../soak/soak";

/** No walk below waits for a deadline, so that it may be as late as a busy machine needs it. */
const DEADLINE_SECONDS = 180;
const log = (): void => undefined;

/**
 * A few of the cycles of `npm run soak`, which also judges whether time, memory and descriptors stay flat.
 */
test.each([
  { slots: "acpi", cycles: 12, seed: 32 },
  { slots: "native", cycles: 3, seed: 33 },
] as const)("$cycles random cycles on $slots slots end as they should", async ({ slots, cycles, seed }) => {
  const target = await QemuTarget.start(slots, DEADLINE_SECONDS);
  try {
    const { times, samples } = await soak(target, { cycles, seed, log });
    expect(times.length).toBeGreaterThanOrEqual(cycles);
    expect(samples.at(-1)?.figures["provider: listeners on the monitor"]?.value).toBe(1);
  } finally {
    await target.close();
  }
});
