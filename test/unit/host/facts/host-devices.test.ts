import { findHostDevices } from "../../../../provider/host/facts";
import type { PciAddress } from "../../../../provider/pci";
import { describeHostDevices } from "../../../../provider/plan";
import { nothingUsed } from "../../../support/host-facts";

const nic = (name: string, hostAddress?: string) => ({
  name,
  isUp: false,
  lowerInterfaces: [],
  addresses: [],
  routes: [],
  ...(hostAddress !== undefined && { hostAddress: hostAddress as PciAddress }),
});
const disk = (name: string, hostAddress: string, slaves: readonly string[] = []) => ({
  name,
  hostAddress: hostAddress as PciAddress,
  slaves,
  mountPoints: [],
  claims: [],
});

describe("what functions are to the host", () => {
  it("is told by interface and disk, and by no partition or software layer", () => {
    const found = findHostDevices({
      ...nothingUsed,
      interfaces: [nic("eth2", "0000:01:00.0"), nic("eth3", "0000:01:00.0"), nic("br0")],
      disks: [
        disk("sda", "0000:00:17.0"),
        disk("sda1", "0000:00:17.0", ["sda"]),
        disk("sdb", "0000:01:00.0"),
      ],
    });
    expect([...found].map(([one, devices]) => [one, describeHostDevices(devices)]).sort()).toEqual([
      ["0000:00:17.0", "disk sda"],
      ["0000:01:00.0", "interfaces eth2, eth3 and disk sdb"],
    ]);
  });

  it("is nothing where it has neither", () => {
    expect(findHostDevices(nothingUsed).size).toBe(0);
  });
});
