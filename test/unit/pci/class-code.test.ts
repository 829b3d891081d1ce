import { isBridgeClass, isMachineBridgeClass, isPciBridgeClass } from "../../../provider/pci/class-code";

describe("isBridgeClass", () => {
  it.each(["0x060400", "0x060000", "0x06ff00"])("is true of %s", (classCode) => {
    expect(isBridgeClass(classCode)).toBe(true);
  });

  it.each(["0x020000", "0x108020", "0x000600", "", "bridge"])("is false of %j", (classCode) => {
    expect(isBridgeClass(classCode)).toBe(false);
  });
});

describe("a bridge of class", () => {
  it.each([
    ["0x060000", "machine"],
    ["0x060100", "machine"],
    ["0x060200", "machine"],
    ["0x060500", "machine"],
    ["0x060400", "PCI"],
    ["0x060401", "PCI"],
    ["0x060700", "PCI"],
    ["0x060940", "PCI"],
    ["0x068000", "vendor"],
    ["0x020000", "none"],
    ["0x000600", "none"],
  ])("%s is one of: %s", (classCode, whose) => {
    expect([isMachineBridgeClass(classCode), isPciBridgeClass(classCode)]).toEqual([
      whose === "machine",
      whose === "PCI",
    ]);
  });
});
