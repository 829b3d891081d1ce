import { QemuTarget } from "../soak/qemu-target";
import { soak } from "../soak/soak";

const log = (): void => undefined;

/** A few of the cycles of `npm run soak`, which also judges whether time, memory and descriptors stay flat. */
test.each([
  { slots: "acpi", cycles: 40, seed: 4 },
  { slots: "native", cycles: 5, seed: 4 },
] as const)("$cycles random cycles on $slots slots end as they should", async ({ slots, cycles, seed }) => {
  const target = await QemuTarget.start(slots);
  try {
    const { times, samples } = await soak(target, { cycles, seed, log });
    expect(times.length).toBeGreaterThanOrEqual(cycles);
    expect(samples.at(-1)?.figures["provider: listeners on the monitor"]?.value).toBe(1);
  } finally {
    await target.close();
  }
});
