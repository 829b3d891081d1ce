import { fleetStepsFor } from "../../../bench/fleet/fleet-steps";
import { scriptOf } from "../../../bench/script";

test("other ways plug as the provider: function 0 last, after all are bound", () => {
  const script = scriptOf(fleetStepsFor({ socket: "/run/vm.qmp", device: "0000:01:00" }).attach);
  const at = (text: string): number => script.lastIndexOf(text);
  const plugs = [1, 2, 3, 0].map((f) => at(`"id":"bench-f${f}"`));
  expect(plugs).toEqual([...plugs].sort((a, b) => a - b));
  expect(at("drivers_probe")).toBeGreaterThan(0);
  expect(at("drivers_probe")).toBeLessThan(plugs[0]!);
});

test("a script looks at its own device, and at no other's group", () => {
  const { lookBeforeAttach, lookBeforeDetach } = fleetStepsFor({
    socket: "/run/guest7.qmp",
    device: "0000:01:00",
  });
  for (const steps of [lookBeforeAttach, lookBeforeDetach]) {
    const script = scriptOf(steps);
    expect(script).toContain("/sys/bus/pci/devices/0000:01:00.0/iommu_group");
    expect(script).toContain("/run/bench/ledger/guest7.json");
    for (const question of ["query-status", "query-uuid", "query-version", "qom-list"])
      expect(script).toContain(`"execute":"${question}"`);
    expect(script).not.toContain('-lname "/dev/vfio/*"');
  }
});
