import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseLabTests } from "../../../tools/test/lab-tests";

const root = path.join(__dirname, "../../..");

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const tsx = path.join(root, "node_modules/.bin/tsx");
  const options = { cwd: root, encoding: "utf8" } as const;
  return spawnSync(tsx, [path.join(root, "tools/test/lab-tests.ts"), ...args], options);
}

test.each([
  [["--release", "bookworm", "-t", "x"], { release: "bookworm", others: ["-t", "x"] }],
  [["attach", "--release=bullseye"], { release: "bullseye", others: ["attach"] }],
  [["--ci"], { release: undefined, others: ["--ci"] }],
])("%j is the lab's release and what is Jest's", (args, expected) => {
  expect(parseLabTests(args)).toEqual(expected);
});

test.each([[["--release", "sid"]], [["--release"]]])(
  "%j is refused, with the releases that there are",
  (args) => {
    const { status, stderr } = run("lab", ...args);
    expect(status).toBe(2);
    expect(stderr).toContain(
      `The lab is of no release "${args[1] ?? ""}". Releases: trixie, bookworm, bullseye`,
    );
    expect(stderr).toContain("Usage: npm run test:lab -- [--release trixie|bookworm|bullseye]");
  },
);

test("one tier's files are Jest's to choose from", () => {
  const { status, stdout } = run("lab", "--release", "bookworm", "--listTests", "lab-itself");
  expect(status).toBe(0);
  expect(stdout.split("\n").filter((line) => line.endsWith(".ts"))).toEqual([
    path.join(root, "test/lab/lab-itself.test.ts"),
  ]);
});
