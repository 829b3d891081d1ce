import type { GuestDeviceKind, LocatedGuestDevice } from "../../../../provider/host/facts";
import { findHostNotes } from "../../../../provider/host/uses";
import { describeHostNote } from "../../../../provider/plan";
import { nothingUsed } from "../../../support/host-facts";
import { at } from "../../../support/desired";
import { expectProcessorSeconds } from "../../../support/processor-time";
import { disk, nic, usesOf } from "./support/facts";

const HBA = "0000:03:00.0";

/** A device of guest nas that the host has at one place. */
const located = (
  kind: GuestDeviceKind,
  name: string,
  hostAddresses: readonly string[] = [HBA],
  guest = "nas",
): LocatedGuestDevice => ({
  guest,
  kind,
  key: `/dev/${name}`,
  places: [{ name, hostAddresses: hostAddresses.map(at) }],
});
const withDevices = (...all: readonly LocatedGuestDevice[]) => ({
  guestDevices: { located: all, unlocated: [] },
});

describe("what a running guest has of the host", () => {
  it.each([
    ["disk", "sdb", "has disk sdb, which is a disk of guest nas"],
    ["scsi", "2:0:3:1", "has SCSI device 2:0:3:1, which guest nas has"],
    ["mdev", "c2177883-f1bb", "has mediated device c2177883-f1bb, which guest nas has"],
    ["usb", "1-4", "has USB device 1-4, which guest nas has"],
    ["vdpa", "vhost-vdpa-0", "has vDPA device vhost-vdpa-0, which guest nas has"],
    ["input", "event3", "has input device event3, which guest nas has"],
    ["tpm", "tpm0", "has TPM tpm0, which guest nas has"],
    ["serial", "ttyS4", "has serial port ttyS4, which guest nas has"],
    ["display", "renderD128", "has display device renderD128, which guest nas has"],
  ] as const)("of kind %s is a use of its function", (kind, name, words) => {
    expect(usesOf(withDevices(located(kind, name)))).toEqual([`${HBA} ${words}`]);
  });

  it("is a use of every function on the way to it", () => {
    expect(usesOf(withDevices(located("usb", "1-4", ["0000:00:01.0", "0000:04:00.0"])))).toEqual([
      "0000:00:01.0 has USB device 1-4, which guest nas has",
      "0000:04:00.0 has USB device 1-4, which guest nas has",
    ]);
  });

  it("is on all disks that a volume is made of", () => {
    const disks = [
      disk("sda", HBA),
      disk("sdb", "0000:04:00.0"),
      disk("md0", undefined, ["sda", "sdb"], [], { holder: "raid" }),
      disk("dm-3", undefined, ["md0"], [], { holder: "lvm", alias: "vg-data" }),
    ];
    const uses = usesOf({ disks, ...withDevices(located("disk", "dm-3", [])) });
    expect(uses.filter((one) => one.includes("guest"))).toEqual([
      `${HBA} has disk vg-data (dm-3), which is a disk of guest nas`,
      "0000:04:00.0 has disk vg-data (dm-3), which is a disk of guest nas",
    ]);
  });

  it("is on the ports of the bond that its interface is on", () => {
    const interfaces = [nic("eth0", "0000:01:00.0"), nic("bond0", undefined, "eth0"), nic("eth5", HBA)];
    const device = (key: string): LocatedGuestDevice => ({
      guest: "nas",
      kind: "interface",
      key,
      places: [],
    });
    expect(usesOf({ interfaces, ...withDevices(device("bond0"), device("eth5")) })).toEqual([
      "0000:01:00.0 has interface eth0, a part of bond0, which carries an interface of guest nas",
      `${HBA} has interface eth5, which carries an interface of guest nas`,
    ]);
  });

  it("is each once, also of a guest that is named like a disk", () => {
    const again = located("disk", "sdb", [HBA], "sdb, which is mounted on /");
    expect(usesOf(withDevices(located("disk", "sdb"), located("disk", "sdb"), again))).toEqual([
      `${HBA} has disk sdb, which is a disk of guest nas`,
      `${HBA} has disk sdb, which is a disk of guest sdb, which is mounted on /`,
    ]);
  });

  it("has a bounded name, and there are not too many of one function", () => {
    const all = Array.from({ length: 5_000 }, (_, n) => located("disk", `d${n}`, [HBA], "x".repeat(5_000)));
    const uses = usesOf(withDevices(...all));
    expect(uses).toHaveLength(32);
    expect(uses[0]?.length).toBeLessThan(200);
    expectProcessorSeconds(() => expect(usesOf(withDevices(...all))).toHaveLength(32), { below: 0.3 });
  });

  it("is nothing where it was not looked at, or is made by software", () => {
    expect(usesOf({})).toEqual([]);
    expect(usesOf(withDevices(located("disk", "loop0", [])))).toEqual([]);
  });
});

describe("what a guest has where nobody knows", () => {
  it("is named, three of them, and nothing is said where there are none", () => {
    const devices = ["a", "b", "c", "d"].map((name) => ({
      guest: "nas",
      kind: "disk" as const,
      key: `/dev/${name.repeat(2_000)}`,
    }));
    const notes = findHostNotes({ ...nothingUsed, guestDevices: { located: [], unlocated: devices } });
    const [text = ""] = notes.map(describeHostNote);
    expect(text).toMatch(/^which functions these devices of guests are on is not known: disk \/dev\/aaa/);
    expect(text).toMatch(/… of guest nas and 1 more$/);
    expect(text.length).toBeLessThan(600);
    expect(findHostNotes({ ...nothingUsed, guestDevices: { located: [], unlocated: [] } })).toEqual([]);
  });
});
