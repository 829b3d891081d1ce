import { functionsOf, functionsOnPath, onPath } from "../../../../provider/host/facts/functions-on-path";
import { parseHostFacts } from "../../../../provider/host/facts/host-facts";
import { findHostDevices } from "../../../../provider/host/facts";
import { findHostUses } from "../../../../provider/host/uses";
import { describeHostUse } from "../../../../provider/plan";
import type { PciAddress } from "../../../../provider/pci";

const ssh = ["ssh 10.0.0.1 1 10.0.0.2 22"];
const VMD = "/sys/devices/pci0000:c0/0000:c0:05.5/pci10000:00/10000:00:02.0/10000:e1:00.0/nvme/nvme0/nvme0n1";

describe("the functions on a path of sysfs", () => {
  it("are all that it goes through, the nearest first", () => {
    expect(functionsOnPath(VMD)).toEqual(["10000:e1:00.0", "10000:00:02.0", "0000:c0:05.5"]);
    expect(onPath(VMD)).toEqual({ hostAddress: "10000:e1:00.0", above: ["10000:00:02.0", "0000:c0:05.5"] });
  });

  it.each([
    ["/sys/devices/virtual/net/lo", []],
    ["/sys/devices/pci0000:00/0000:00:03.0/virtio1/block/vda", ["0000:00:03.0"]],
    ["/sys/devices/pci0000:00/0000:03:00.0:0/tty/ttyS4", []],
    ["/sys/devices/pci0000:00/0000:00:14.0/usb1/0003:413C:2113.0001", ["0000:00:14.0"]],
    ["/sys/devices/0000:01:00.0/0000:01:00.0/x", ["0000:01:00.0"]],
  ])("of %s are %j", (path, addresses) => {
    expect(functionsOf(onPath(path))).toEqual(addresses);
  });

  it("each carry the disk, its mount and the name", () => {
    const facts = parseHostFacts([
      ...ssh,
      ...["ip []", "ip []"],
      `blk nvme0n1 259:0 0  ${VMD}`,
      `blk nvme0n1p2 259:2 1  ${VMD}/nvme0n1p2`,
      "mnt 29 1 259:2 / / rw shared:1 - ext4 /dev/nvme0n1p2 rw",
    ]);
    for (const address of ["10000:e1:00.0", "10000:00:02.0", "0000:c0:05.5"]) {
      const uses = findHostUses(facts).filter((one) => one.hostAddress === address);
      expect(uses.map(describeHostUse)).toEqual(["has disk nvme0n1p2, which is mounted on /"]);
      expect(findHostDevices(facts).get(address as PciAddress)?.disks).toEqual(["nvme0n1"]);
    }
  });

  it("each carry an interface with all that it carries", () => {
    const facts = parseHostFacts([
      ...ssh,
      `ip ${JSON.stringify([{ ifname: "eth0", flags: ["UP"], addr_info: [{ local: "10.0.0.2" }] }])}`,
      `ip ${JSON.stringify([{ dst: "default", dev: "eth0" }])}`,
      "net eth0  /sys/devices/pci0000:00/0000:00:1c.0/0000:02:00.0/net/eth0",
    ]);
    const kinds = (address: string): string[] =>
      findHostUses(facts)
        .filter((one) => one.hostAddress === address)
        .map((one) => one.kind);
    expect(kinds("0000:02:00.0")).toEqual(["this-connection", "default-route", "addresses"]);
    expect(kinds("0000:00:1c.0")).toEqual(kinds("0000:02:00.0"));
  });

  it("are used all where there are more than a host can have", () => {
    const chain = Array.from({ length: 300 }, (_, n) => `${n.toString(16).padStart(4, "0")}:00:00.0`);
    const facts = parseHostFacts([
      ...ssh,
      "ip []",
      "ip []",
      `blk sda 8:0 0  /sys/devices/${chain.join("/")}/sda`,
    ]);
    expect(facts.disks).toEqual([]);
    expect(new Set(facts.unreadFunctions)).toEqual(new Set(chain));
    expect(facts.unread).toEqual(expect.arrayContaining([expect.objectContaining({ part: "record" })]));
  });
});
