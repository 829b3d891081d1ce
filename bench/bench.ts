import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startLab, type Lab } from "../lab";
import { MultifunctionPciProvider } from "../provider/dynamic/provider";

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
/** Attach plus detach of this provider, SSH included, against the script on the host itself. */
const BAR = 0.8;
const GUEST = "guest1";
/** An emulated guest boots for a minute on a quiet machine. */
const BOOT_LIMIT_MS = 600_000;
const BUS = "pci.8";

const ways: readonly Way[] = [
  { name: "this provider (SSH handshake included)", run: byProvider },
  { name: "virsh script on the host itself", run: byScriptOnHost },
  { name: "one ssh per step", run: byOneSshPerStep },
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

async function byScriptOnHost(lab: Lab): Promise<{ attachSeconds: number; detachSeconds: number }> {
  for (const name of ["attach", "detach"]) {
    const text = Buffer.from(readFileSync(join(__dirname, `${name}.sh`))).toString("base64");
    await onHost(lab, `echo ${text} | base64 -d > /run/${name}.sh`);
  }
  return {
    attachSeconds: Number(await onHost(lab, `bash /run/attach.sh ${GUEST} ${BUS}`)),
    detachSeconds: Number(await onHost(lab, `bash /run/detach.sh ${GUEST}`)),
  };
}

/** The lines of the two scripts, each over an ssh of its own. */
async function byOneSshPerStep(lab: Lab): Promise<{ attachSeconds: number; detachSeconds: number }> {
  const ssh = (command: string): string => {
    const { port, privateKeyFile } = lab.ssh;
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    const args = ["-p", String(port), "-i", privateKeyFile, ...options.flatMap((one) => ["-o", one])];
    const { status, stdout, stderr } = spawnSync("ssh", [...args, "root@127.0.0.1", command], {
      encoding: "utf8",
    });
    if (status !== 0 && status !== 1) throw new Error(`ssh ended with ${status}: ${stderr}`);
    return stdout;
  };
  const monitor = (json: object): string =>
    ssh(`virsh -q qemu-monitor-command ${GUEST} '${JSON.stringify(json)}'`);
  const devices = (): string => monitor({ execute: "qom-list", arguments: { path: "/machine/peripheral" } });
  const hostdev = (f: number): string =>
    `<hostdev mode="subsystem" type="pci" managed="yes"><driver name="vfio"/><source>` +
    `<address domain="0" bus="1" slot="0" function="${f}"/></source><alias name="ua-bench-${f}"/>` +
    `<address type="unassigned"/></hostdev>`;
  const metadata = `virsh -q metadata ${GUEST} --uri urn:bench --key bench --live`;
  const [, attachSeconds] = await timed(() => {
    ssh(`${metadata} --set '<attachment slot="${BUS}" functions="0000:01:00.0-3" driver="e1000e"/>'`);
    for (const f of [0, 1, 2, 3])
      ssh(
        `echo '${hostdev(f)}' > /run/bench-${f}.xml; virsh -q attach-device ${GUEST} /run/bench-${f}.xml --live`,
      );
    for (const f of [1, 2, 3, 0]) {
      const place = { bus: BUS, addr: `0x0.${f}`, multifunction: true };
      const device = { driver: "vfio-pci", id: `bench-f${f}`, host: `0000:01:00.${f}`, ...place };
      monitor({ execute: "device_add", arguments: device });
    }
    if (!devices().includes("bench-f0")) throw new Error("one ssh per step did not plug");
  });
  const [, detachSeconds] = await timed(async () => {
    monitor({ execute: "device_del", arguments: { id: "bench-f0" } });
    while (devices().includes("bench-f"));
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const f of [0, 1, 2, 3]) ssh(`virsh -q detach-device ${GUEST} /run/bench-${f}.xml --live`);
    for (const f of [0, 1, 2, 3]) ssh(`readlink /sys/bus/pci/devices/0000:01:00.${f}/driver`);
    ssh(`${metadata} --remove`);
  });
  return { attachSeconds, detachSeconds };
}

async function timed<T>(work: () => T | Promise<T>): Promise<[T, number]> {
  const startedMs = performance.now();
  const result = await work();
  return [result, (performance.now() - startedMs) / 1000];
}

async function onHost(lab: Lab, command: string, timeoutMs?: number): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(command, timeoutMs === undefined ? {} : { timeoutMs });
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

async function sample(lab: Lab, way: Way, state: string | undefined): Promise<Sample> {
  await lab.restore(state);
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

/**
 * Saves a state in which no AppArmor profile confines the guest: with one, libvirt reloads it at each hold, some
 * 0.9 s of the lab's time for everybody alike.
 */
async function saveUnconfined(lab: Lab): Promise<string> {
  await lab.restore();
  // first, because a libvirtd without the profile's driver does not find a guest again that has a profile
  await onHost(lab, `virsh destroy ${GUEST}`);
  await onHost(lab, `echo 'security_driver = "none"' >> /etc/libvirt/qemu.conf; systemctl restart libvirtd`);
  await onHost(lab, `virsh start ${GUEST} && exec lab-console ${GUEST} ready`, BOOT_LIMIT_MS);
  await lab.save("unconfined");
  return "unconfined";
}

/** Writes one of the two sections of the record anew; what stands before the first is written by hand. */
function record(file: string, isUnconfined: boolean, lines: readonly string[]): void {
  const headings = ["## AppArmor enforcing, as on a stock host", "## No AppArmor profile on the guest"];
  const earlier = readFileSync(file, "utf8");
  const [first, second] = headings.map((heading) => {
    const [, text = ""] = earlier.split(`${heading}\n`);
    return text.split("\n## ")[0]?.trim() ?? "";
  });
  const [introduction = ""] = earlier.split("\n## ");
  const now = lines.join("\n");
  const sections = isUnconfined ? [first, now] : [now, second];
  const text = headings.map((heading, index) => `${heading}\n\n${sections[index] ?? ""}\n`);
  writeFileSync(file, [`${introduction.trim()}\n`, ...text].join("\n"));
}

async function main(): Promise<void> {
  // the provider tells its steps; they are not part of the table
  const print = console.log.bind(console);
  console.log = () => undefined;
  const lab = await startLab({ log: print });
  try {
    const isUnconfined = process.argv.includes("--unconfined");
    const state = isUnconfined ? await saveUnconfined(lab) : undefined;
    const rows = new Map<string, Sample>();
    for (const way of ways) {
      const samples: Sample[] = [];
      for (let run = 1; run <= RUNS; run++) {
        const one = await sample(lab, way, state);
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
    const ratio = (sums[0] ?? Number.NaN) / (sums[1] ?? Number.NaN);
    const verdict = `This provider takes ${ratio.toFixed(2)} of the script on the host; the bar is ${BAR}.`;
    print(verdict);
    const recordAt = process.argv.indexOf("--record");
    const file = process.argv[recordAt + 1];
    if (recordAt >= 0 && file !== undefined) record(file, isUnconfined, [...table, "", verdict]);
    if (!(ratio <= BAR)) process.exitCode = 1;
  } finally {
    await lab.close();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
});
