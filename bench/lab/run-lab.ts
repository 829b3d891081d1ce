import { startLab, type Lab } from "../../lab";
import { MultifunctionPciProvider } from "../../provider/dynamic/provider";
import { barChart } from "../chart";
import { CountingRelay } from "../counting-relay";
import { middleOf } from "../median";
import { outcomeOf, type Outcome, type Report, type Running } from "../outcome";
import { tableOf } from "../page";
import { commandOf, scriptOf, type Step } from "../script";
import { SshClient, type SshDestination } from "../ssh-client";
import { stepsFor } from "./steps";
import { VirshBatch } from "./virsh-batch";

/** Seconds of attach and detach. */
interface Times {
  readonly attachSeconds: number;
  readonly detachSeconds: number;
}

/** One run of one way: its times, and what it cost the host and the network. */
export interface LabSample extends Times {
  readonly handshakes: number;
  readonly processes: number;
  readonly roundTrips: number;
}

/** What a way works with: the lab, and the way to its sshd that is counted. */
interface Place {
  readonly lab: Lab;
  readonly destination: SshDestination;
}

/** One way to attach and detach four functions. */
interface Way {
  readonly name: string;
  readonly run: (place: Place) => Promise<Times>;
  /** Runs of one that takes minutes; default: 5. */
  readonly runs?: number;
}

const RUNS = 5;
/**
 * Attach plus detach of this provider, SSH included, against the same steps as a script on the host itself.
 */
export const BAR = 0.8;
const GUEST = "guest1";
const BUS = "pci.8";

const PROVIDER = "this provider (SSH handshake included)";
const ON_HOST = "the same steps, a virsh script on the host itself";
const WITHOUT_LOOK = "the script without a look: it knows slot, drivers and holders";

const ways: readonly Way[] = [
  { name: PROVIDER, run: byProvider },
  { name: ON_HOST, run: byScriptOnHost("look first") },
  { name: "the same steps, a script over one ssh", run: byScriptOverSsh },
  { name: "the same steps, virsh -c qemu+ssh in one batch", run: byVirshBatch },
  { name: "the same steps, each over a ControlMaster", run: byControlMaster },
  { name: "the same steps, one ssh for each", run: byOneSshPerStep, runs: 3 },
  { name: WITHOUT_LOOK, run: byScriptOnHost("know all") },
];

async function byProvider({ lab, destination }: Place): Promise<Times> {
  const provider = new MultifunctionPciProvider();
  const { privateKey, hostKey } = lab.ssh;
  const { host, port } = destination;
  const inputs = {
    connection: { host, port, user: "root", privateKey, hostKey },
    guest: { domain: GUEST },
    device: "0000:01:00",
    ownerToken: "organization/bench/bench/nic",
  };
  try {
    const [created, attachSeconds] = await timed(() => provider.create(inputs));
    const outs = created.outs as Record<string, unknown>;
    const [, detachSeconds] = await timed(() => provider.delete(created.id, outs));
    return { attachSeconds, detachSeconds };
  } finally {
    await provider.close();
  }
}

/** The steps in one script on the host itself, which pays for no network. */
function byScriptOnHost(withLook: "look first" | "know all"): Way["run"] {
  const scripts = scriptsFor(withLook === "look first");
  return async ({ lab }) => {
    for (const [name, text] of Object.entries(scripts))
      await onHost(lab, `echo ${Buffer.from(text).toString("base64")} | base64 -d > /run/${name}.sh`);
    const attachSeconds = Number(await onHost(lab, "bash /run/attach.sh"));
    return { attachSeconds, detachSeconds: Number(await onHost(lab, "bash /run/detach.sh")) };
  };
}

/** The same scripts, each sent over an ssh. */
async function byScriptOverSsh({ destination }: Place): Promise<Times> {
  const ssh = SshClient.direct(destination);
  const scripts = scriptsFor(true);
  const [, attachSeconds] = await timed(() => ssh.run("bash -s", scripts.attach));
  const [, detachSeconds] = await timed(() => ssh.run("bash -s", scripts.detach));
  return { attachSeconds, detachSeconds };
}

function scriptsFor(doesLook: boolean): { readonly attach: string; readonly detach: string } {
  const { lookBeforeAttach, attach, lookBeforeDetach, detach } = stepsFor(GUEST, BUS);
  return {
    attach: scriptOf([...(doesLook ? lookBeforeAttach : []), ...attach]),
    detach: scriptOf([...(doesLook ? lookBeforeDetach : []), ...detach]),
  };
}

/** Each step over an ssh of its own. */
async function byOneSshPerStep({ destination }: Place): Promise<Times> {
  return byEachStep(SshClient.direct(destination));
}

/** Each step by an ssh over one connection, which the first of them opens. */
async function byControlMaster({ lab, destination }: Place): Promise<Times> {
  const [ssh, openSeconds] = await timed(() => SshClient.shared(destination, `${lab.runFolder}/control`));
  try {
    const { attachSeconds, detachSeconds } = await byEachStep(ssh);
    return { attachSeconds: openSeconds + attachSeconds, detachSeconds };
  } finally {
    await ssh.close();
  }
}

async function byEachStep(ssh: SshClient): Promise<Times> {
  const run = async (steps: readonly Step[]): Promise<void> => {
    for (const step of steps) await ssh.run(commandOf(step));
  };
  const steps = stepsFor(GUEST, BUS);
  const [, attachSeconds] = await timed(() => run([...steps.lookBeforeAttach, ...steps.attach]));
  const [, detachSeconds] = await timed(() => run([...steps.lookBeforeDetach, ...steps.detach]));
  return { attachSeconds, detachSeconds };
}

async function byVirshBatch({ destination }: Place): Promise<Times> {
  const virsh = new VirshBatch(destination, GUEST, BUS);
  try {
    const [, attachSeconds] = await timed(() => virsh.attach());
    const [, detachSeconds] = await timed(() => virsh.detach());
    return { attachSeconds, detachSeconds };
  } finally {
    virsh.close();
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const startedMs = performance.now();
  const result = await work();
  return [result, (performance.now() - startedMs) / 1000];
}

async function onHost(lab: Lab, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(command);
  if (code !== 0) throw new Error(`on the lab's host, "${command}" ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/**
 * Forks since boot, threads not counted, and logins; what the lab's own connection costs is the same for all.
 */
async function counters(lab: Lab): Promise<{ processes: number; handshakes: number }> {
  const text = await onHost(
    lab,
    `journalctl -b -o cat -t sshd-session -t sshd | grep -c 'Accepted' || true; awk '/^processes/ { print $2 }' /proc/stat`,
  );
  const [handshakes = 0, processes = 0] = text.split("\n").map(Number);
  return { handshakes, processes };
}

async function sample(lab: Lab, way: Way): Promise<LabSample> {
  await lab.restore();
  const { host, port, privateKeyFile } = lab.ssh;
  const relay = await CountingRelay.open({ host, port });
  try {
    const idle = await counters(lab);
    const before = await counters(lab);
    const times = await way.run({ lab, destination: { host, port: relay.port, privateKeyFile } });
    const after = await counters(lab);
    const drivers = await lab.hostDrivers();
    for (const f of [0, 1, 2, 3])
      if (drivers[`0000:01:00.${f}`] !== "e1000e") throw new Error(`0000:01:00.${f} did not come back`);
    const looking = before.processes - idle.processes;
    return {
      ...times,
      handshakes: after.handshakes - before.handshakes,
      processes: after.processes - before.processes - looking,
      roundTrips: relay.traffic.roundTrips,
    };
  } finally {
    await relay.close();
  }
}

/** One way, measured. */
export interface LabRow {
  readonly way: string;
  readonly outcome: Outcome<LabSample>;
  /** How many runs the figures are the middle of. */
  readonly runs: number;
}

/** All ways in the lab, one after the other, each run from a fresh snapshot. */
export async function runLab(options: { readonly quick: boolean } & Running): Promise<Report> {
  const { quick, mayRepeat, isEnding, log } = options;
  const lab = await startLab({ log });
  try {
    const rows: LabRow[] = [];
    for (const way of ways) {
      if (isEnding()) break;
      const runs = quick ? 1 : (way.runs ?? RUNS);
      const samples: LabSample[] = [];
      const outcome = await outcomeOf(async () => {
        for (let run = 1; run <= runs && (run === 1 || mayRepeat()); run++) {
          const one = await sample(lab, way);
          const seconds = `${one.attachSeconds.toFixed(1)} s + ${one.detachSeconds.toFixed(1)} s`;
          log(`${way.name}, run ${run} of ${runs}: ${seconds}`);
          samples.push(one);
        }
        return middleOf(samples);
      });
      if ("failure" in outcome) log(`${way.name}: failed: ${outcome.failure}`);
      rows.push({ way: way.name, outcome, runs: samples.length });
    }
    return describeLab(rows);
  } finally {
    await lab.close();
  }
}

/** Table, chart, and the judgement by the bar. */
export function describeLab(rows: readonly LabRow[]): Report {
  const sumOf = ({ attachSeconds, detachSeconds }: LabSample): number => attachSeconds + detachSeconds;
  const sumBy = (name: string): number => {
    const outcome = rows.find((row) => row.way === name)?.outcome;
    return outcome && "result" in outcome ? sumOf(outcome.result) : Number.NaN;
  };
  const table = tableOf(
    [
      "way",
      "runs",
      "attach (s)",
      "detach (s)",
      "sum (s)",
      "SSH handshakes",
      "processes on the host",
      "round trips",
    ],
    rows.map(({ way, outcome, runs }) => {
      if ("failure" in outcome) return [way, runs, "failed", "", "", "", "", ""];
      const { attachSeconds, detachSeconds, handshakes, processes, roundTrips } = outcome.result;
      const seconds = [attachSeconds, detachSeconds, attachSeconds + detachSeconds];
      return [way, runs, ...seconds.map((one) => one.toFixed(1)), handshakes, processes, roundTrips];
    }),
  );
  const ratio = sumBy(PROVIDER) / sumBy(ON_HOST);
  const verdict =
    `This provider takes ${ratio.toFixed(2)} of the same steps as a script on the host; the bar is ${BAR}. ` +
    `Of the script that looks at nothing, it takes ${(sumBy(PROVIDER) / sumBy(WITHOUT_LOOK)).toFixed(2)}.`;
  const failures = rows.flatMap(({ way, outcome }) =>
    "failure" in outcome ? [`${way}: ${outcome.failure}`] : [],
  );
  const chart = barChart({
    title: "One attachment in the lab, seconds (lower is better)",
    parts: ["attach", "detach"],
    unit: "s",
    bars: rows.flatMap(({ way, outcome }) =>
      "failure" in outcome
        ? []
        : [
            {
              label: way.replace("the same steps, ", "").replace(/[:(].*$/, ""),
              parts: [outcome.result.attachSeconds, outcome.result.detachSeconds],
            },
          ],
    ),
  });
  return {
    lines: [
      "![Seconds of attach and detach of one attachment, by each way](benchmark-lab.svg)",
      "",
      ...table,
      "",
      verdict,
      ...(failures.length > 0 ? ["", "Failed:", "", ...failures.map((one) => `- ${one}`)] : []),
    ],
    charts: { "benchmark-lab.svg": chart },
    failures: [...failures, ...(ratio <= BAR ? [] : [`the bar of ${BAR} is not met: ${ratio.toFixed(2)}`])],
  };
}
