import { currentCommit } from "../../test/support/commit";
import { medianBy } from "../median";
import type { Report, Running } from "../outcome";
import { tableOf } from "../page";
import { EarlierBuild } from "./earlier-build";
import { Fleet, type Cost } from "./fleet";
import { byProvider, type ProviderOptions, type ProviderResult } from "./provider-way";
import { countHosts, type FleetSize } from "./run-fleet";

/** The most that a fleet is measured with, spread and on one host. */
const SIZES: readonly FleetSize[] = [
  { attachments: 64, hosts: 8 },
  { attachments: 64, hosts: 1 },
];
const QUICK_SIZES: readonly FleetSize[] = [{ attachments: 4, hosts: 4 }];
const RUNS = 3;

interface ChangeOptions extends Running {
  readonly against: string;
  readonly parallel: number;
  readonly quick: boolean;
}

/** The provider of an earlier commit and that of this tree, in turns, on the same hosts. */
export async function runChange(options: ChangeOptions): Promise<Report> {
  const earlier = await EarlierBuild.make(options.against);
  const lines: string[] = [];
  try {
    for (const size of options.quick ? QUICK_SIZES : SIZES) {
      if (options.isEnding()) break;
      lines.push(...(lines.length > 0 ? [""] : []), ...(await runSize(size, earlier, options)));
    }
    return { lines, charts: {}, failures: [] };
  } finally {
    await earlier.close();
  }
}

async function runSize(
  size: FleetSize,
  earlier: EarlierBuild,
  { parallel, quick, meter, mayRepeat, isEnding, log }: ChangeOptions,
): Promise<readonly string[]> {
  const runs = quick ? 1 : RUNS;
  log(`starting ${countHosts(size.hosts)} with ${size.attachments} guests`);
  const fleet = await Fleet.start(size.attachments, size.hosts, meter);
  try {
    const before: ProviderResult[] = [];
    const after: ProviderResult[] = [];
    const take = async (name: string, into: ProviderResult[], own: ProviderOptions): Promise<void> => {
      const one = await byProvider(fleet, own);
      log(`${name}: ${one.attach.seconds.toFixed(1)} s + ${one.detach.seconds.toFixed(1)} s`);
      into.push(one);
    };
    for (let run = 0; run < runs && (run === 0 || (mayRepeat() && !isEnding())); run++) {
      await take(earlier.commit, before, { parallel, folder: earlier.folder });
      await take("this tree", after, { parallel });
    }
    const middle = (all: readonly ProviderResult[]): ProviderResult =>
      medianBy(all, ({ attach, detach }) => attach.cpuSeconds + detach.cpuSeconds);
    return describeChange(
      { ...size, runs: after.length },
      { commit: earlier.commit, result: middle(before) },
      { commit: currentCommit(), result: middle(after) },
    );
  } finally {
    await fleet.close();
  }
}

/** A build, and what it has cost. */
export interface Measured {
  readonly commit: string;
  readonly result: ProviderResult;
}

/** Before and after, side by side. */
export function describeChange(
  run: FleetSize & { readonly runs: number },
  before: Measured,
  after: Measured,
): readonly string[] {
  const figures: readonly [string, keyof Cost, number][] = [
    ["seconds", "seconds", 1],
    ["processor time of all (s)", "cpuSeconds", 1],
    ["processes on the hosts", "processes", 0],
    ["round trips", "roundTrips", 0],
  ];
  const commands = [
    ["preview of a create", "previewOfCreate"],
    ["attach", "attach"],
    ["preview without a change", "previewOfNothing"],
    ["detach", "detach"],
  ] as const;
  const rows = commands.flatMap(([name, command]) =>
    figures.map(([what, figure, digits]) => {
      const [from, to] = [before, after].map(({ result }) => result[command][figure]);
      const ratio = ((to ?? Number.NaN) / (from ?? Number.NaN)).toFixed(2);
      return [name, what, ...[from, to].map((one) => one?.toFixed(digits) ?? ""), ratio];
    }),
  );
  return [
    `${run.attachments} attachments on ${countHosts(run.hosts)}, by the provider of commit ${before.commit} and by that of ` +
      `commit ${after.commit}, in turns; the middle one of ${run.runs} by processor time.`,
    "",
    ...tableOf(["command", "figure", before.commit, after.commit, "ratio"], rows),
  ];
}
