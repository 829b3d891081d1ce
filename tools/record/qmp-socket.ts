/**
 * Records a dialogue with the monitor of a real QEMU over its own socket, for test/unit/qmp: what goes each
 * way, a line each, in order.
 *
 *   npx tsx tools/record/qmp-socket.ts > test/fixtures/qmp-socket/plug.json
 *
 * Starts a QEMU of this machine without a guest's system, and ends it.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const PROGRAM = "qemu-system-x86_64";
const ARGUMENTS = (socket: string): string[] => [
  ...["-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg", "-M", "q35", "-m", "64"],
  ...["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"],
  ...["-device", "pcie-root-port,id=pci.1,chassis=1", "-uuid", "33333333-3333-4333-8333-333333333333"],
  ...["-qmp", `unix:${socket},server=on,wait=off`],
];
const plug = (id: string, rest: object): object => ({
  execute: "device_add",
  arguments: { driver: "virtio-rng-pci", id, bus: "pci.1", ...rest },
});
const COMMANDS: readonly object[] = [
  { execute: "qmp_capabilities" },
  { execute: "query-chardev" },
  { execute: "query-uuid" },
  { execute: "query-memory-size-summary" },
  plug("f1", { addr: "0x0.1" }),
  plug("f0", { addr: "0x0.0", multifunction: true }),
  plug("f2", { addr: "0x0.2" }),
  { execute: "qom-list", arguments: { path: "/machine/peripheral" } },
  { execute: "stop" },
  { execute: "device_del", arguments: { id: "f0" } },
  { execute: "device_del", arguments: { id: "f0" } },
  { execute: "quit" },
];

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "record-qmp-"));
  const path = join(folder, "monitor.sock");
  const child = spawn(PROGRAM, ARGUMENTS(path), { stdio: ["ignore", "inherit", "inherit"] });
  const lines: object[] = [];
  try {
    while (!existsSync(path)) await sleep(20);
    const socket = connect(path);
    // QEMU resets the connection when it ends
    socket.on("error", () => undefined);
    const reader = createInterface({ input: socket }).on("error", () => undefined);
    reader.on("line", (line) => lines.push({ qemu: line.replaceAll(`${folder}/`, "") }));
    await once(reader, "line");
    for (const [index, command] of COMMANDS.entries()) {
      const line = JSON.stringify({ ...command, id: String(index + 1) });
      lines.push({ client: line });
      socket.write(`${line}\n`);
      await sleep(500);
    }
    if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
    const version = execFileSync(PROGRAM, ["--version"], { encoding: "utf8" }).split("\n")[0];
    const command = `${PROGRAM} ${ARGUMENTS("monitor.sock").join(" ")}`;
    const recordedWith = { tool: "npx tsx tools/record/qmp-socket.ts", command, qemu: version };
    console.log(JSON.stringify({ recordedWith, lines }, undefined, 2));
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
