/**
 * `npm run test:lab [-- --release NAME] [Jest's own arguments]`, and likewise for the other tiers that run in
 * the lab: one Jest project, with the lab's host of that Debian.
 */
import { spawn } from "node:child_process";
import path from "node:path";
import { chosenRelease, parseRelease, RELEASE_VARIABLE, RELEASES, type Release } from "../../lab/release";

/** What a command line asks for. */
export interface LabTests {
  /** Undefined where none is named: the environment's, or the default, then. */
  readonly release: Release | undefined;
  /** For Jest, in their order. */
  readonly others: readonly string[];
}

/**
 * Takes `--release NAME` or `--release=NAME` out of the arguments; throws where it names none that there is.
 */
export function parseLabTests(args: readonly string[]): LabTests {
  const others: string[] = [];
  let release: Release | undefined;
  const rest = args.values();
  for (const argument of rest) {
    if (argument === "--release") release = parseRelease(rest.next().value ?? "");
    else if (argument.startsWith("--release=")) release = parseRelease(argument.slice("--release=".length));
    else others.push(argument);
  }
  return { release, others };
}

/** On the host with libvirt before 8.3 other things are true of an attachment, in the lab's own tier. */
export function projectFor(project: string, release: Release): string {
  return project === "lab" && release === "bullseye" ? "lab-older" : project;
}

async function main([project = "lab", ...args]: readonly string[]): Promise<number> {
  let tests: LabTests;
  try {
    tests = parseLabTests(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error(`Usage: npm run test:${project} -- [--release ${RELEASES.join("|")}] [arguments of Jest]`);
    return 2;
  }
  const jest = path.join(__dirname, "../../node_modules/jest/bin/jest.js");
  const release = tests.release ?? chosenRelease();
  const jestArguments = ["--selectProjects", projectFor(project, release), "--runInBand", ...tests.others];
  const child = spawn(process.execPath, [jest, ...jestArguments], {
    stdio: "inherit",
    env: { ...process.env, [RELEASE_VARIABLE]: release },
  });
  // Jest ends its lab itself on Ctrl-C; this process waits for it
  process.on("SIGINT", () => undefined);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

if (require.main === module) {
  void main(process.argv.slice(2)).then((code) => (process.exitCode = code));
}
