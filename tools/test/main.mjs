/**
 * `npm test [-- tier…]`: every tier, or the ones named. Sets up what they need first; a tier that cannot run
 * fails, a skipped test counts as failed, and the last line is `N passed, N failed`.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { root } from "../setup/root.mjs";

const bin = (name) => path.join(root, "node_modules", ".bin", name);
const heartbeatMs = 30_000;
/** How long Jest may live on after its result is written: something that a test left open keeps it. */
const graceMs = 20_000;
/** Of each failure that is repeated at the end. */
const shownLines = 25;
/** Most files of a tier that get a second run. */
const secondRunFiles = 5;

/** What `check` consists of; each counts as one test. */
const checks = [
  { name: "types", command: [bin("tsc"), "--noEmit"] },
  { name: "lint", command: ["npm", "run", "--silent", "lint"] },
  { name: "arrows", command: ["npm", "run", "--silent", "check:arrows"] },
  {
    name: "shell scripts",
    command: [process.execPath, path.join(root, "tools/test/shell-scripts.mjs")],
  },
  { name: "format", command: [bin("prettier"), "--check", "--log-level", "warn", "."] },
  { name: "unused code", command: [bin("knip")] },
  {
    name: "reference and API report",
    command: [process.execPath, path.join(root, "tools/docs/main.mjs"), "--check"],
  },
  { name: "package", command: [process.execPath, path.join(root, "tools/release/check-package.mjs")] },
];

/**
 * In the order in which they run, because what is quick to fail comes first. `needs`: steps of
 * tools/setup/main.mjs; `oneByOne`: its files share a machine. `onAllProcessors`: its files need nothing but
 * a processor, where Jest by itself leaves one free, which of two is a half. Those `inLab` follow each other,
 * with the others beside them: one emulated host keeps two processors busy, two of them take longer than one
 * after the other. The others give way, but for those whose guests, or whose own limits (`hasTimes`), have a
 * time to keep. `onlyNamed`: not without being asked for, it takes too long.
 */
const tiers = {
  check: { needs: ["check-packages", "npm", "build"] },
  unit: { needs: ["npm"], onAllProcessors: true },
  laws: { needs: ["npm"], onAllProcessors: true },
  repository: { needs: ["npm"], onAllProcessors: true },
  ssh: { needs: ["packages", "npm", "build"], oneByOne: true, hasTimes: true },
  protocol: { needs: ["npm", "build"], hasTimes: true },
  examples: { needs: ["packages", "npm", "build", "pulumi"], oneByOne: true },
  package: { needs: ["npm", "build"], oneByOne: true },
  programs: { needs: ["packages", "npm", "build", "pulumi", "lab"], oneByOne: true },
  qemu: { needs: ["packages", "npm", "lab"], oneByOne: true },
  contract: { needs: ["packages", "npm", "lab"], oneByOne: true },
  lab: { needs: ["packages", "npm", "build", "lab"], oneByOne: true, inLab: true },
  "lab-long": { needs: ["packages", "npm", "build", "lab"], oneByOne: true, inLab: true, onlyNamed: true },
  pulumi: { needs: ["packages", "npm", "build", "pulumi", "lab"], oneByOne: true, inLab: true },
  faults: { needs: ["packages", "npm", "build", "lab"], oneByOne: true, inLab: true },
};

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in tiers));
if (unknown.length > 0) {
  console.error(`there is no tier ${unknown.join(", ")}; the tiers are ${Object.keys(tiers).join(", ")}`);
  process.exit(2);
}
const isChosen = (name) => (named.length === 0 ? !tiers[name].onlyNamed : named.includes(name));
const chosen = Object.keys(tiers).filter(isChosen);

const started = Date.now();
const seconds = (since) => `${Math.round((Date.now() - since) / 1000)} s`;
const log = (line) => console.log(`[${seconds(started)}] ${line}`);

/**
 * Runs a command with its output shown; a line now and then says that it still runs. Where a file is named
 * that the command writes last, it is ended if it does not end by itself soon after.
 */
async function run([program, ...args], what, { lastFile, givesWay } = {}) {
  const since = Date.now();
  const env = { ...process.env, MULTIFUNCTION_PCI_IS_BUILT: "1" };
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  if (givesWay && child.pid) os.setPriority(child.pid, os.constants.priority.PRIORITY_LOW);
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => console.log(`${what} | ${line}`));
  const heartbeat = setInterval(() => {
    log(`${what}: running for ${seconds(since)}`);
    const written = lastFile && fs.statSync(lastFile, { throwIfNoEntry: false })?.mtimeMs;
    if (written && Date.now() - written > graceMs) child.kill("SIGKILL");
  }, heartbeatMs);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
  } finally {
    clearInterval(heartbeat);
  }
}

async function runChecks({ givesWay }) {
  const tally = { passed: 0, failed: 0, failures: [] };
  for (const { name, command } of checks) {
    const since = Date.now();
    const code = await run(command, name, { givesWay });
    log(`check: ${name} ${code === 0 ? "passed" : "FAILED"} in ${seconds(since)}`);
    tally[code === 0 ? "passed" : "failed"] += 1;
    if (code !== 0) tally.failures.push({ text: `check: ${name}: ended with ${code}` });
  }
  return tally;
}

/**
 * What failed in a result of Jest, and how: said once more at the end, where thousands of lines do not hide
 * it.
 */
function failuresOf(tier, { testResults }) {
  return testResults.flatMap(({ name, message, assertionResults }) => {
    const file = path.relative(root, name);
    const ofTests = assertionResults
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages }) => ({ title: fullName, text: failureMessages.join("\n") }));
    const ofFile = assertionResults.length === 0 && message ? [{ title: "does not run", text: message }] : [];
    return [...ofTests, ...ofFile].map(({ title, text }) => {
      const lines = text.split("\n").filter((line) => !/^ +at .*node_modules/.test(line));
      return { file, text: `${tier}: ${file}: ${title}\n${lines.slice(0, shownLines).join("\n")}` };
    });
  });
}

async function runJest(tier, folder, { givesWay, files } = {}) {
  const outputFile = path.join(folder, `${tier}.json`);
  fs.rmSync(outputFile, { force: true });
  const options = [
    "--ci",
    "--json",
    "--outputFile",
    outputFile,
    ...(tiers[tier].oneByOne ? ["--runInBand"] : []),
    ...(tiers[tier].onAllProcessors ? ["--maxWorkers=100%"] : []),
    ...(files ? ["--runTestsByPath", ...files] : []),
  ];
  const command = [bin("jest"), "--selectProjects", tier, ...options];
  const code = await run(command, tier, { lastFile: outputFile, givesWay });
  if (!fs.existsSync(outputFile))
    return { passed: 0, failed: 1, why: `jest ended with ${code} and no result` };
  const result = JSON.parse(fs.readFileSync(outputFile, "utf8"));
  const skipped = result.numPendingTests + result.numTodoTests;
  // A file that does not even load has no tests to count.
  const broken = result.numRuntimeErrorTestSuites;
  const failures = failuresOf(tier, result);
  const failed = result.numFailedTests + skipped + broken;
  const passed = result.numPassedTests;
  if (failed === 0 && code !== 0)
    return { passed, failed: 1, why: `jest ended with ${code ?? "a signal: something was left open"}` };
  const why = [skipped && `${skipped} skipped`, broken && `${broken} files that do not run`]
    .filter(Boolean)
    .join(", ");
  return { passed, failed, failures, why };
}

/**
 * Whether a tier's failures may be those of a machine that was too busy, and so are worth a second run of
 * their files with nothing beside them. What fails then, fails.
 */
const isWorthASecondRun = ({ failures = [], failed }) =>
  failures.length > 0 && failures.length === failed && filesOf(failures).length <= secondRunFiles;
const filesOf = (failures) => [...new Set(failures.map(({ file }) => file))];

async function setUp() {
  // Loaded here, so that a failure in it is a failure of the tests and not of their runner.
  const { ensureAll } = await import("../setup/main.mjs");
  await ensureAll({ only: [...new Set(chosen.flatMap((name) => tiers[name].needs))], log });
}

const results = fs.mkdtempSync(path.join(os.tmpdir(), "multifunction-pci-test-"));
/** What came of each tier, by its name. */
const tallies = new Map();
try {
  log("setting up");
  let setUpFailure;
  try {
    await setUp();
  } catch (error) {
    setUpFailure = error instanceof Error ? error.message : String(error);
    console.error(setUpFailure);
  }
  const runTier = async (tier, how) => {
    const since = Date.now();
    log(`${tier}: starting`);
    const tally = setUpFailure
      ? { passed: 0, failed: 1, why: "the set-up failed" }
      : await (tier === "check" ? runChecks(how) : runJest(tier, results, how)).catch((error) => ({
          passed: 0,
          failed: 1,
          why: String(error),
        }));
    const line = `${tier}: ${tally.passed} passed, ${tally.failed} failed in ${seconds(since)}`;
    const said = { ...tally, line: tally.why ? `${line} (${tally.why})` : line };
    log(said.line);
    return said;
  };
  const inLab = chosen.filter((name) => tiers[name].inLab);
  const others = chosen.filter((name) => !tiers[name].inLab);
  const runLane = async (lane, isBeside) => {
    for (const tier of lane) {
      const givesWay = isBeside && !tiers[tier].hasTimes && !tiers[tier].needs.includes("lab");
      tallies.set(tier, await runTier(tier, { givesWay }));
    }
  };
  await Promise.all([runLane(others, inLab.length > 0), runLane(inLab, false)]);
  for (const tier of chosen.filter((name) => name !== "check")) {
    const first = tallies.get(tier);
    if (!isWorthASecondRun(first)) continue;
    log(`${tier}: what failed is run once more, with nothing beside it`);
    const second = await runTier(tier, { files: filesOf(first.failures) });
    const recovered = first.failed - second.failed;
    tallies.set(tier, {
      passed: first.passed + recovered,
      failed: second.failed,
      failures: second.failures ?? first.failures,
      recovered: recovered > 0 ? first.failures : [],
      line: `${first.line}; ${second.failed} once more`,
    });
  }
} finally {
  fs.rmSync(results, { recursive: true, force: true });
}

const all = chosen.map((tier) => tallies.get(tier));
const sum = (count) => all.reduce((total, tally) => total + count(tally), 0);
for (const { recovered = [] } of all)
  for (const { text } of recovered) console.log(`\nFAILED AT FIRST ${text}`);
for (const { failures = [] } of all) for (const { text } of failures) console.log(`\nFAILED ${text}`);
const [passed, failed] = [sum((tally) => tally.passed), sum((tally) => tally.failed)];
console.log(`\n${all.map(({ line }) => line).join("\n")}\nall of it: ${seconds(started)}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
