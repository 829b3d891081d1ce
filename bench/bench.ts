import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { startLab, type Lab } from "../lab";
import { MultifunctionPciProvider } from "../provider/dynamic/provider";
import { scriptOf, stepsFor, type Step } from "./steps";

/** One run of one way: seconds of attach and detach, and what it cost the host. */
interface Sample {
  readonly attachSeconds: number;
  readonly detachSeconds: number;
  readonly handshakes: number;
  readonly processes: number;
}

/** One way to attach and detach four functions. */
interface Way {
  readonly name: string;
  readonly run: (lab: Lab) => Promise<{ attachSeconds: number; detachSeconds: number }>;
}

const RUNS = 5;
/** Attach plus detach of this provider, SSH included, against the same steps as a script on the host itself. */
const BAR = 0.8;
const GUEST = "guest1";
const BUS = "pci.8";

const ways: readonly Way[] = [
  { name: "this provider (SSH handshake included)", run: byProvider },
  { name: "the same steps, a virsh script on the host itself", run: byScriptOnHost("look first") },
  { name: "the same steps, one ssh for each", run: byOneSshPerStep },
  { name: "the script without a look: it knows slot, drivers and holders", run: byScriptOnHost("know all") },
];

async function byProvider(lab: Lab): Promise<{ attachSeconds: number; detachSeconds: number }> {
  const provider = new MultifunctionPciProvider();
  const { host, port, privateKey, hostKey } = lab.ssh;
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
  const { lookBeforeAttach, attach, lookBeforeDetach, detach } = stepsFor(GUEST, BUS);
  const doesLook = withLook === "look first";
  const scripts = {
    attach: scriptOf([...(doesLook ? lookBeforeAttach : []), ...attach]),
    detach: scriptOf([...(doesLook ? lookBeforeDetach : []), ...detach]),
  };
  return async (lab) => {
    for (const [name, text] of Object.entries(scripts))
      await onHost(lab, `echo ${Buffer.from(text).toString("base64")} | base64 -d > /run/${name}.sh`);
    const attachSeconds = Number(await onHost(lab, "bash /run/attach.sh"));
    return { attachSeconds, detachSeconds: Number(await onHost(lab, "bash /run/detach.sh")) };
  };
}

/** Each step over an ssh of its own. */
async function byOneSshPerStep(lab: Lab): Promise<{ attachSeconds: number; detachSeconds: number }> {
  const { port, privateKeyFile } = lab.ssh;
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  const args = ["-p", String(port), "-i", privateKeyFile, ...options.flatMap((one) => ["-o", one])];
  const run = (steps: readonly Step[]): void => {
    for (const step of steps) {
      const { status, stderr } = spawnSync("ssh", [...args, "root@127.0.0.1", `bash -c ${quoted(step)}`], {
        encoding: "utf8",
      });
      if (status !== 0) throw new Error(`over ssh, "${step}" ended with ${status}: ${stderr}`);
    }
  };
  const steps = stepsFor(GUEST, BUS);
  const [, attachSeconds] = await timed(() => run([...steps.lookBeforeAttach, ...steps.attach]));
  const [, detachSeconds] = await timed(() => run([...steps.lookBeforeDetach, ...steps.detach]));
  return { attachSeconds, detachSeconds };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const startedMs = performance.now();
  const result = await work();
  return [result, (performance.now() - startedMs) / 1000];
}

async function onHost(lab: Lab, command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(command);
  if (code !== 0) throw new Error(`on the lab's host, "${command}" ended with ${code}: ${stderr}`);
  return stdout.trim();
}

/** Forks since boot, threads not counted, and logins; what the lab's own connection costs is the same for all. */
async function counters(lab: Lab): Promise<{ processes: number; handshakes: number }> {
  const text = await onHost(
    lab,
    `journalctl -b -o cat -t sshd-session -t sshd | grep -c 'Accepted' || true; awk '/^processes/ { print $2 }' /proc/stat`,
  );
  const [handshakes = 0, processes = 0] = text.split("\n").map(Number);
  return { handshakes, processes };
}

async function sample(lab: Lab, way: Way): Promise<Sample> {
  await lab.restore();
  const idle = await counters(lab);
  const before = await counters(lab);
  const times = await way.run(lab);
  const after = await counters(lab);
  const looking = before.processes - idle.processes;
  return {
    ...times,
    handshakes: after.handshakes - before.handshakes,
    processes: after.processes - before.processes - looking,
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

const RECORD_BEGINS = "<!-- written by npm run bench -- --record docs/benchmark.md -->";

/** Writes the record anew; what stands before it is written by hand. */
function record(file: string, lines: readonly string[]): void {
  const [introduction = ""] = readFileSync(file, "utf8").split(RECORD_BEGINS);
  writeFileSync(file, [introduction.trim(), "", RECORD_BEGINS, "", ...lines, ""].join("\n"));
}

async function main(): Promise<void> {
  // the provider tells its steps; they are not part of the table
  const print = console.log.bind(console);
  console.log = () => undefined;
  const lab = await startLab({ log: print });
  try {
    const rows = new Map<string, Sample>();
    for (const way of ways) {
      const samples: Sample[] = [];
      for (let run = 1; run <= RUNS; run++) {
        const one = await sample(lab, way);
        print(
          `${way.name}, run ${run} of ${RUNS}: ${one.attachSeconds.toFixed(1)} s + ${one.detachSeconds.toFixed(1)} s`,
        );
        samples.push(one);
      }
      const of = (field: keyof Sample): number => median(samples.map((one) => one[field]));
      rows.set(way.name, {
        attachSeconds: of("attachSeconds"),
        detachSeconds: of("detachSeconds"),
        handshakes: of("handshakes"),
        processes: of("processes"),
      });
    }
    const table = [
      "| way | attach (s) | detach (s) | sum (s) | SSH handshakes | processes started on the host |",
      "|---|---|---|---|---|---|",
      ...[...rows].map(([name, row]) => {
        const sum = row.attachSeconds + row.detachSeconds;
        const seconds = [row.attachSeconds, row.detachSeconds, sum].map((value) => value.toFixed(1));
        return `| ${[name, ...seconds, row.handshakes, row.processes].join(" | ")} |`;
      }),
    ];
    for (const line of table) print(line);
    const sums = [...rows.values()].map((row) => row.attachSeconds + row.detachSeconds);
    const against = (index: number): number => (sums[0] ?? Number.NaN) / (sums[index] ?? Number.NaN);
    const ratio = against(1);
    const verdict =
      `This provider takes ${ratio.toFixed(2)} of the same steps as a script on the host; the bar is ${BAR}. ` +
      `Of the script that looks at nothing, it takes ${against(3).toFixed(2)}.`;
    print(verdict);
    const recordAt = process.argv.indexOf("--record");
    const file = process.argv[recordAt + 1];
    if (recordAt >= 0 && file !== undefined) record(file, [...table, "", verdict]);
    if (!(ratio <= BAR)) process.exitCode = 1;
  } finally {
    await lab.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
