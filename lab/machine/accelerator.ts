import { spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../cache";
import { runCommand } from "../command";
import type { LabImage } from "../image";
import { withProgress, type Log } from "../progress";
import type { Emulator } from "./emulator";

/** What runs the outer virtual machine: the processor, or an emulation of one. */
export type AcceleratorName = "kvm" | "tcg";

/** The choice, and all that a saved machine state depends on with it. */
export interface Accelerator {
  readonly name: AcceleratorName;
  readonly qemuVersion: string;
  /** Part of the snapshot's key: a state saved on one of these does not load on another. */
  readonly facts: readonly string[];
}

const PROBE_TIMEOUT_MS = 15_000;

/**
 * Decides by booting a kernel: /dev/kvm may be there, and even open, and still run no guest.
 * The answer is kept until the machine reboots or QEMU changes.
 */
export async function chooseAccelerator(image: LabImage, emulator: Emulator, log: Log): Promise<Accelerator> {
  const [file = "", ...args] = emulator.command;
  const version = (await runCommand(file, [...args, "--version"])).split("\n")[0] ?? "";
  const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
  const memory = join(cacheFolder(), "accelerator.json");
  const question = JSON.stringify([bootId, version]);
  const prior = await findRemembered(memory, question);
  const name = prior ?? (await probe(image, log));
  if (!prior) await writeFile(memory, JSON.stringify({ question, name }));
  const processor = name === "kvm" ? await processorModel() : "emulated";
  return { name, qemuVersion: version, facts: [name, version, processor] };
}

async function findRemembered(memory: string, question: string): Promise<AcceleratorName | undefined> {
  try {
    const answer = JSON.parse(await readFile(memory, "utf8")) as { question: string; name: AcceleratorName };
    return answer.question === question ? answer.name : undefined;
  } catch {
    return undefined;
  }
}

async function probe(image: LabImage, log: Log): Promise<AcceleratorName> {
  try {
    await access("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch {
    return "tcg";
  }
  const works = await withProgress(log, "Trying whether /dev/kvm boots a kernel", () => bootsWithKvm(image));
  return works ? "kvm" : "tcg";
}

/** A kernel without a root disk panics at the end of its boot; getting there is the proof. */
function bootsWithKvm(image: LabImage): Promise<boolean> {
  const args = ["-accel", "kvm", "-cpu", "host", "-M", "q35,kernel-irqchip=split", "-m", "512"];
  args.push("-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio");
  args.push("-kernel", image.kernel, "-append", "console=ttyS0 panic=-1");
  const child = spawn("qemu-system-x86_64", args, {
    stdio: ["ignore", "pipe", "ignore"],
    timeout: PROBE_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let serial = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (serial += text));
  return new Promise((resolve) => {
    child.on("error", () => resolve(false));
    child.on("close", () => resolve(serial.includes("Kernel panic")));
  });
}

async function processorModel(): Promise<string> {
  const lines = (await readFile("/proc/cpuinfo", "utf8")).split("\n");
  return lines
    .filter((line) => /^(model name|flags|microcode)/.test(line))
    .slice(0, 3)
    .join("\n");
}
