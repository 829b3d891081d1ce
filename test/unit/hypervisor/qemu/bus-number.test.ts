import { QmpGuest } from "../../../../provider/hypervisor/qemu";
import type { QmpMonitor } from "../../../../provider/qmp";

const { signal } = new AbortController();

/** query-pci with one port on the root bus, and what may be behind it. */
const port = (id: string, secondary: unknown, behind: readonly unknown[] = []): unknown => ({
  qdev_id: id,
  pci_bridge: { bus: { number: 0, secondary }, devices: behind },
});

/** Of a guest whose QOM has these ports. */
function isEnumerated(bus: string, devices: readonly unknown[], ports: readonly string[]): Promise<boolean> {
  const monitor: QmpMonitor = {
    execute: async (command) =>
      command === "query-pci"
        ? [{ bus: 0, devices }]
        : ports.map((name) => ({ name, type: "child<pcie-root-port>" })),
    listen: () => Promise.reject(new Error("not asked for")),
  };
  return new QmpGuest(monitor).isEnumerated(bus, signal);
}

describe("the number of a bus", () => {
  it("is there when the port's secondary bus has one", async () => {
    expect(await isEnumerated("pci.4", [port("pci.4", 4)], ["pci.4"])).toBe(true);
    expect(await isEnumerated("pci.4", [port("pci.4", 0)], ["pci.4"])).toBe(false);
    expect(await isEnumerated("pci.4", [port("pci.4", "4")], ["pci.4"])).toBe(false);
  });

  it("is missing if the port is behind an unnumbered switch, and shown afterwards", async () => {
    const ports = ["pci.4", "pci.5", "pci.6"];
    expect(await isEnumerated("pci.6", [port("pci.4", 0)], ports)).toBe(false);
    const numbered = [port("pci.4", 4, [port("pci.5", 5, [port("pci.6", 6)])])];
    expect(await isEnumerated("pci.6", numbered, ports)).toBe(true);
  });

  it("is not needed of a root bus, which no port stands for", async () => {
    expect(await isEnumerated("pci.0", [port("pci.4", 0)], ["pci.4"])).toBe(true);
    expect(await isEnumerated("phb1.0", [], ["phb1"])).toBe(true);
  });
});
