import { parseDomainXml } from "../../../../provider/hypervisor/libvirt/xml/domain-xml";
import { MAX_XML_DEPTH } from "../../../../provider/hypervisor/libvirt/xml/xml-reader";
import { expectProcessorSeconds } from "../../../support/processor-time";

const describe1 = (devices: string, name = "nas") =>
  parseDomainXml(`<domain id='3'><name>${name}</name><devices>${devices}</devices></domain>`);
/** `KIND KEY` of each device. */
const devicesIn = (devices: string): string[] =>
  describe1(devices).guestDevices.map(({ kind, key }) => `${kind} ${key}`);

describe("what a guest has of the host by way of the host's drivers", () => {
  it.each([
    // as libvirt 7.0 to 12.9 write them of a running guest
    [
      "a disk",
      "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/sdb' index='1'/><backingStore/><target dev='vda' bus='virtio'/></disk>",
      ["disk /dev/sdb"],
    ],
    [
      "a LUN by a link",
      "<disk type='block' device='lun'><source dev='/dev/disk/by-id/wwn-0x5000c500a1b2c3d4'/></disk>",
      ["disk /dev/disk/by-id/wwn-0x5000c500a1b2c3d4"],
    ],
    [
      "the base of an overlay",
      "<disk type='file'><source file='/var/lib/x.qcow2'/><backingStore type='block'><format type='raw'/><source dev='/dev/vg/base'/><backingStore/></backingStore></disk>",
      ["disk /dev/vg/base"],
    ],
    [
      "what a copy goes to, before libvirt 1.2.6 and after",
      "<disk type='file'><source file='/a'/><mirror file='/dev/sdc' format='raw'/></disk><disk type='file'><source file='/b'/><mirror type='block' job='copy'><source dev='/dev/sdd'/></mirror></disk>",
      ["disk /dev/sdc", "disk /dev/sdd"],
    ],
    [
      "a data file apart (libvirt 10.10)",
      "<disk type='file'><source file='/a'><dataStore type='block'><format type='raw'/><source dev='/dev/sde'/></dataStore></source></disk>",
      ["disk /dev/sde"],
    ],
    [
      "a device as the path of a file",
      "<disk type='file'><source file='/dev/zvol/tank/vm'/></disk>",
      ["disk /dev/zvol/tank/vm"],
    ],
    [
      "a volume, whose place is not told",
      "<disk type='volume'><source pool='lvm' volume='data'/></disk>",
      ["disk data of storage pool lvm"],
    ],
    [
      "USB by its place",
      "<hostdev mode='subsystem' type='usb' managed='no'><source><vendor id='0x046d'/><product id='0xc31c'/><address bus='1' device='4'/></source></hostdev>",
      ["usb usb:1:4"],
    ],
    [
      "USB by vendor and product",
      "<hostdev mode='subsystem' type='usb'><source startupPolicy='optional'><vendor id='0x46d'/><product id='0xc31c'/></source></hostdev>",
      ["usb usb-id:046d:c31c"],
    ],
    [
      "a SCSI device",
      "<hostdev mode='subsystem' type='scsi' sgio='filtered'><source><adapter name='scsi_host2'/><address bus='0' target='3' unit='1'/></source></hostdev>",
      ["scsi scsi:2:0:3:1"],
    ],
    [
      "a mediated device",
      "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='C2177883-F1BB-47F0-914D-32A22E3A8804'/></source></hostdev>",
      ["mdev mdev:c2177883-f1bb-47f0-914d-32a22e3a8804"],
    ],
    [
      "vDPA, as an interface and as a disk",
      "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface><disk type='vhostvdpa'><source dev='/dev/vhost-vdpa-1'/></disk>",
      ["vdpa /dev/vhost-vdpa-1", "vdpa /dev/vhost-vdpa-0"],
    ],
    [
      "macvtap, also of a network",
      "<interface type='direct'><source dev='eth1' mode='bridge'/><target dev='macvtap0'/></interface><interface type='direct'><source network='lan' portid='x' dev='eth2' mode='vepa'/></interface>",
      ["interface eth1", "interface eth2"],
    ],
    [
      "input by evdev, of both forms",
      "<input type='evdev'><source dev='/dev/input/event3' grab='all'/></input><input type='passthrough' bus='virtio'><source evdev='/dev/input/event4'/></input>",
      ["input /dev/input/event3", "input /dev/input/event4"],
    ],
    [
      "the TPM",
      "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
      ["tpm /dev/tpm0"],
    ],
    [
      "a serial port, once of two elements",
      "<serial type='dev'><source path='/dev/ttyS4'/></serial><console type='dev'><source path='/dev/ttyS4'/></console>",
      ["serial /dev/ttyS4"],
    ],
    [
      "a graphics card that draws for it",
      "<graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>",
      ["display /dev/dri/renderD128"],
    ],
    [
      "devices of a container",
      "<hostdev mode='capabilities' type='storage'><source><block>/dev/sdf1</block></source></hostdev>",
      ["disk /dev/sdf1"],
    ],
  ])("is %s", (_what, xml, expected) => {
    expect(devicesIn(xml)).toEqual(expected);
  });

  it("is nothing where all of it is QEMU's own, a file or the network", () => {
    const none = [
      "<disk type='file' device='disk'><source file='/var/lib/libvirt/images/a.qcow2'/></disk>",
      "<disk type='network'><source protocol='rbd' name='p/i'/></disk>",
      "<disk type='block' device='cdrom'><target dev='sda'/></disk>",
      "<hostdev mode='subsystem' type='scsi'><source protocol='iscsi' name='iqn'/></hostdev>",
      "<interface type='bridge'><source bridge='br0'/></interface>",
      "<input type='tablet' bus='usb'/><tpm><backend type='emulator'/></tpm>",
      "<serial type='pty'><source path='/dev/pts/3'/></serial><graphics type='vnc'/>",
    ];
    expect(devicesIn(none.join(""))).toEqual([]);
    expect(parseDomainXml("<domain/>").guestDevices).toEqual([]);
  });

  it("is a holding of an NVMe function, wherever in a backing chain", () => {
    const nvme =
      "<source type='pci' namespace='1'><address domain='0' bus='1' slot='0' function='0'/></source>";
    const { holdings, guestDevices } = describe1(
      `<disk type='file'><source file='/a'/><backingStore type='nvme'>${nvme}</backingStore></disk>`,
    );
    expect(holdings).toMatchObject([{ hostAddress: "0000:01:00.0", guest: { name: "nas" } }]);
    expect(guestDevices).toEqual([]);
  });
});

describe("a description that is made to mislead", () => {
  const chain = (length: number): string =>
    `<disk type='block'><source dev='/dev/sda'/>${"<backingStore type='block'><source dev='/dev/sdb'/>".repeat(length)}${"</backingStore>".repeat(length)}</disk>`;

  it("may have a backing chain as deep as a document can be", () => {
    expect(devicesIn(chain(MAX_XML_DEPTH - 6))).toEqual(["disk /dev/sda", "disk /dev/sdb"]);
  });

  it("with a chain of ten thousand is none", () => {
    expect(() => devicesIn(chain(10_000))).toThrow(/XML_UNREADABLE/);
    expectProcessorSeconds(() => expect(() => devicesIn(chain(10_000))).toThrow(), { below: 0.5 });
  });

  it("has as many disks as the longest document in linear time", () => {
    const disks = Array.from(
      { length: 15_000 },
      (_, n) => `<disk type='block'><source dev='/dev/d${n}'/></disk>`,
    );
    expectProcessorSeconds(() => expect(devicesIn(disks.join(""))).toHaveLength(15_000), { below: 1 });
  });

  it("tells blanks and line breaks as they are", () => {
    const [device] = describe1(
      "<disk type='block'><source dev='/dev/a b&#10;c'/></disk>",
      "&#9;x",
    ).guestDevices;
    expect(device).toEqual({ guest: "\tx", kind: "disk", key: "/dev/a b\nc" });
  });
});
