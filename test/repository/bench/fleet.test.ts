import { fleetStepsFor } from "../../../bench/fleet/fleet-steps";
import { guestsOf, spread } from "../../../bench/fleet/fleet";
import { inParallel } from "../../../bench/fleet/in-parallel";
import { describeFleet, fleetSizes, type FleetRow } from "../../../bench/fleet/run-fleet";
import { describeChange } from "../../../bench/fleet/run-change";
import { scriptOf } from "../../../bench/script";

test("every number of attachments is measured on every number of hosts up to it", () => {
  expect(fleetSizes(false).map(({ attachments, hosts }) => `${attachments} on ${hosts}`)).toEqual([
    ...["1 on 1", "4 on 1", "16 on 1", "64 on 1"],
    ...["4 on 4", "16 on 4", "64 on 4", "16 on 8", "64 on 8"],
  ]);
});

test.each([
  [64, 8, [8, 8, 8, 8, 8, 8, 8, 8]],
  [1, 1, [1]],
  [16, 4, [4, 4, 4, 4]],
  [5, 4, [2, 1, 1, 1]],
])("%d attachments are spread over %d hosts evenly", (attachments, hosts, counts) => {
  expect(spread(attachments, hosts)).toEqual(counts);
});

test("each guest of a host has a device and a socket of its own", () => {
  const guests = guestsOf(64);
  expect(new Set(guests.map((one) => one.device)).size).toBe(64);
  expect(new Set(guests.map((one) => one.socket)).size).toBe(64);
  expect(guests.at(-1)?.device).toBe("0000:40:00");
});

test("other ways plug as the provider: function 0 last, after all are bound", () => {
  const script = scriptOf(fleetStepsFor({ socket: "/run/vm.qmp", device: "0000:01:00" }).attach);
  const at = (text: string): number => script.lastIndexOf(text);
  const plugs = [1, 2, 3, 0].map((f) => at(`"id":"bench-f${f}"`));
  expect(plugs).toEqual([...plugs].sort((a, b) => a - b));
  expect(at("drivers_probe")).toBeGreaterThan(0);
  expect(at("drivers_probe")).toBeLessThan(plugs[0]!);
});

test("so many run at a time and no more, and results keep the order", async () => {
  let running = 0;
  let most = 0;
  const begun: number[] = [];
  const results = await inParallel([...Array(20).keys()], 3, async (n) => {
    begun.push(n);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, n % 3));
    running -= 1;
    return n * 2;
  });
  expect(most).toBe(3);
  expect(begun).toEqual([...Array(20).keys()]);
  expect(results).toEqual(begun.map((n) => n * 2));
});

test("after a failure nothing more is begun, and what is under way ends first", async () => {
  const ended: number[] = [];
  const work = inParallel([...Array(20).keys()], 2, async (n) => {
    await new Promise((resolve) => setTimeout(resolve, n === 1 ? 30 : 5));
    if (n === 0) throw new Error("the first");
    ended.push(n);
  });
  await expect(work).rejects.toThrow("the first");
  expect(ended).toEqual([1]);
});

const cost = { seconds: 2, handshakes: 1, processes: 40, roundTrips: 30, cpuSeconds: 0.5 };
const providerResult = {
  attach: cost,
  detach: { ...cost, seconds: 1 },
  previewOfCreate: { ...cost, seconds: 0.4 },
  previewOfNothing: { ...cost, seconds: 0.6 },
  peakRssBytes: 150 * 2 ** 20,
  providerCpuSeconds: 3,
  stateBytes: 6546,
  shimBytes: 4966,
};
const size = { attachments: 4, hosts: 1 };
const rows: FleetRow[] = [
  { size, way: "this provider", runs: 3, outcome: { result: providerResult } },
  { size, way: "one ssh for each step", runs: 0, outcome: { failure: "connection refused" } },
];

test("a way that failed is told in its row and hides no other", () => {
  const { lines, failures, charts } = describeFleet(rows, 8);
  expect(lines).toContain("| 4 | 1 | this provider | 3 | 2.0 | 1.0 | 2 | 80 | 60 | 1.0 |");
  expect(lines).toContain("| 4 | 1 | one ssh for each step | 0 | failed |  |  |  |  |  |");
  expect(lines).toContain("| 4 | 1 | 0.4 | 0.6 | 150 | 3.0 | 6546 | 4966 |");
  expect(failures).toEqual(["4 on 1, one ssh for each step: connection refused"]);
  expect(charts["benchmark-fleet.svg"]).toContain("this provider");
});

test("before and after stand side by side, with their ratio", () => {
  const run = { attachments: 64, hosts: 8, runs: 3 };
  const after = { ...providerResult, attach: { ...cost, processes: 10 } };
  const lines = describeChange(
    run,
    { commit: "aaaaaaa", result: providerResult },
    { commit: "bbbbbbb", result: after },
  );
  expect(lines).toContain("| attach | processes on the hosts | 40 | 10 | 0.25 |");
  expect(lines).toContain("| detach | seconds | 1.0 | 1.0 | 1.00 |");
});
