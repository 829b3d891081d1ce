import type { BeneathDevice, HostFacts } from "../../../provider/host/facts";
import { composeReport, describeReport } from "../../../provider/inspect";
import type { PciAddress } from "../../../provider/pci";
import { nothingUsed } from "../../support/host-facts";
import { input, port } from "../../support/inspection-inputs";

const plain = { width: 80, hasColours: false, withBridges: false };
const CONTROLLER = "0000:00:14.0";
const BRIDGE = "0000:00:1c.0";
const below = (
  kind: BeneathDevice["kind"],
  name: string,
  addresses: readonly string[],
  more: Partial<BeneathDevice> = {},
): BeneathDevice => ({ kind, name, hostAddresses: addresses as PciAddress[], ...more });

const keyboard = below("usb", "1-2", [CONTROLLER], { detail: "Dell KB216\u001b[2J", traits: ["keyboard"] });
const keys = below("input", "input3", [CONTROLLER], { within: "1-2", traits: ["keyboard"] });
const disk = {
  ...{ name: "sdb", hostAddress: CONTROLLER as PciAddress, slaves: [], mountPoints: [], claims: [] },
};
const controller = port(CONTROLLER, { driver: "xhci_hcd", classCode: "0x0c0330" });

const reportOf = (facts: Partial<HostFacts>, functions = [controller]) =>
  composeReport(input(functions, { facts: { ...nothingUsed, ...facts } }));
const cardOf = (facts: Partial<HostFacts>, functions = [controller]): string =>
  describeReport(reportOf(facts, functions), plain).join("\n").replace(/\s+/g, " ");

test("a function has all that is gone with it, as printable data", () => {
  const [device] = reportOf({ beneath: [keyboard, keys], disks: [disk] }).devices;
  expect(device?.functions[0]?.beneath).toEqual([
    { kind: "disk", name: "sdb", detail: null, traits: [], within: null },
    { kind: "usb", name: "1-2", detail: "Dell KB216\\u001b[2J", traits: ["keyboard"], within: null },
    { kind: "input", name: "input3", detail: null, traits: ["keyboard"], within: "1-2" },
  ]);
});

test("a card says what hangs below a function, what leaves, and warns", () => {
  const card = cardOf({ beneath: [keyboard, keys], disks: [disk] });
  expect(card).toContain(
    "host has disk sdb, and keyboard 'Dell KB216\\u001b[2J'; no use found by network, disk,",
  );
  expect(card).toContain("- leaves the host: disk sdb, and keyboard 'Dell KB216\\u001b[2J'");
  expect(card).toContain("- warning: the host loses the USB devices on 0000:00:14.0: keyboard");
});

test("a card says both what a function has and what is used of it", () => {
  const lit = below("display", "card0-DP-1", [CONTROLLER], { traits: ["connected", "lit"] });
  const card = cardOf({ beneath: [lit, below("sound", "card0", [CONTROLLER], { detail: "HDMI" })] });
  expect(card).toContain(
    "host has display card0-DP-1 (lit), sound card card0 (HDMI) 0: has display card0-DP-1, which shows a picture",
  );
  expect(card).toMatch(/in use: whole/);
});

test("a bridge's card is silent of what is behind it; its data is not", () => {
  const behind = below("tpm", "tpm0", ["0000:01:00.0", BRIDGE]);
  const functions = [port(BRIDGE, { classCode: "0x060400", headerType: "bridge" }), port("0000:01:00.0")];
  const report = reportOf({ beneath: [behind] }, functions);
  expect(report.devices[0]?.functions[0]?.hostUses).toEqual(["has the host's TPM tpm0"]);
  expect(report.devices[0]?.attach.refusal?.code).toBe("FUNCTION_IS_BRIDGE");
  const lines = describeReport(report, { ...plain, withBridges: true });
  expect(lines).toContainEqual(expect.stringMatching(/^0000:00:1c .* no$/));
  const [bridge = "", device = ""] = lines
    .join("\n")
    .split(/^(?=0000:00:1c {2}I|0000:01:00 {2}I)/m)
    .slice(1);
  expect(bridge).not.toContain("TPM");
  expect(device).toContain("0: has the host's TPM tpm0");
});

test("a device in a domain that QEMU does not take cannot be attached", () => {
  const { devices } = reportOf({}, [port("10000:e1:00.0", { driver: "nvme" })]);
  expect(devices[0]?.attach).toMatchObject({ possible: "no", refusal: { code: "DOMAIN_NOT_ADDRESSABLE" } });
});

test("what was looked at is said, and what only root would see", () => {
  const { beneathLook: _, ...older } = nothingUsed;
  const lookedFor = (facts: HostFacts) => {
    const { notes, usesLookedFor } = composeReport(input([controller], { facts }));
    return { notes: notes.join(" "), by: usesLookedFor.join(" ") };
  };
  expect(lookedFor({ ...nothingUsed, lookedAs: 0 })).toEqual({
    notes: "",
    by: "network disk display serial console compute mdev vDPA Thunderbolt TPM watchdog IPMI uio",
  });
  expect(lookedFor({ ...nothingUsed, lookedAs: 1000 }).notes).toMatch(/open is seen by root alone/);
  expect(lookedFor(older).by).toBe("network disk");
  expect(lookedFor(older).notes).toMatch(/host's own program is of an earlier release/);
});
