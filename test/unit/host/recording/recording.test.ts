import fc from "fast-check";
import { recordingOf } from "../../../../provider/host/recording";
import { withinBounds } from "../../../support/within-bounds";

/** What must not be in a recording, of every kind, by what it is. */
const SECRETS = {
  "a MAC address": "52:54:00:ab:cd:ef",
  "a MAC address in the name of an interface": "enx525400abcdef",
  "a host's name": "acme-hv1",
  "a serial number": "S3X9NX0K123456A",
  "a serial number of digits": "20240117123456789",
  "a WWN": "0x5000c500a1b2c3d4",
  "a UUID": "c2177883-f1bb-47f0-914d-32a22e3a8804",
  "an IPv4 address": "192.0.2.17",
  "an IPv6 address": "2001:db8::17",
  "a name in another script": "сервер",
} as const;

const GPU = "/sys/devices/pci0000:40/0000:40:01.1/0000:41:00.0";
const file = (path: string, ...lines: readonly string[]): string => ["file", path, ...lines].join("\t");
const link = (path: string, target: string): string => ["link", path, target].join("\t");

/** One secret in every place of every kind of record. */
const planted = (secret: string): string[] => [
  ...["vendor", "class", "resource", "driver_override", "status", "dev", "enable"].map((name) =>
    file(`${GPU}/${name}`, secret),
  ),
  file(`${GPU}/vendor`, "0x10de", secret),
  file(`/sys/devices/virtual/block/dm-0/dm/name`, secret),
  file(`/sys/devices/virtual/block/dm-0/dm/uuid`, `LVM-${secret}`),
  file(`/sys/devices/virtual/block/dm-0/dm/uuid`, secret),
  file(`/sys/devices/virtual/block/loop0/loop/backing_file`, `/srv/${secret}/x.img`),
  file(`/sys/devices/virtual/net/${secret}/enabled`, "1"),
  link(`/sys/class/net/${secret}`, `../../devices/virtual/net/${secret}`),
  link(`/sys/devices/virtual/net/br0/lower_${secret}`, `../${secret}`),
  link(`/sys/bus/mdev/devices/${secret}`, `../../../devices/${secret}`),
  `folder\t${GPU}/net/${secret}`,
  `mount\t36 1 8:1 /${secret} /srv/${secret} rw,x=${secret} shared:1 - ext4 /dev/mapper/${secret} rw,y=${secret}`,
  `mount\t36 1 8:1 / / rw - ${secret} /dev/sda1 rw`,
  `mount\t${secret} ${secret} ${secret} / / rw - ext4 /dev/sda1 rw`,
  `swap\t/dev/mapper/${secret} partition 4194300 0 -2`,
  `kernel\t6.12.48-${secret}`,
  `architecture\t${secret}`,
  `${secret}\t${secret}`,
  secret,
];

describe("a recording of a host", () => {
  it.each(Object.entries(SECRETS))("has %s nowhere, wherever the host says it", (_what, secret) => {
    const text = JSON.stringify(recordingOf(planted(secret)));
    expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
    expect(text).not.toContain(secret.replaceAll(":", ""));
    expect(text).toContain("0000:41:00.0");
  });

  it("has the same stand-in for the same name everywhere", () => {
    const { links, mounts, swaps } = recordingOf(planted(SECRETS["a host's name"]));
    expect(links[0]).toEqual(["/sys/class/net/name1", "../../devices/virtual/net/name1"]);
    expect(links[1]).toEqual(["/sys/devices/virtual/net/br0/lower_name1", "../name1"]);
    expect(mounts[0]).toBe("36 1 8:1 /name1 /srv/name1 rw - ext4 /dev/mapper/name1 rw");
    expect(mounts[1]).toBe("36 1 8:1 / / rw - other /dev/sda1 rw");
    expect(swaps).toEqual(["/dev/mapper/name1 partition 4194300 0 -2"]);
  });

  it("has what is the kernel's, and sizes in the place of addresses", () => {
    const uuid = SECRETS["a UUID"];
    const made = recordingOf([
      file(`${GPU}/class`, "0x030000"),
      file(`${GPU}/resource`, "0x00000000fe000000 0x00000000fe0fffff 0x0000000000040200", ""),
      file(`${GPU}/drm/card0/card0-HDMI-A-1/status`, "connected"),
      file(`${GPU}/reset_method`, "flr bus"),
      file("/sys/devices/virtual/block/dm-3/dm/uuid", "CRYPT-LUKS2-abc"),
      file(
        "/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/size",
        "27344764928",
      ),
      link(`${GPU}/driver`, "../../../../bus/pci/drivers/nouveau"),
      link(
        "/sys/class/net/enp1s0f0np0",
        "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/net/enp1s0f0np0",
      ),
      link(`/sys/bus/mdev/devices/${uuid}`, `../../../devices/pci0000:40/0000:40:01.1/0000:41:00.0/${uuid}`),
      "kernel\t6.12.48-amd64",
      "architecture\tx86_64",
    ]);
    expect(made).toMatchObject({ format: 1, kernel: "6.12.48", architecture: "x86_64" });
    expect(made.files.map(([path, ...lines]) => [path.replace(GPU, "…"), ...lines])).toEqual([
      ["…/class", "0x030000"],
      ["…/resource", "0x0000000000000000 0x00000000000fffff 0x0000000000040200", ""],
      ["…/drm/card0/card0-HDMI-A-1/status", "connected"],
      ["…/reset_method", "flr bus"],
      ["/sys/devices/virtual/block/dm-3/dm/uuid", "CRYPT-name1"],
      ["/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/size", "27344764928"],
    ]);
    expect(made.links).toEqual([
      [`${GPU}/driver`, "../../../../bus/pci/drivers/nouveau"],
      ["/sys/class/net/enp1s0f0np0", "../../devices/pci0000:00/0000:00:01.0/0000:01:00.0/net/enp1s0f0np0"],
      [
        "/sys/bus/mdev/devices/00000000-0000-4000-8000-000000000002",
        "../../../devices/pci0000:40/0000:40:01.1/0000:41:00.0/00000000-0000-4000-8000-000000000002",
      ],
    ]);
  });

  it("is text without control characters, whatever a host says", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (words) => {
        const records = words.flatMap((word) => planted(word.replaceAll("\t", " ")));
        expect(JSON.stringify(recordingOf(records))).toMatch(/^[ -~]*$/);
      }),
      { numRuns: 30 },
    );
  });

  it("is made of a hundred thousand long names in bounded time", async () => {
    const records = Array.from({ length: 100_000 }, (_, n) => link(`/sys/x/${"n".repeat(200)}${n}`, "../y"));
    await withinBounds({ seconds: 3, mebibytes: 512 }, () => Promise.resolve(recordingOf(records)));
    expect(recordingOf(records.slice(0, 2)).links).toHaveLength(2);
  });
});
