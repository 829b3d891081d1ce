import { setTimeout as sleep } from "node:timers/promises";
import { QemuTarget } from "../soak/qemu-target";

/** No unplug below is given up. */
const DEADLINE_SECONDS = 300;

test("a change whose unplug a reset completes shows the whole new set", async () => {
  const target = await QemuTarget.start("acpi", DEADLINE_SECONDS);
  try {
    for (const afterReset of [0, 100]) {
      await target.attach({ functions: [0, 1, 2, 3] });
      await target.pause();
      const changing = target.attach({ functions: [0, 2] });
      await sleep(1000);
      await target.reset();
      await sleep(afterReset);
      await target.resume();
      await changing;
      await target.booted();
      expect(await target.complaints({ functions: [0, 2] })).toEqual([]);
      await target.detach();
    }
  } finally {
    await target.close();
  }
});
