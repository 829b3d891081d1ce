import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { keysToAsk, withPlaces, type GuestDevice } from "../../provider/host/facts";
import { findHostUses } from "../../provider/host/uses";
import { describeHostUse } from "../../provider/plan";
import type { HostHelper } from "../../provider/host/helper";
import { nothingUsed } from "../support/host-facts";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";

jest.setTimeout(60_000);

const USB = "0000:00:14.0";
const GPU = "0000:41:00.0";
const UUID = "c2177883-f1bb-47f0-914d-32a22e3a8804";

/** A device of a made-up /sys: where it is, what leads to it, and its files. */
interface MadeUpDevice {
  readonly place: string;
  readonly links: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

const DEVICES: readonly MadeUpDevice[] = [
  // /dev/null and /dev/zero, which every host has, are an event device and a vDPA device here
  { place: `pci0000:00/${USB}/usb1/1-4/1-4:1.0/input/input5/event5`, links: ["dev/char/1:3"] },
  { place: "pci0000:00/0000:00:03.0/vdpa0/vhost-vdpa-0", links: ["dev/char/1:5"] },
  { place: `pci0000:40/0000:40:01.1/${GPU}/${UUID}`, links: [`bus/mdev/devices/${UUID}`] },
  { place: "pci0000:00/0000:00:1f.2/ata1/host2/target2:0:3/2:0:3:1", links: ["bus/scsi/devices/2:0:3:1"] },
  {
    place: `pci0000:00/${USB}/usb1/1-4`,
    links: ["bus/usb/devices/1-4"],
    files: { busnum: "1\n", devnum: "4\n", idVendor: "046d\n", idProduct: "c31c\n" },
  },
  {
    place: `pci0000:00/${USB}/usb1/1-5`,
    links: ["bus/usb/devices/1-5"],
    files: { busnum: "1\n", devnum: "7\n", idVendor: "046d\n", idProduct: "c31c\n" },
  },
];

describe("the places of guests' devices, on a host with a made-up /sys", () => {
  const bench = new Bench();
  let helper: HostHelper;
  afterAll(() => bench.tearDown());

  beforeAll(async () => {
    const sys = join(bench.workspace.path, "sys");
    for (const { place, links, files = {} } of DEVICES) {
      const folder = join(sys, "devices", place);
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      for (const link of links) {
        mkdirSync(dirname(join(sys, link)), { recursive: true });
        symlinkSync(join("/sys/devices", place), join(sys, link));
      }
    }
    const sshd = await bench.startSshd({ inPlaceOf: [["/sys", sys]] });
    helper = openHelper(await bench.pool().acquire(sshd.target(bench.login)));
  });

  it("are found by every kind of key, at once", async () => {
    const devices: GuestDevice[] = [
      { guest: "a", kind: "input", key: "/dev/null" },
      { guest: "b", kind: "vdpa", key: "/dev/zero" },
      { guest: "c", kind: "mdev", key: `mdev:${UUID}` },
      { guest: "d", kind: "scsi", key: "scsi:2:0:3:1" },
      { guest: "e", kind: "usb", key: "usb:1:4" },
      { guest: "f", kind: "usb", key: "usb-id:046d:c31c" },
      { guest: "g", kind: "usb", key: "usb-port:1-5" },
      { guest: "h", kind: "disk", key: "/dev/there-is-none" },
      { guest: "i", kind: "disk", key: "/dev/shm" },
    ];
    const guestDevices = withPlaces(devices, await helper.findPlaces(keysToAsk(devices)));
    expect(guestDevices.unlocated.map(({ guest }) => guest)).toEqual(["h", "i"]);
    const uses = findHostUses({ ...nothingUsed, guestDevices });
    expect(uses.map((one) => `${one.hostAddress} ${describeHostUse(one)}`).sort()).toEqual([
      "0000:00:03.0 has vDPA device vhost-vdpa-0, which guest b has",
      "0000:00:14.0 has USB device 1-4, which guest e has",
      "0000:00:14.0 has USB device 1-4, which guest f has",
      "0000:00:14.0 has USB device 1-5, which guest f has",
      "0000:00:14.0 has USB device 1-5, which guest g has",
      "0000:00:14.0 has input device event5, which guest a has",
      "0000:00:1f.2 has SCSI device 2:0:3:1, which guest d has",
      `0000:40:01.1 has mediated device ${UUID}, which guest c has`,
      `0000:41:00.0 has mediated device ${UUID}, which guest c has`,
    ]);
  });

  it("are found for as many keys as one request has, soon", async () => {
    const keys = [
      "/dev/null",
      ...Array.from({ length: 498 }, (_, n) => `/dev/there-is-no/disk${n}`),
      "usb:1:4",
    ];
    const startedAt = Date.now();
    const places = await helper.findPlaces(keys);
    expect([...places.keys()].sort()).toEqual(["/dev/null", "usb:1:4"]);
    expect(Date.now() - startedAt).toBeLessThan(2_000);
  });

  it.each(["/dev/../etc/passwd", "mdev:../../../devices", "usb-port:..", "scsi:*", "/etc/passwd", "x"])(
    "are none of what is no key: %s",
    async (key) => {
      expect([...(await helper.findPlaces([key])).keys()]).toEqual([]);
    },
  );
});
