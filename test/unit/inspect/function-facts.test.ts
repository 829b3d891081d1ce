import { parseFunctionFacts } from "../../../provider/host/facts";
import { composeReport, describeReport, type PciReport } from "../../../provider/inspect";
import { input, OBEYED_BY_TERMINALS, port } from "../../support/inspection-inputs";

const SOUND = "0000:00:1f.3";
const sound = port(SOUND, { driver: "snd_hda_intel", classCode: "0x040300", iommuGroup: 12 });
const place = `/sys/devices/pci0000:00/${SOUND}/sound/card0`;

/** What is told of a host with a sound card, and a card of two functions apart. */
function reportOf(...records: readonly string[]): PciReport {
  const apart = [0, 1].map((n) => port(`0000:01:00.${n}`, { iommuGroup: 20 + n }));
  const functionFacts = parseFunctionFacts([
    `fn ${SOUND} 0x040300 snd_hda_intel snd_hda_intel 1 D0 yes 12 dmar0 pci0000:00 1 flr`,
    "fn 0000:01:00.0 0x020000 igb igb 1 D0 yes 20 dmar0 0000:00:1c.0 1 bus",
    "fn 0000:01:00.1 0x020000 igb igb 1 D0 yes 21 dmar0 0000:00:1c.0 0 ",
    `card card0 snd_hda_intel ${place}`,
    `node snd/controlC0 ${place}/controlC0`,
    ...records,
  ]);
  return composeReport(input([sound, ...apart], { functionFacts }));
}
const attachOf = (report: PciReport, device: string) =>
  report.devices.find((one) => one.address === device)?.attach;
const textOf = (report: PciReport): string =>
  describeReport(report, { width: 100, hasColours: false, withBridges: false }).join("\n");

describe("an inspection with a look at functions", () => {
  it("names who has a sound card open, and why it cannot be had", () => {
    const report = reportOf("open 812 snd/controlC0", "proc 812 pipewire", "seen all");
    expect(attachOf(report, "0000:00:1f")).toMatchObject({
      possible: "no",
      refusals: [{ code: "FUNCTION_DRIVER_IN_USE" }],
    });
    expect(textOf(report)).toMatch(
      /host +3: is open on the host: snd\/controlC0 by process 812 \(pipewire\)/,
    );
  });

  it("says of a counter alone that it may be taken all the same", () => {
    const report = reportOf("mod snd_hda_intel 1 0", "seen own");
    expect(attachOf(report, "0000:00:1f")).toMatchObject({ possible: "whole", allowInUse: true });
    expect(report.notes).toEqual([expect.stringMatching(/^who has 0000:00:1f\.3 open .*root sees all/)]);
  });

  it("says nothing of a reset if all of a bus can be had together", () => {
    expect(attachOf(reportOf("seen all"), "0000:01:00")).toMatchObject({
      possible: "whole",
      consequences: [],
    });
  });

  it("writes out what a process calls itself", () => {
    const report = reportOf("open 812 snd/controlC0", "proc 812 \u001b[31mpipewire", "seen all");
    expect(JSON.stringify(report)).toContain("\\\\u001b[31mpipewire");
    for (const line of textOf(report).split("\n")) expect(line).not.toMatch(OBEYED_BY_TERMINALS);
  });
});
