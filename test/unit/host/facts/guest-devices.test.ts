import fc from "fast-check";
import { keysToAsk, withPlaces, type GuestDevice } from "../../../../provider/host/facts";
import { MAX_ASKED_DEVICES, parsePlaces } from "../../../../provider/host/facts/guest-devices";
import { expectProcessorSeconds } from "../../../support/processor-time";

const device = (key: string, kind: GuestDevice["kind"] = "disk", guest = "nas"): GuestDevice => ({
  guest,
  kind,
  key,
});

describe("the keys that a host is asked for", () => {
  it("are each once, and none of interfaces, which the survey knows", () => {
    const devices = [device("/dev/sdb"), device("/dev/sdb", "scsi", "b"), device("eth0", "interface")];
    expect(keysToAsk(devices)).toEqual(["/dev/sdb"]);
  });

  it.each([
    "/dev/disk/by-id/ata-X_Y-1.2@a+b=c:d,e~f#1",
    "mdev:c2177883-f1bb-47f0-914d-32a22e3a8804",
    "usb:1:4",
    "usb-id:046d:c31c",
    "usb-port:1-4.2",
    "scsi:2:0:3:1",
  ])("may be %s", (key) => {
    expect(keysToAsk([device(key)])).toEqual([key]);
  });

  it.each([
    ["a blank", "/dev/a b"],
    ["a line break", "/dev/a\nquit"],
    ["a way up", "/dev/../etc/shadow"],
    ["a folder of this name", "/dev/."],
    ["a pattern", "/dev/sd*"],
    ["a command", "/dev/$(id)"],
    ["another folder", "/etc/passwd"],
    ["a path of too many parts", "/dev/a/b/c/d/e/f/g/h/i"],
    ["a volume of a pool", "data of storage pool lvm"],
    ["a way out of sysfs", "usb-port:1-4/../.."],
    ["no UUID", "mdev:x"],
  ])("are none with %s", (_what, key) => {
    expect(keysToAsk([device(key)])).toEqual([]);
  });

  it("are single words of printable ASCII, whatever a guest says", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (keys) => {
        const asked = keysToAsk([...keys, ...keys.map((one) => `/dev/${one}`)].map((one) => device(one)));
        for (const one of asked) expect(one).toMatch(/^[!-~]{1,1000}$/);
      }),
    );
  });

  it("are no more than a host is asked for", () => {
    const devices = Array.from({ length: MAX_ASKED_DEVICES + 5 }, (_, n) => device(`/dev/d${n}`));
    expect(keysToAsk(devices)).toHaveLength(MAX_ASKED_DEVICES);
  });
});

describe("what a host tells of them", () => {
  it("is each function on the way, and the kernel's name at its end", () => {
    const places = parsePlaces([
      "at /dev/disk/by-id/x /sys/devices/pci0000:00/0000:00:01.0/0000:02:00.0/ata1/block/sdb/sdb1",
      "at usb-id:046d:c31c /sys/devices/pci0000:00/0000:00:14.0/usb1/1-4",
      "at usb-id:046d:c31c /sys/devices/pci0000:00/0000:00:14.0/usb1/1-5",
      "at /dev/dm-0 /sys/devices/virtual/block/dm-0",
      "other thing",
    ]);
    expect([...places]).toEqual([
      ["/dev/disk/by-id/x", [{ name: "sdb1", hostAddresses: ["0000:02:00.0", "0000:00:01.0"] }]],
      [
        "usb-id:046d:c31c",
        [
          { name: "1-4", hostAddresses: ["0000:00:14.0"] },
          { name: "1-5", hostAddresses: ["0000:00:14.0"] },
        ],
      ],
      ["/dev/dm-0", [{ name: "dm-0", hostAddresses: [] }]],
    ]);
  });

  it.each(["at", "at /dev/sdb", "at /dev/sdb sys", "at /dev/sdb /sys/"])("is refused as %j", (record) => {
    expect(() => parsePlaces([record])).toThrow(/unreadable record/);
  });

  it("is read in bounded time, however long and however much", () => {
    const deep = "/0000:00:01.0".repeat(300);
    const records = Array.from({ length: 2_000 }, (_, n) => `at usb-id:046d:c31c /sys/devices${deep}/x${n}`);
    expectProcessorSeconds(() => expect(parsePlaces(records).size).toBe(1), { below: 1 });
    expect(() => parsePlaces(Array.from({ length: 10_001 }, () => "at x /sys/y"))).toThrow(
      /too many records/,
    );
  });

  it("leaves unlocated what it does not tell of", () => {
    const devices = [device("/dev/sdb"), device("/dev/gone"), device("eth0", "interface")];
    const { located, unlocated } = withPlaces(devices, parsePlaces(["at /dev/sdb /sys/devices/x/sdb"]));
    expect(located.map(({ key, places }) => [key, places.length])).toEqual([
      ["/dev/sdb", 1],
      ["eth0", 0],
    ]);
    expect(unlocated.map(({ key }) => key)).toEqual(["/dev/gone"]);
  });
});
