import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";

const root = resolve(__dirname, "../../..");
/** Has what a test puts there, and git. */
const bin = mkdtempSync(join(tmpdir(), "multifunction-pci-bin-"));

beforeAll(() => {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const git = folders
    .map((folder) => join(folder, "git"))
    .find((file) => spawnSync(file, ["--version"]).status === 0);
  symlinkSync(git ?? "there is no git", join(bin, "git"));
});
afterEach(() => rmSync(join(bin, "shellcheck"), { force: true }));
afterAll(() => rmSync(bin, { recursive: true }));

function check() {
  const env = { PATH: bin };
  return spawnSync(process.execPath, ["tools/test/shell-scripts.mjs"], { cwd: root, env, encoding: "utf8" });
}

function standIn(script: string): void {
  writeFileSync(join(bin, "shellcheck"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

test("every script of a shell is checked, with what it sources", () => {
  standIn('for one; do echo "$one"; done');
  const { stdout, status } = check();
  const files = stdout.split("\n");
  expect(files).toEqual(
    expect.arrayContaining([
      ".ci/run",
      "lab/image/recipe/customize.sh",
      "lab/image/recipe/guest-init.sh",
      "lab/image/recipe/rootfs/usr/local/sbin/lab-start-guest",
      "provider/host/helper/helper.sh",
      "provider/hypervisor/plain-qemu/program/host-program.sh",
      "tools/pulumi-cli/pulumi-resource-pulumi-nodejs",
    ]),
  );
  // a part makes sense in its program alone; the lab's console is Perl
  expect(files).not.toContain("provider/host/helper/locks.sh");
  expect(files).not.toContain("lab/image/recipe/rootfs/usr/local/sbin/lab-console");
  expect(status).toBe(0);
});

test("a finding fails the check", () => {
  standIn("exit 1");
  expect(check().status).toBe(1);
});

test("without shellcheck it is said how to get it", () => {
  const { stderr, status } = check();
  expect(stderr).toContain("apt-get install --no-install-recommends shellcheck");
  expect(status).toBe(1);
});
