import { judgeFleet, tellMissed, type FleetFigures } from "../../../bench/fleet/bars";
import type { ShellResult } from "../../../bench/fleet/shell-ways";

const NOTHING = { seconds: 0, cpuSeconds: 0, processes: 0, handshakes: 0, roundTrips: 0 };

function resultOf(sums: { seconds?: number; cpuSeconds?: number; processes?: number }): ShellResult {
  const { seconds = 1, cpuSeconds = 1, processes = 0 } = sums;
  const attach = { ...NOTHING, seconds: seconds / 2, cpuSeconds: cpuSeconds / 2, processes };
  return { attach, detach: { ...NOTHING, seconds: seconds / 2, cpuSeconds: cpuSeconds / 2 } };
}

function figuresOf(attachments: number, hosts: number, provider: ShellResult): FleetFigures {
  return { size: { attachments, hosts }, provider, script: resultOf({}), loginProcesses: 8 };
}

const missedWith = (figures: FleetFigures, quick = false): string[] =>
  tellMissed(judgeFleet([figures], quick));

const TIME = "time, of that of a script over one ssh";
const PROCESSOR_TIME = "processor time of all, of that of a script over one ssh";
const PROCESSES = "processes for attach and detach, without their two logins";

test.each([
  [1, 1, { seconds: 1, cpuSeconds: 5, processes: 36 }],
  [4, 1, { seconds: 1, cpuSeconds: 5, processes: 500 }],
  [4, 4, { seconds: 1, cpuSeconds: 5 }],
  [16, 1, { seconds: 0.9, cpuSeconds: 0.85 }],
  [64, 8, { seconds: 0.9, cpuSeconds: 0.85, processes: 500 }],
])("%d on %d at the bars misses none", (attachments, hosts, sums) => {
  const verdicts = judgeFleet([figuresOf(attachments, hosts, resultOf(sums))], false);
  expect(verdicts.length).toBeGreaterThan(0);
  expect(tellMissed(verdicts)).toEqual([]);
});

test.each([
  [1, 1, { seconds: 1.002 }, `1 on 1, ${TIME}: 1.002; the bar is 1`],
  [4, 4, { seconds: 1.5 }, `4 on 4, ${TIME}: 1.500; the bar is 1`],
  [16, 4, { seconds: 0.902, cpuSeconds: 0.5 }, `16 on 4, ${TIME}: 0.902; the bar is 0.9`],
  [64, 1, { seconds: 0.5, cpuSeconds: 0.852 }, `64 on 1, ${PROCESSOR_TIME}: 0.852; the bar is 0.85`],
  [1, 1, { processes: 37 }, `1 on 1, ${PROCESSES}: 21; the bar is 20`],
])("%d on %d above a bar is told: %j", (attachments, hosts, sums, message) => {
  expect(missedWith(figuresOf(attachments, hosts, resultOf(sums)))).toEqual([message]);
});

test("a quick run is judged by the processes alone", () => {
  const slow = resultOf({ seconds: 9, cpuSeconds: 9, processes: 37 });
  expect(missedWith(figuresOf(1, 1, slow), true)).toEqual([`1 on 1, ${PROCESSES}: 21; the bar is 20`]);
  expect(judgeFleet([figuresOf(4, 4, slow)], true)).toEqual([]);
});

test("a bar is not met without what it compares", () => {
  const size = { attachments: 1, hosts: 1 };
  const [provider, script] = [resultOf({}), resultOf({})];
  const time = `1 on 1, ${TIME}: not measured; the bar is 1`;
  const processes = `1 on 1, ${PROCESSES}: not measured; the bar is 20`;
  expect(missedWith({ size, script, loginProcesses: 8 })).toEqual([time, processes]);
  expect(missedWith({ size, provider, loginProcesses: 8 })).toEqual([time]);
  expect(missedWith({ size, provider, script })).toEqual([processes]);
});
