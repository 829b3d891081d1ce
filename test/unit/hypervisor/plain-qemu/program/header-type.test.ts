import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isBridgeFunction, isVfioDriver } from "../../../../../provider/host/facts";
import { hostProgram } from "../../../../../provider/hypervisor/plain-qemu/program/host-program";

const program = hostProgram();
// what a request runs is run by itself: the program around it needs a connection
const functions = program.slice(0, program.indexOf('\nif [ -z "$BASH_VERSION" ]'));
const run = (script: string): string[] =>
  execFileSync("bash", ["-p", "-c", `${functions}\n${script}`], { encoding: "utf8" })
    .trimEnd()
    .split("\n");

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), "multifunction-pci-header-"))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Shown {
  readonly what: string;
  readonly classCode: string;
  /** Byte 0x0e of its configuration space; undefined where that cannot be read. */
  readonly byte?: number;
  /** Whether the kernel shows the numbers of buses behind it. */
  readonly hasBus?: boolean;
  readonly isBridge: boolean;
}

const shown: readonly Shown[] = [
  { what: "an endpoint", classCode: "0x020000", byte: 0x80, isBridge: false },
  { what: "an ISA bridge", classCode: "0x060100", byte: 0x80, isBridge: false },
  { what: "a host bridge", classCode: "0x060000", byte: 0x00, isBridge: false },
  { what: "an NVSwitch", classCode: "0x068000", byte: 0x00, isBridge: false },
  { what: "a bridge with several functions", classCode: "0x060400", byte: 0x81, isBridge: true },
  { what: "a CardBus bridge", classCode: "0x060700", byte: 0x02, isBridge: true },
  { what: "a port, by its buses", classCode: "0x060400", hasBus: true, isBridge: true },
  { what: "a bridge of another class, by its buses", classCode: "0x088000", hasBus: true, isBridge: true },
  { what: "a bridge of which nothing can be read", classCode: "0x060400", isBridge: true },
  { what: "an ISA bridge of which nothing can be read", classCode: "0x060100", isBridge: false },
  { what: "a function without class", classCode: "", isBridge: false },
];

test.each(shown)("$what, as the host program sees it", ({ what, classCode, byte, hasBus, isBridge }) => {
  const dir = join(folder, what.replace(/[^a-z]/gi, ""));
  mkdirSync(dir);
  const config = Buffer.alloc(64, 0xff);
  if (byte !== undefined) {
    config[0x0e] = byte;
    writeFileSync(join(dir, "config"), config);
  }
  if (hasBus) writeFileSync(join(dir, "secondary_bus_number"), "1\n");
  const [headerType = ""] = run(`header_of '${dir}' '${classCode}'; printf "%s\\n" "$header"`);
  expect(headerType).toMatch(/^(?:[0-2]|bridge|-)$/);
  expect(isBridgeFunction(classCode, headerType)).toBe(isBridge);
});

test("records of a program that tells no header type go by their class", () => {
  const classes = ["0x060400", "0x060100", "0x020000", ""];
  expect(classes.map((one) => isBridgeFunction(one, undefined))).toEqual([true, true, false, false]);
});

const DRIVERS = [
  ...[
    "vfio-pci",
    "mlx5_vfio_pci",
    "hisi-acc-vfio-pci",
    "nvidia-vgpu-vfio",
    "vfio",
    "vfio_pci_core",
    "xe_vfio_pci",
  ],
  ...["pci-stub", "pcieport", "nvidia", "myvfio-pci", "vfiopci", "e1000e", "", "-", "novfio_pci", "a-vfio"],
];

test("a driver is VFIO's for the host program if it is for the planner", () => {
  const told = run(DRIVERS.map((name) => `is_vfio '${name}' && echo yes || echo no`).join("\n"));
  expect(told).toEqual(DRIVERS.map((name) => (isVfioDriver(name) ? "yes" : "no")));
  expect(told.filter((one) => one === "yes")).toHaveLength(8);
});
