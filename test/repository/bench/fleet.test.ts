import { guestsOf, spread } from "../../../bench/fleet/fleet";
import { inParallel } from "../../../bench/fleet/in-parallel";
import { AFTER, BEFORE, describeChange } from "../../../bench/fleet/describe-change";
import { describeFleet } from "../../../bench/fleet/describe-fleet";
import type { FleetRow } from "../../../bench/fleet/fleet-row";
import { fleetSizes } from "../../../bench/fleet/fleet-size";
import { judgedRuns } from "../../../bench/fleet/run-fleet";

test("every number of attachments is measured on every number of hosts up to it", () => {
  expect(fleetSizes(false).map(({ attachments, hosts }) => `${attachments} on ${hosts}`)).toEqual([
    ...["1 on 1", "4 on 1", "16 on 1", "64 on 1"],
    ...["4 on 4", "16 on 4", "64 on 4", "16 on 8", "64 on 8"],
  ]);
});

test("what a bar judges is run nine times if small, else three times", () => {
  expect([1, 4, 16, 64].map((attachments) => judgedRuns({ attachments, hosts: 1 }, false))).toEqual([
    9, 9, 3, 3,
  ]);
  expect(judgedRuns({ attachments: 1, hosts: 1 }, true)).toBe(1);
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
const { attach, detach } = providerResult;
const SCRIPT = "a script over one ssh";

function rowsOf(size: FleetRow["size"], ...rows: Omit<FleetRow, "size">[]) {
  return { size, rows: rows.map((row) => ({ size, ...row })) };
}

test("a way that failed is told in its row and hides no other", () => {
  const measured = rowsOf(
    { attachments: 4, hosts: 1 },
    { way: "this provider", runs: 9, outcome: { result: providerResult } },
    { way: "one ssh for each step", runs: 0, outcome: { failure: "connection refused" } },
    { way: SCRIPT, runs: 9, outcome: { result: { attach, detach } } },
  );
  const { lines, failures, charts } = describeFleet([measured], { parallel: 8, quick: false });
  expect(lines).toContain("| 4 | 1 | this provider | 9 | 2.00 | 1.00 | 2 | 80 | 60 | 1.00 |");
  expect(lines).toContain("| 4 | 1 | one ssh for each step | 0 | failed |  |  |  |  |  |");
  expect(lines).toContain("| 4 | 1 | 0.40 | 0.60 | 150 | 3.0 | 6546 | 4966 |");
  expect(lines).toContain("| 4 | 1 | time, of that of a script over one ssh | 1.000 | 1 | yes |");
  expect(failures).toEqual(["4 on 1, one ssh for each step: connection refused"]);
  expect(charts["benchmark-fleet.svg"]).toContain("this provider");
});

test("a run fails if a bar is missed, and the page says so", () => {
  const measured = rowsOf(
    { attachments: 16, hosts: 4 },
    { way: "this provider", runs: 3, outcome: { result: providerResult } },
    { way: SCRIPT, runs: 3, outcome: { result: { attach: { ...cost, seconds: 1 }, detach } } },
  );
  const { lines, failures } = describeFleet([measured], { parallel: 8, quick: false });
  expect(lines).toContain("| 16 | 4 | time, of that of a script over one ssh | 1.500 | 0.9 | no |");
  expect(failures).toEqual([
    "the bar is not met with 16 on 4, time, of that of a script over one ssh: 1.500; the bar is 0.9",
    "the bar is not met with 16 on 4, processor time of all, of that of a script over one ssh: 1.000; the bar is 0.85",
  ]);
});

test("processes of one attachment are told with and without the logins", () => {
  const measured = {
    ...rowsOf(
      { attachments: 1, hosts: 1 },
      { way: "this provider", runs: 1, outcome: { result: providerResult } },
    ),
    login: { result: 31 },
  };
  const { lines, failures } = describeFleet([measured], { parallel: 8, quick: true });
  expect(lines).toContain(
    "A login that runs nothing starts 31 processes on the host. One attachment starts 80 with its two, 40 to attach and 40 to detach.",
  );
  expect(lines).toContain(
    "| 1 | 1 | processes for attach and detach, without their two logins | 18 | 20 | yes |",
  );
  expect(failures).toEqual([]);
});

const commits = { before: "aaaaaaa", after: "bbbbbbb" };

function changeOf(size: FleetRow["size"], after: typeof providerResult) {
  return {
    size,
    ways: [
      { name: BEFORE, runs: 3, outcome: { result: providerResult } },
      { name: AFTER, runs: 3, outcome: { result: after } },
      { name: SCRIPT, runs: 3, outcome: { result: { attach: { ...cost, seconds: 3 }, detach } } },
    ],
  };
}

test("before and after stand beside the script, with their ratios to it", () => {
  const faster = { ...providerResult, attach: { ...cost, seconds: 1, processes: 10 } };
  const { lines, failures } = describeChange(
    [
      changeOf({ attachments: 16, hosts: 1 }, faster),
      changeOf({ attachments: 64, hosts: 1 }, providerResult),
    ],
    commits,
  );
  expect(lines).toContain("| 16 | 1 | 3 | seconds | 4.0 | 3.0 | 2.0 | 0.75 | 0.50 | 0.67 |");
  expect(lines).toContain("| 16 | 1 | 3 | processes on the hosts | 80 | 80 | 50 | 1.00 | 0.63 | 0.63 |");
  expect(lines).toContain("The commands of 64 attachments on 1 host:");
  expect(lines).not.toContain("The commands of 16 attachments on 1 host:");
  expect(lines).toContain("| detach | seconds | 1.0 | 1.0 | 1.00 |");
  expect(failures).toEqual([]);
});

test("one attachment before and after is told without the logins", () => {
  const change = changeOf(
    { attachments: 1, hosts: 1 },
    { ...providerResult, attach: { ...cost, processes: 10 } },
  );
  const { lines } = describeChange([{ ...change, login: { result: 8 } }], commits);
  expect(lines).toContain(
    "A login that runs nothing starts 8 processes on the host. Without its two, one attachment starts 64 by aaaaaaa and 34 by bbbbbbb.",
  );
});

test("a side that failed leaves its cells empty, and the run fails", () => {
  const { size, ways } = changeOf({ attachments: 1, hosts: 1 }, providerResult);
  const outcome = { failure: "no login" };
  const { lines, failures } = describeChange(
    [{ size, ways: ways.map((way) => (way.name === BEFORE ? { ...way, runs: 0, outcome } : way)) }],
    commits,
  );
  expect(lines).toContain("| 1 | 1 | 0 | seconds | 4.00 |  | 3.00 |  | 0.75 |  |");
  expect(failures).toEqual([`1 on 1, ${BEFORE}: no login`]);
});
