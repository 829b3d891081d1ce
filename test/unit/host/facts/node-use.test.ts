import { parseNodeUse, usersOfNode } from "../../../../provider/host/facts";

describe("the helper's look at VFIO's nodes", () => {
  const use = parseNodeUse([
    "open 4711 7 - qemu-system-x86",
    "open 4712 devices/vfio0 7 dpdk testpmd",
    "open 4713 noiommu-8 - spdk",
    "open 4714 vfio - qemu-system-x86",
    "open 4715 devices/vfio1 - ",
    "lsm lockdown,capability,landlock,yama,apparmor",
  ]);

  it("tells of a group's node who has it open, or a device of it", () => {
    expect(usersOfNode(use, "/dev/vfio/7")).toEqual([
      { pid: 4711, command: "qemu-system-x86", path: "/dev/vfio/7", iommuGroup: 7 },
      { pid: 4712, command: "dpdk testpmd", path: "/dev/vfio/devices/vfio0", iommuGroup: 7 },
    ]);
    expect(usersOfNode(use, "/dev/vfio/noiommu-8").map((one) => one.pid)).toEqual([4713]);
    expect(usersOfNode(use, "/dev/vfio/9")).toEqual([]);
  });

  it("tells of a device's node who has it open, or its group", () => {
    expect(usersOfNode(use, "/dev/vfio/devices/vfio0").map((one) => one.pid)).toEqual([4711, 4712]);
    expect(usersOfNode(use, "/dev/vfio/devices/vfio1").map((one) => one.pid)).toEqual([4715]);
  });

  it.each([
    ["apparmor alone", ["lsm capability,apparmor,bpf", "lsm apparmor"], ["AppArmor"]],
    ["SELinux, enforcing", ["lsm capability,selinux", "selinux 1"], ["SELinux (enforcing)"]],
    ["SELinux, permissive", ["lsm capability,selinux", "selinux 0"], ["SELinux (permissive)"]],
    ["none", ["lsm capability,yama"], []],
    ["nothing that can be read", [], []],
  ])("names what confines: %s", (_what, records, confinements) => {
    expect(parseNodeUse(records).confinements).toEqual(confinements);
  });

  it.each(["open", "open x 7 - qemu", "open 12"])("is refused where a record is none: %s", (record) => {
    expect(() => parseNodeUse([record])).toThrow("unreadable record");
  });
});
