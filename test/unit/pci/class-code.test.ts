import { isBridgeClass } from "../../../provider/pci";

describe("isBridgeClass", () => {
  it.each(["0x060400", "0x060000", "0x06ff00"])("is true of %s", (classCode) => {
    expect(isBridgeClass(classCode)).toBe(true);
  });

  it.each(["0x020000", "0x108020", "0x000600", "", "bridge"])("is false of %j", (classCode) => {
    expect(isBridgeClass(classCode)).toBe(false);
  });
});
