import { isBusNumbered } from "../../../provider/hypervisor/qemu/guest-side-view";

describe("the number of a bus", () => {
  const port = (secondary: number): unknown => [
    { bus: 0, devices: [{ qdev_id: "pci.4", pci_bridge: { bus: { number: 0, secondary } } }] },
  ];

  it("is there when the port's secondary bus has one", () => {
    expect(isBusNumbered(port(4), "pci.4")).toBe(true);
    expect(isBusNumbered(port(0), "pci.4")).toBe(false);
  });

  it("is taken for there where no port tells of it: a root bus, or an answer that is none", () => {
    expect(isBusNumbered(port(0), "pci.0")).toBe(true);
    expect(isBusNumbered({ nothing: 1 }, "pci.4")).toBe(true);
  });
});
