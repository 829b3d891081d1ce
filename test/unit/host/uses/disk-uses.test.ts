import { disk, usesOf } from "./support/facts";

describe("what the host uses a disk for", () => {
  const sda = disk("sda", "0000:03:00.0");
  const sda1 = disk("sda1", "0000:03:00.0", ["sda"]);

  it.each([
    ["raid", "RAID md127"],
    ["lvm", "LVM volume vg-x (dm-0)"],
    ["encryption", "encrypted volume vg-x (dm-0)"],
    ["multipath", "multipath device vg-x (dm-0)"],
    ["mapper", "device-mapper device vg-x (dm-0)"],
    ["bcache", "bcache md127"],
    ["drbd", "DRBD device md127"],
    ["loop", "loop device md127"],
    ["other", "block device md127"],
  ] as const)("is the %s that it is a part of, mounted or not", (holder, words) => {
    const isMapped = words.includes("dm-0");
    const top = disk(isMapped ? "dm-0" : "md127", undefined, ["sda1"], [], {
      holder,
      ...(isMapped && { alias: "vg-x" }),
    });
    expect(usesOf({ disks: [sda, sda1, top] })).toEqual([
      `0000:03:00.0 has disk sda1, which is a part of ${words}`,
    ]);
  });

  it("are a group's volumes, three of them named, and what is mounted above", () => {
    const volumes = [0, 1, 2, 3].map((n) =>
      disk(`dm-${n}`, undefined, ["sda1"], [], { holder: "lvm", alias: `vg-${n}` }),
    );
    const crypt = disk("dm-9", undefined, ["dm-0"], ["/home", "/srv"], {
      holder: "encryption",
      alias: "home",
    });
    expect(usesOf({ disks: [sda, sda1, ...volumes, crypt] })).toEqual([
      "0000:03:00.0 has disk sda1, which is a part of LVM volume vg-0 (dm-0), vg-1 (dm-1), vg-2 (dm-2) and 1 more",
      "0000:03:00.0 has disk home (dm-9), which is mounted on /home, /srv",
    ]);
  });

  it("is no multipath NVMe namespace and no partition, which hold nothing by themselves", () => {
    const disks = [
      disk("nvme0c0n1", "0000:04:00.0"),
      disk("nvme0n1", undefined, ["nvme0c0n1"]),
      disk("nvme0n1p1", undefined, ["nvme0n1"]),
    ];
    expect(usesOf({ disks })).toEqual([]);
    const raid = disk("md0", undefined, ["nvme0n1p1"], [], { holder: "raid" });
    expect(usesOf({ disks: [...disks, raid] })).toEqual([
      "0000:04:00.0 has disk nvme0n1p1, which is a part of RAID md0",
    ]);
  });

  it.each([
    [{ by: "zfs", name: "tank" }, "is a part of ZFS pool tank"],
    [{ by: "zfs" }, "is a part of a ZFS pool"],
    [{ by: "scsi-target", name: "iblock_0/disk1" }, "is exported by SCSI target iblock_0/disk1"],
    [{ by: "nvme-target", name: "nqn.x" }, "is exported by NVMe target nqn.x"],
    [{ by: "filesystem", name: "ext4" }, "is mounted in another mount namespace (ext4)"],
  ] as const)("is what has claimed it: %j", (claim, words) => {
    const part = { ...sda1, claims: [claim] };
    expect(usesOf({ disks: [sda, part] })).toEqual([`0000:03:00.0 has disk sda1, which ${words}`]);
  });

  it("is its mount once, where the login sees it", () => {
    const claims = [{ by: "filesystem", name: "ext4" }] as const;
    expect(usesOf({ disks: [{ ...sda, mountPoints: ["/", "[SWAP]"], claims }] })).toEqual([
      "0000:03:00.0 has disk sda, which is mounted on /",
      "0000:03:00.0 has disk sda, which is used as swap",
    ]);
  });
});
