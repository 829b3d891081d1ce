import { BAR, describeLab, type LabRow } from "../../../bench/lab/run-lab";

const sampleOf = (seconds: number) => ({
  attachSeconds: seconds * 0.75,
  detachSeconds: seconds * 0.25,
  handshakes: 1,
  processes: 74,
  roundTrips: 60,
});
const rowOf = (way: string, seconds: number): LabRow => ({
  way,
  runs: 5,
  outcome: { result: sampleOf(seconds) },
});
const PROVIDER = "this provider (SSH handshake included)";
const ON_HOST = "the same steps, a virsh script on the host itself";

test("within the bar nothing fails", () => {
  const { lines, failures } = describeLab([rowOf(PROVIDER, 8), rowOf(ON_HOST, 10)]);
  expect(failures).toEqual([]);
  expect(lines).toContain(`| ${PROVIDER} | 5 | 6.0 | 2.0 | 8.0 | 1 | 74 | 60 |`);
  expect(lines.join("\n")).toContain(
    `takes 0.80 of the same steps as a script on the host; the bar is ${BAR}`,
  );
});

test("the run fails above the bar, or if one of two is unmeasured", () => {
  const above = describeLab([rowOf(PROVIDER, 8.1), rowOf(ON_HOST, 10)]);
  expect(above.failures).toEqual(["the bar of 0.8 is not met: 0.81"]);
  const without = describeLab([
    { way: PROVIDER, runs: 0, outcome: { failure: "no login" } },
    rowOf(ON_HOST, 10),
  ]);
  expect(without.failures).toHaveLength(2);
  expect(without.lines).toContain(`- ${PROVIDER}: no login`);
  expect(without.lines).toContain(`| ${ON_HOST} | 5 | 7.5 | 2.5 | 10.0 | 1 | 74 | 60 |`);
});
