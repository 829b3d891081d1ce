import { parseFunctionFacts, type FunctionFact } from "../../../../provider/host/facts";
import { findFunctionNotes, findFunctionUses } from "../../../../provider/host/uses";
import { describeHostNote, describeHostUse } from "../../../../provider/plan";
import { at } from "../../../support/desired";
import { expectProcessorSeconds } from "../../../support/processor-time";

const HDA = "/sys/devices/pci0000:00/0000:00:1f.3";
const hda = "fn 0000:00:1f.3 0x040300 snd_hda_intel snd_hda_intel 1 D0 yes 12 dmar1 pci0000:00 1 pm";
const gpu = "fn 0000:01:00.0 0x030000 nvidia nvidia 1 D0 yes 9 dmar0 0000:00:01.0 1 flr bus";
const card = `card card0 snd_hda_intel ${HDA}/sound/card0`;
const control = `node snd/controlC0 ${HDA}/sound/card0/controlC0`;

const usesOf = (...records: readonly string[]): string[] =>
  findFunctionUses(parseFunctionFacts(records)).map(
    (one) => `${one.hostAddress}${one.blocksUnbind ? "!" : ""} ${describeHostUse(one)}`,
  );
const factOf = (address: string, ...records: readonly string[]): FunctionFact | undefined =>
  parseFunctionFacts(records).functions.get(at(address));

describe("the look at a function", () => {
  it("tells its driver, its IOMMU and how it is reset", () => {
    expect(factOf("0000:01:00.0", gpu)).toEqual({
      hostAddress: "0000:01:00.0",
      classCode: "0x030000",
      driver: "nvidia",
      isEnabled: true,
      powerState: "D0",
      answers: true,
      iommuGroup: 9,
      iommu: "dmar0",
      bus: "0000:00:01.0",
      resetMethods: ["flr", "bus"],
      canReset: true,
      hasNodes: true,
      open: [],
    });
  });

  it("leaves out what an old kernel does not tell", () => {
    const fact = factOf("0000:02:00.1", "fn 0000:02:00.1 0x020000 - - - - - - - - 0 ?");
    expect(fact).toEqual({
      hostAddress: "0000:02:00.1",
      classCode: "0x020000",
      canReset: false,
      hasNodes: false,
      open: [],
    });
  });

  it("tells methods that were all switched off from methods that are not told", () => {
    const record = "fn 0000:02:00.1 0x020000 - - 0 D3hot no 4 - pci0000:00 0 ";
    expect(factOf("0000:02:00.1", record)).toMatchObject({
      resetMethods: [],
      isEnabled: false,
      answers: false,
      bus: "root",
    });
  });

  it("reads regions of the firmware by their group", () => {
    const records = ["resv 9 0x7b800000 0x7b8fffff", "resv 9 0x0 0xfffff", "resv 12 0x1 0x2"];
    const { directRegions } = parseFunctionFacts(records);
    expect([...directRegions]).toEqual([
      [9, ["0x7b800000 0x7b8fffff", "0x0 0xfffff"]],
      [12, ["0x1 0x2"]],
    ]);
  });

  it.each([
    ["irq remapped N", { interrupts: "remapped", allowsUnsafeInterrupts: false }],
    ["irq plain Y", { interrupts: "plain", allowsUnsafeInterrupts: true }],
    ["irq - -", { interrupts: "unknown" }],
    ["seen all", { interrupts: "unknown", seen: "all" }],
  ])("reads what the host tells of itself: %s", (record, expected) => {
    expect(parseFunctionFacts([record])).toMatchObject(expected);
  });
});

describe("what is open", () => {
  it("is named with the process that has it", () => {
    const records = [hda, card, control, "open 812 snd/controlC0", "proc 812 pipewire", "seen all"];
    expect(usesOf(...records)).toEqual([
      "0000:00:1f.3! is open on the host: snd/controlC0 by process 812 (pipewire)",
    ]);
  });

  it("is a stream of a sound card whose owner alone is told", () => {
    const records = [hda, card, control, "pcm card0 pcm0p/sub0 901 RUNNING", "proc 901 aplay", "seen own"];
    expect(usesOf(...records)).toEqual([
      "0000:00:1f.3! is open on the host: card0/pcm0p/sub0 by process 901 (aplay)",
    ]);
  });

  it("may be told by the counter of the driver's module alone", () => {
    expect(usesOf(hda, card, control, "mod snd_hda_intel 2 0", "seen own")).toEqual([
      "0000:00:1f.3 may be in use: its driver's module snd_hda_intel is open 2 times, by whom is not known",
    ]);
  });

  it("does not count what is known to be another card's", () => {
    const other = "card card1 snd_hda_intel /sys/devices/pci0000:00/0000:01:00.1/sound/card1";
    const opened = ["open 812 snd/controlC1", "open 812 snd/pcmC1D3p", "proc 812 pipewire"];
    expect(usesOf(hda, card, control, other, ...opened, "mod snd_hda_intel 2 0")).toEqual([]);
  });

  it("of a sound card on USB is not waited for", () => {
    const xhci = "fn 0000:00:14.0 0x0c0330 xhci_hcd xhci_pci 1 D0 yes 3 dmar1 pci0000:00 1 pm";
    const path = "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/sound/card2/controlC2";
    expect(usesOf(xhci, `node snd/controlC2 ${path}`, "open 4 snd/controlC2", "proc 4 a")).toEqual([
      "0000:00:14.0 is open on the host: snd/controlC2 by process 4 (a)",
    ]);
  });

  it("is every function's on the path of a disk", () => {
    const records = ["0000:c0:05.5", "10000:e1:00.0"].map(
      (one) => `fn ${one} 0x010802 nvme nvme 1 D0 yes 4 - - 1 flr`,
    );
    const path = "/sys/devices/pci0000:c0/0000:c0:05.5/pci10000:00/10000:e1:00.0/nvme/nvme0/nvme0n1";
    expect(usesOf(...records, `node nvme0n1 ${path}`, "open 7 nvme0n1", "proc 7 spdk")).toEqual([
      "0000:c0:05.5 is open on the host: nvme0n1 by process 7 (spdk)",
      "10000:e1:00.0 is open on the host: nvme0n1 by process 7 (spdk)",
    ]);
  });

  it("of nvidia's GPU is what its module counts beside other modules", () => {
    const openers = ["open 700 nvidiactl", "open 700 nvidia0", "proc 700 nvidia-persiste"];
    expect(usesOf(gpu, "node nvidia0 /0000:01:00.0", "mod nvidia 5 3", ...openers)).toEqual([
      "0000:01:00.0 is open on the host: nvidia0 by process 700 (nvidia-persiste)",
      "0000:01:00.0! may be in use: its driver's module nvidia is open 2 times, by process 700 (nvidia-persiste)",
    ]);
    expect(usesOf(gpu, "mod nvidia 3 3")).toEqual([]);
  });

  it("by way of VFIO is no use of the host's", () => {
    const fn = "fn 0000:01:00.0 0x020000 vfio-pci vfio_pci 1 D0 yes 9 dmar0 0000:00:01.0 1 flr";
    const records = [fn, "node vfio/9 /0000:01:00.0", "open 5 vfio/9", "proc 5 qemu-system-x86"];
    expect(usesOf(...records)).toEqual([]);
    const fact = factOf("0000:01:00.0", ...records);
    expect(fact?.open).toMatchObject([{ node: "vfio/9", processes: [{ pid: 5 }] }]);
    expect(fact?.hasNodes).toBe(false);
  });
});

describe("what was not seen", () => {
  const notesOf = (...records: readonly string[]): string[] =>
    findFunctionNotes(parseFunctionFacts(records)).map(describeHostNote);

  it("is said where a function has nodes that a program may have open", () => {
    expect(notesOf(hda, card, control, "seen own")).toEqual([
      "who has 0000:00:1f.3 open on the host is not known: only this login's own processes were seen (root sees all)",
    ]);
    expect(notesOf(hda, card, control, "seen some")[0]).toContain("not all were seen");
  });

  it("is not said of a card that has none, nor where all was seen", () => {
    expect(notesOf(gpu.replaceAll("nvidia", "e1000e"), "seen own")).toEqual([]);
    expect(notesOf(hda, card, control, "seen all")).toEqual([]);
  });
});

describe("a hostile look at functions", () => {
  it.each([
    ["fn none 0x020000"],
    ["open x snd/controlC0"],
    ["open 812"],
    [`open 812 ${"x".repeat(300)}`],
    ["resv 9 here there"],
    ["mod snd_hda_intel many 0"],
    [`fn 0000:01:00.0 0x020000 ${"d".repeat(300)} - - - - - - - 0 ?`],
    [`pcm card0 ${"x".repeat(300)} 1 RUNNING`],
  ])("is an error where a record has not its form: %s", (record) => {
    expect(() => parseFunctionFacts([record])).toThrow(/unreadable record/);
  });

  it("takes names with control characters as they are, for whoever prints them", () => {
    const records = [hda, card, control, "open 1 snd/controlC0", "proc 1 \u001b[31mroot\r"];
    expect(findFunctionUses(parseFunctionFacts(records))[0]).toMatchObject({
      nodes: [{ processes: [{ pid: 1, name: "\u001b[31mroot\r" }] }],
    });
  });

  const many = (count: number, record: (n: number) => string): string[] =>
    Array.from({ length: count }, (_, n) => record(n));
  const long = Array.from({ length: 300 }, () => "0000:00:1f.3").join("/");
  it.each<[string, () => string[]]>([
    [
      "cards and open controls",
      () => [
        ...many(4_900, (n) => `card card${n} m${n} /0000:00:1f.3/x`),
        ...many(4_900, (n) => `open ${n} snd/controlC${n}`),
      ],
    ],
    [
      "streams of a card with a long path",
      () => [`card card0 m /${long}/x`, ...many(9_900, (n) => `pcm card0 pcm${n} 1 RUNNING`)],
    ],
    [
      "nodes that many have open",
      () => [...many(4_900, () => `node sda /${long}/sda`), ...many(4_900, (n) => `open ${n} sda`)],
    ],
  ])("costs little by %s", (_what, make) => {
    const lines = [hda, ...make()];
    expectProcessorSeconds(() => expect(findFunctionUses(parseFunctionFacts(lines))).toBeDefined(), {
      below: 0.3,
    });
  });
});
