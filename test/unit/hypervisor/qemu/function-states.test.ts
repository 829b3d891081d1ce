import fc from "fast-check";
import { QmpGuest } from "../../../../provider/hypervisor/qemu";
import { isAnyMapped, parseDump, type PortWindows } from "../../../../provider/hypervisor/qemu/config-space";
import { QmpError, type QmpArguments, type QmpMonitor } from "../../../../provider/qmp";

const { signal } = new AbortController();
const BASE = 0xb000_0000;
const MEMORY = { base: 4255121408, limit: 4257218559 };
const PREFETCHABLE = { base: 4265607168, limit: 4267704319 };

/** The registers of one function: the command dword, and the BARs at each read in turn; the last for good. */
interface Registers {
  readonly command: number;
  readonly bars: readonly (readonly number[])[];
}

const NO_BARS = [0, 0, 0, 0, 0x0000000c, 0];
const MAPPED = [0, 0xfda00000, 0, 0, 0xfe40000c, 0];
const ONES = Array<number>(6).fill(0xffff_ffff);

/** A q35 guest as QEMU 7.2 was seen to show it: `pci.4` is bus 4, and these functions are in its slot. */
class Q35 implements QmpMonitor {
  readonly asked: string[] = [];
  mcfg: unknown = BASE;
  mcfgSize: unknown = 256 * 2 ** 20;
  secondary = 4;
  /** Addresses in query-pci's regions: -1 as long as no driver is there. */
  region = -1;
  dump: (address: number, words: number) => unknown;
  readonly #reads = new Map<number, number>();

  constructor(readonly functions: readonly Registers[]) {
    this.dump = (address, words) => this.#dump(address, words);
  }

  async execute(command: string, args: QmpArguments = {}): Promise<unknown> {
    if (command === "query-pci") return this.#queryPci();
    if (command === "qom-get" && args["path"] === "/machine/q35") {
      const value = { MCFG: this.mcfg, mcfg_size: this.mcfgSize }[String(args["property"])];
      if (value === undefined) throw new QmpError("GenericError", "Property not found");
      return value;
    }
    if (command === "qom-get" && args["property"] === "type") return "pc-i440fx-7.2-machine";
    if (command !== "human-monitor-command") throw new Error(`unexpected: ${command}`);
    const line = String(args["command-line"]);
    this.asked.push(line);
    const [, words = "", address = ""] = /^xp \/(\d+)wx 0x([0-9a-f]+)$/.exec(line) ?? [];
    return this.dump(Number.parseInt(address, 16), Number(words));
  }

  listen(): Promise<() => Promise<void>> {
    return Promise.reject(new Error("not asked for"));
  }

  #queryPci(): unknown {
    const devices = this.functions.map((_, n) => ({
      ...{ bus: this.secondary, slot: 0, function: n, qdev_id: `f${n}` },
      regions: [{ type: "memory", bar: 4, address: this.region, size: 16384 }],
    }));
    const bus = {
      ...{ number: 0, secondary: this.secondary, subordinate: 4 },
      ...{ memory_range: MEMORY, prefetchable_range: PREFETCHABLE, io_range: { base: 16384, limit: 20479 } },
    };
    const behind = this.secondary === 0 ? [] : devices;
    return [
      { bus: 0, devices: [{ bus: 0, slot: 4, qdev_id: "pci.4", pci_bridge: { bus, devices: behind } }] },
    ];
  }

  #dump(address: number, words: number): string {
    const guestFunction = ((address - BASE) >> 12) & 7;
    const offset = (address - BASE) & 0xfff;
    expect((address - BASE) >> 20).toBe(4);
    const one = this.functions[guestFunction];
    if (offset === 4) return dumpOf(address, [one?.command ?? 0].slice(0, words));
    const nth = this.#reads.get(guestFunction) ?? 0;
    this.#reads.set(guestFunction, nth + 1);
    return dumpOf(address, (one?.bars[nth] ?? one?.bars.at(-1) ?? []).slice(0, words));
  }
}

/** As QEMU prints it. */
function dumpOf(address: number, values: readonly number[]): string {
  let text = "";
  for (let n = 0; n < values.length; n += 4) {
    const words = values.slice(n, n + 4).map((word) => ` 0x${word.toString(16).padStart(8, "0")}`);
    text += `${(address + n * 4).toString(16).padStart(16, "0")}:${words.join("")}\r\n`;
  }
  return text;
}

const idsOf = ({ functions }: Q35): string[] => functions.map((_, n) => `f${n}`);
const statesOf = (guest: Q35) => new QmpGuest(guest).guestStates(idsOf(guest), signal);

describe("what the guest has done with a function", () => {
  it("is told by its registers: all ones, no address, addresses, a driver", async () => {
    const guest = new Q35([
      { command: 0x00100006, bars: [MAPPED] },
      { command: 0x00100002, bars: [MAPPED] },
      { command: 0x00100000, bars: [NO_BARS] },
      { command: 0xffffffff, bars: [ONES] },
    ]);
    expect(await statesOf(guest)).toEqual(["driven", "enumerated", "present", "absent"]);
  });

  it("is told with the guest's own view, by the id of each", async () => {
    const guest = new Q35([{ command: 0x00100006, bars: [MAPPED] }]);
    guest.region = 4265607168;
    expect(await new QmpGuest(guest).readEnumeration(["f0"], signal)).toEqual({
      guestAddress: "0000:04:00",
      guestConfigured: true,
      states: new Map([["f0", "driven"]]),
    });
  });

  it("reads only BARs and command register, and no command without an address", async () => {
    const guest = new Q35([{ command: 0x00100006, bars: [MAPPED] }]);
    await statesOf(guest);
    expect(guest.asked).toEqual(["xp /6wx 0xb0400010", "xp /6wx 0xb0400010", "xp /1wx 0xb0400004"]);
    const unmapped = new Q35([{ command: 0x00100000, bars: [NO_BARS] }]);
    await statesOf(unmapped);
    expect(unmapped.asked).toEqual(["xp /6wx 0xb0400010"]);
  });

  it("is no mapping while the guest measures a BAR, nor where two reads differ", async () => {
    const measured = [0, 0xfffff000, 0, 0, 0xfffe000c, 0xffffffff];
    const moving = [MAPPED, [0, 0xfda01000, 0, 0, 0xfe40000c, 0]];
    const guest = new Q35([
      { command: 0x00100000, bars: [measured] },
      { command: 0x00100000, bars: moving },
    ]);
    expect(await statesOf(guest)).toEqual(["present", "present"]);
  });

  it.each<[string, (guest: Q35) => void]>([
    [
      "the firmware has not placed the configuration space: 2^64 - 1",
      (guest) => (guest.mcfg = JSON.parse("18446744073709551615") as unknown),
    ],
    ["the machine has no such space", (guest) => (guest.mcfg = undefined)],
    ["its place is no number", (guest) => (guest.mcfg = "0xb0000000")],
    ["the bus is beyond its end", (guest) => (guest.mcfgSize = 4 * 2 ** 20)],
    ["the port has no bus number", (guest) => (guest.secondary = 0)],
    [
      "the monitor takes no command for people",
      (guest) => {
        guest.dump = () => {
          throw new QmpError("CommandNotFound", "The command human-monitor-command has not been found");
        };
      },
    ],
    [
      "the memory cannot be read",
      (guest) => (guest.dump = () => "00000000b0400010: Cannot access memory\r\n"),
    ],
  ])("is unknown where %s", async (_, disturb) => {
    const guest = new Q35([{ command: 0x00100006, bars: [MAPPED] }]);
    disturb(guest);
    expect(await statesOf(guest)).toEqual(["unknown"]);
  });

  it("is told by query-pci once a driver has mapped them, if registers are closed", async () => {
    const guest = new Q35([{ command: 0x00100006, bars: [MAPPED] }]);
    guest.mcfg = undefined;
    guest.region = 4265607168;
    expect(await statesOf(guest)).toEqual(["enumerated"]);
  });

  it("is unknown of a device that QEMU does not show, whatever the others are", async () => {
    const guest = new Q35([{ command: 0x00100006, bars: [MAPPED] }]);
    expect(await new QmpGuest(guest).guestStates(["f7", "f0"], signal)).toEqual(["unknown", "driven"]);
    expect(await new QmpGuest(guest).guestStates([], signal)).toEqual([]);
  });

  it("is found on arm64's virt by the memory region of its host bridge", async () => {
    const space = 0x40_1000_0000;
    const inner = new Q35([{ command: 0x00100006, bars: [MAPPED] }]);
    const dumps: string[] = [];
    const monitor: QmpMonitor = {
      listen: () => inner.listen(),
      execute: async (command, args = {}) => {
        const { path, property } = args;
        if (command === "qom-list")
          return [
            { name: "device[3]", type: "child<gpex-pcihost>" },
            { name: "device[4]", type: "child<virtio-mmio>" },
          ];
        if (command === "qom-get" && property === "type") return "virt-10.0-machine";
        if (command === "qom-get" && path === "/machine/unattached/device[3]/pcie-ecam[0]")
          return { addr: space, size: 2 ** 28 }[String(property)];
        if (command === "qom-get") throw new QmpError("GenericError", "no such path");
        if (command !== "human-monitor-command") return inner.execute(command, args);
        const line = String(args["command-line"]);
        dumps.push(line);
        const [, words = "", address = ""] = /\/(\d+)wx 0x([0-9a-f]+)$/.exec(line) ?? [];
        const at = Number.parseInt(address, 16);
        return dumpOf(at, words === "1" ? [0x00100006] : MAPPED);
      },
    };
    expect(await new QmpGuest(monitor).guestStates(["f0"], signal)).toEqual(["driven"]);
    expect(dumps[0]).toBe("xp /6wx 0x4010400010");
  });
});

describe("what xp prints", () => {
  const text =
    "00000000b0400010: 0x00000000 0xfda00000 0x00000000 0x00000000\r\n00000000b0400020: 0xfe40000c 0x00000000\r\n";

  it("is read word by word", () => {
    expect(parseDump(text, 0xb040_0010, 6)).toEqual(MAPPED);
    expect(parseDump("00000000b0400004: 0x00100006\r\n", 0xb040_0004, 1)).toEqual([0x0010_0006]);
  });

  it.each<[string, unknown]>([
    ["nothing", ""],
    ["no text", 7],
    ["an error", "00000000b0400010: Cannot access memory\r\n"],
    ["another address", text.replace("b0400010", "b0400000")],
    ["a second line that does not follow", text.replace("b0400020", "b0400024")],
    ["a word too few", text.replace(" 0x00000000\r\n00", "\r\n00")],
    ["a word too many", text.replace("0xfe40000c", "0xfe40000c 0x00000000")],
    ["a line too many", `${text}00000000b0400028: 0x00000000\r\n`],
    ["no end of the line", text.slice(0, -2)],
    ["something behind it", `${text}(qemu) `],
    ["capitals", text.toUpperCase()],
  ])("is not read where it is %s", (_, said) => {
    expect(parseDump(said, 0xb040_0010, 6)).toBeUndefined();
  });

  it("is never read wrongly, whatever it is", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: text.length }), (noise, at) => {
        fc.pre(noise.trim() !== "");
        expect(parseDump(text.slice(0, at) + noise + text.slice(at), 0xb040_0010, 6)).toBeUndefined();
      }),
    );
  });
});

describe("a BAR", () => {
  const windows: PortWindows = {
    memory: [MEMORY, { base: 0x38_0000_0000, limit: 0x3f_ffff_ffff }],
    io: [{ base: 0xc000, limit: 0xcfff }],
  };
  it.each<[string, number[], boolean]>([
    ["none", [0, 0, 0, 0, 0, 0], false],
    ["type bits alone", [0x4, 0, 0xc, 0, 0x1, 0], false],
    ["a 32-bit address", [0xfda00000, 0, 0, 0, 0, 0], true],
    ["the first address of the window, prefetchable", [0xfda00008, 0, 0, 0, 0, 0], true],
    ["an address outside", [0xfec00000, 0, 0, 0, 0, 0], false],
    ["a 64-bit address", [0, 0, 0, 0, 0x0000000c, 0x38], true],
    ["a high half alone that is no BAR of its own", [0x0000000c, 0xfda00000, 0, 0, 0, 0], false],
    ["a 64-bit BAR being measured", [0xfe00000c, 0xffffffff, 0, 0, 0, 0], false],
    ["a 32-bit BAR being measured", [0xffff0000, 0, 0, 0, 0, 0], false],
    ["an I/O address", [0xc001, 0, 0, 0, 0, 0], true],
    ["an I/O BAR being measured", [0xffffffe1, 0, 0, 0, 0, 0], false],
    ["a 64-bit BAR at the end, without its half", [0, 0, 0, 0, 0, 0xc], false],
  ])("%s: %#", (_, bars, mapped) => {
    expect(isAnyMapped(bars, windows)).toBe(mapped);
  });

  it("is mapped nowhere behind a port that passes nothing on", () => {
    expect(isAnyMapped(MAPPED, { memory: [{ base: 0xfff00000, limit: 0xfffff }], io: [] })).toBe(false);
  });
});
