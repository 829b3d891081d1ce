/**
 * Records what the helper's survey says of a host's network with each iproute2 of Debian, for
 * test/unit/host/facts: in a lab of its own, in a network namespace with many kinds of interfaces
 * (network-kinds.sh), into test/fixtures/network.
 *
 *   npx tsx tools/record/network.ts [--here] [RELEASE…]
 *
 * With --here on this machine, as root. The kernel is the lab's or this one's; of the releases come `ip`
 * and its libraries alone. What the kernel does not have is in the tests themselves, made after the source.
 */
import "../tsx/shell-text.cjs";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLab, type Lab } from "../../lab";
import { runCommand } from "../../lab/command";
import { makeTree } from "../../lab/qemu-versions/mmdebstrap";
import LOOKS from "../../provider/host/helper/looks.sh";
import { RecordReader } from "../../provider/host/helper/record-reader";
import { ANSWER_LIMITS } from "../../provider/host/facts/fact-records";

const FIXTURES = join(__dirname, "../../test/fixtures/network");
const RELEASES = ["bullseye", "bookworm", "trixie", "sid"];
/** Where the lab's host has the trees, and what is run there. */
const THERE = "/var/tmp/record";
/** What a survey says of the network. */
const KINDS = /^(arch|ssh|net|pppoe|ip|hop|get|said) /;

/** The survey as helper.sh runs it, of a connection to the address that network-kinds.sh gives. */
const SURVEY = [
  "export LC_ALL=C PATH=/usr/sbin:/usr/bin",
  "shopt -s nullglob",
  "max_route_bytes=1000000",
  "SSH_CONNECTION='198.51.100.9 50000 192.0.2.1 22'",
  LOOKS,
  "survey_host 1",
].join("\n");

/** Where it is recorded: the host of a lab, or this machine, whose kernel may have few kinds. */
interface Place {
  run(command: string, input?: string): Promise<string>;
  copy(file: string): Promise<void>;
  close(): Promise<void>;
}

async function openLab(): Promise<Place> {
  const lab = await startLab({ log: console.error });
  return {
    run: async (command, input) => {
      const options = { timeoutMs: 300_000, ...(input !== undefined && { input }) };
      const { code, stdout, stderr } = await lab.exec(command, options);
      if (code !== 0) throw new Error(`${command}: ${stderr || stdout}`);
      return stdout;
    },
    copy: (file) => copyToLab(lab, file),
    close: () => lab.close(),
  };
}

async function copyToLab(lab: Lab, file: string): Promise<void> {
  const { host, port, privateKeyFile } = lab.ssh;
  const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
  await runCommand(
    "scp",
    [
      ...["-q", "-i", privateKeyFile, "-P", String(port)],
      ...options.flatMap((one) => ["-o", one]),
      ...[file, `root@${host}:${THERE}/`],
    ],
    { timeoutMs: 300_000 },
  );
}

function openHere(): Place {
  const run = (command: string, input = ""): Promise<string> =>
    Promise.resolve(execFileSync("bash", ["-c", command], { input, encoding: "utf8" }));
  return {
    run,
    copy: async (file) => {
      await run(`cp ${file} ${THERE}/`);
    },
    close: async () => {
      await run(`bash ${THERE}/network-kinds.sh unmake; rm -r ${THERE}`);
    },
  };
}

async function copyTree(place: Place, release: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "record-network-"));
  try {
    // the lab's own release makes the sessions too, where Python is needed
    const packages = release === "trixie" ? "iproute2,python3" : "iproute2";
    const tree = join(folder, release);
    // a mirror may be behind sid's own dates
    const anyAge = '--aptopt=Acquire::Check-Valid-Until "false"';
    await makeTree(["--variant=extract", anyAge, `--include=${packages}`, release], tree);
    // what a package makes that is not unpacked with them
    for (const name of ["bin", "sbin", "lib", "lib64"])
      if (!existsSync(join(tree, name))) symlinkSync(`usr/${name}`, join(tree, name));
    for (const name of ["proc", "dev"]) mkdirSync(join(tree, name), { recursive: true });
    const archive = join(folder, "tree.tar");
    const unneeded = ["*/usr/share", "*/var", "*/etc", "*/gconv", "*/perl-base", "*/usr/lib/locale", "*.pyc"];
    const without = unneeded.map((one) => `--exclude=${one}`);
    await runCommand("tar", ["-C", folder, ...without, "-cf", archive, release]);
    await place.copy(archive);
    await place.run(`cd ${THERE} && tar -xf tree.tar && rm tree.tar`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In base64, for not every byte of it comes through the lab's own shell. */
async function survey(place: Place, release: string): Promise<string[]> {
  const command = `bash ${THERE}/network-kinds.sh survey ${release} ${THERE}/survey.sh | base64`;
  const text = await place.run(`bash -o pipefail -c "${command}"`);
  const reader = new RecordReader(ANSWER_LIMITS);
  const lines = Buffer.from(text, "base64").toString("latin1").split("\n");
  return lines.flatMap((line) => {
    const [, verb = "", piece = ""] = /^([sS]) 1 (.*)$/s.exec(line) ?? [];
    const taken = verb === "" ? undefined : reader.take(verb, piece);
    return taken === undefined || taken === "too-long" || !KINDS.test(taken.record) ? [] : [taken.record];
  });
}

async function main(words: readonly string[]): Promise<void> {
  const named = words.filter((one) => one !== "--here");
  const names = named.length > 0 ? named : RELEASES;
  const place = words.includes("--here") ? openHere() : await openLab();
  try {
    await place.run(`mkdir -p ${THERE}`);
    for (const release of new Set(["trixie", ...names])) await copyTree(place, release);
    for (const file of ["network-kinds.sh", "pppoe-session.py"]) await place.copy(join(__dirname, file));
    await place.run(`cat >${THERE}/survey.sh`, SURVEY);
    console.error(await place.run(`bash ${THERE}/network-kinds.sh make 2>&1`));
    for (const release of names) {
      const version = (await place.run(`chroot ${THERE}/${release} /sbin/ip -V`)).trim();
      const records = await survey(place, release);
      writeFileSync(join(FIXTURES, `${release}.txt`), `${records.join("\n")}\n`);
      console.error(`${release}: ${version}, ${records.length} records`);
    }
    console.error((await place.run("uname -r; cat /etc/debian_version")).trim());
  } finally {
    await place.close();
  }
}

void main(process.argv.slice(2));
