/* eslint-disable @typescript-eslint/no-require-imports -- what few commands need is loaded when they do */
import { existsSync, writeFileSync } from "node:fs";
import type { Writable } from "node:stream";
import type { GetPciDevicesArgs, PciDevices } from "../sdk/nodejs";
import type { HostRules } from "./host-rules";
import { parseCommand, type Command } from "./parse-arguments";
import { Progress } from "./progress";
import { USAGE } from "./usage";
import { UsageError } from "./usage-error";

const DONE = 0;
const FAILED = 1;
const WRONG_USAGE = 2;
const NARROW = 80;
/** Beyond it, long lines are hard to read. */
const WIDEST = 120;

/** What the bundle of the provider has for this. */
interface Provider {
  readonly inspectHost: (
    args: GetPciDevicesArgs,
    options: { readonly progress: (line: string) => void },
  ) => Promise<PciDevices>;
  readonly describeReport: (
    report: PciDevices,
    style: {
      readonly width: number;
      readonly hasColours: boolean;
      readonly withBridges: boolean;
    },
  ) => string[];
  readonly recordHost: (
    args: GetPciDevicesArgs,
    options: { readonly progress: (line: string) => void },
  ) => Promise<object>;
  readonly hostListLines: (rules: HostRules) => string[];
  readonly describeHostSetup: (place: string, rules: HostRules) => string[];
}

/** Where a command is run. */
export interface Surroundings {
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Runs one command line. Never rejects. @returns the exit code */
export async function main(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr } = surroundings;
  try {
    const command = parseCommand(words);
    switch (command.kind) {
      case "help":
        stdout.write(USAGE);
        return DONE;
      case "version":
        stdout.write(
          `${(require("pulumi-multifunction-pci/package.json") as { version: string }).version}\n`,
        );
        return DONE;
      case "inspect":
        await inspect(command, surroundings);
        return DONE;
      case "record":
        await record(command, surroundings);
        return DONE;
      case "host-rules": {
        const { hostListLines, describeHostSetup } = require("pulumi-multifunction-pci/provider") as Provider;
        const { rules } = command;
        // the list alone, so that it can be sent to a host as it is
        stdout.write(`${hostListLines(rules).join("\n")}\n`);
        stderr.write(`${describeHostSetup(rules.place, rules).join("\n")}\n`);
        return DONE;
      }
    }
  } catch (error) {
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    if (error instanceof UsageError) stderr.write(`See pulumi-multifunction-pci --help.\n`);
    const isUsage = error instanceof UsageError || (error instanceof Error && error.name === "ArgumentError");
    return isUsage ? WRONG_USAGE : FAILED;
  }
}

async function inspect(
  { args, device, isJson, withBridges }: Command & { readonly kind: "inspect" },
  surroundings: Surroundings,
): Promise<void> {
  const { stdout, stderr } = surroundings;
  const { inspectHost, describeReport } = require("pulumi-multifunction-pci/provider") as Provider;
  const progress = new Progress((line) => stderr.write(`${line}\n`));
  const report = await inspectHost(args, { progress: (line) => progress.tell(line) }).finally(() =>
    progress.end(),
  );
  const devices = report.devices.filter((one) => device === undefined || one.address === device);
  if (device !== undefined && devices.length === 0)
    throw new Error(`${report.host.address} has no PCI device at ${device}`);
  const lines = isJson
    ? [JSON.stringify({ ...report, devices }, undefined, 2)]
    : describeReport(
        { ...report, devices },
        { ...styleOf(surroundings), withBridges: withBridges || device !== undefined },
      );
  stdout.write(`${lines.join("\n")}\n`);
}

async function record(
  { args, file }: Command & { readonly kind: "record" },
  { stderr }: Surroundings,
): Promise<void> {
  if (existsSync(file)) throw new UsageError(`${file} exists; name a file that is to be made`);
  const { recordHost } = require("pulumi-multifunction-pci/provider") as Provider;
  const progress = new Progress((line) => stderr.write(`${line}\n`));
  const recording = await recordHost(args, { progress: (line) => progress.tell(line) }).finally(() =>
    progress.end(),
  );
  writeFileSync(file, `${JSON.stringify(recording, undefined, 1)}\n`, { flag: "wx" });
  stderr.write(
    `${file} has no names of this host, no serial numbers and no addresses; look into it all the same.\n`,
  );
}

function styleOf({ stdout, environment }: Surroundings): {
  readonly width: number;
  readonly hasColours: boolean;
} {
  const isTerminal = stdout.isTTY === true;
  const hasColours = isTerminal && (environment["NO_COLOR"] ?? "") === "" && environment["TERM"] !== "dumb";
  return { width: isTerminal ? Math.min(stdout.columns ?? NARROW, WIDEST) : NARROW, hasColours };
}
