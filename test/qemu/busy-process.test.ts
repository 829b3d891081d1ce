import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HOST_FOLDERS } from "../../provider/hypervisor/plain-qemu/program/host-folders";
import { hostProgram } from "../../provider/hypervisor/plain-qemu/program/host-program";

/** Each may be the one that is told in the middle; read line by line, one of 80 was. */
const LOOKS = 300;
/** Listens where a monitor would, and changes between running and sleeping a thousand times a second. */
const BUSY = `
  require("node:net").createServer().listen(process.argv[1], () => process.stdout.write("listening"));
  setInterval(() => { for (const end = performance.now() + 0.5; performance.now() < end;); }, 1);
`;

let folder: string;
let busy: ChildProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "multifunction-pci-busy-"));
  busy = spawn(process.execPath, ["-e", BUSY, join(folder, "qmp")], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => busy.stdout?.once("data", resolve));
});
afterAll(() => {
  busy.kill();
  rmSync(folder, { recursive: true, force: true });
});

test("a process that changes while the host program reads is told whole", () => {
  const program = hostProgram({ ...HOST_FOLDERS, ledger: join(folder, "none") });
  // what a look runs is run by itself: the program around it needs a connection
  const requests = program.slice(0, program.indexOf('\nif [ -z "$BASH_VERSION" ]'));
  const look = `id=1; look qemu ${join(folder, "qmp")}`;
  const told = new Set<string>();
  for (let n = 0; n < LOOKS; n++) {
    const { stdout } = spawnSync("bash", ["--norc", "--noprofile", "-p", "-c", `${requests}\n${look}`], {
      encoding: "utf8",
    });
    const lines = [...stdout.matchAll(/^S 1 ((?:fail|socket|qemu|user|group) .*)$/gm)];
    told.add(lines.map(([, line]) => line).join("\n"));
  }
  expect([...told]).toEqual([
    expect.stringMatching(/^socket listening\nqemu \d+ 0 [0-9a-f]{16} \S+ \S+\nuser root\n/),
  ]);
});
