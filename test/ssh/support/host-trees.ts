import type { SysfsTree } from "../../support/sysfs-tree";

/*
 * Parts of hosts, in the form of listings of /sys that people have shown in public; what was theirs, serial
 * numbers and names, is replaced.
 */

/** Intel VMD with the host's disk behind it: a domain of its own below an endpoint. */
export function addVmd(tree: SysfsTree): void {
  const vmd = "pci0000:c0/0000:c0:05.5";
  const controller = `${vmd}/pci10000:00/10000:00:02.0/10000:e1:00.0`;
  tree.addFunction(vmd, { class: "0x010400", device: "0x28c0" });
  tree.addFunction(`${vmd}/pci10000:00/10000:00:02.0`, { class: "0x060400" });
  tree.addFunction(controller, { class: "0x010802" });
  tree.addTo("class/block", `${controller}/nvme/nvme0/nvme0n1`, { dev: "259:990" });
  tree.addTo("class/block", `${controller}/nvme/nvme0/nvme0n1/nvme0n1p2`, { dev: "259:992", partition: "2" });
  tree.write("fs/ext4/nvme0n1p2/errors_count", "0");
}

/** A card for pictures with the console on it, and its function for sound. */
export function addGraphics(tree: SysfsTree): void {
  const card = "pci0000:64/0000:64:00.0/0000:65:00";
  tree.addFunction("pci0000:64/0000:64:00.0", { class: "0x060400" });
  tree.addFunction(`${card}.0`, { class: "0x030000", boot_vga: "1" });
  tree.addTo("class/drm", `${card}.0/drm/card1`);
  tree.addTo("class/drm", `${card}.0/drm/card1/card1-HDMI-A-1`, { status: "connected", enabled: "enabled" });
  tree.addTo("class/drm", `${card}.0/drm/card1/card1-DP-1`, { status: "disconnected", enabled: "disabled" });
  tree.addTo("class/graphics", `${card}.0/graphics/fb0`, { name: "amdgpudrmfb" });
  tree.addTo("class/vtconsole", "virtual/vtconsole/vtcon0", { name: "(S) dummy device", bind: "0" });
  tree.addTo("class/vtconsole", "virtual/vtconsole/vtcon1", { name: "(M) frame buffer device", bind: "1" });
  tree.addFunction(`${card}.1`, { class: "0x040300" });
  tree.addTo("class/sound", `${card}.1/sound/card0`, { id: "HDMI" });
  tree.addTo("class/input", `${card}.1/sound/card0/input9`, {
    name: "HDMI/DP,pcm=3",
    "capabilities/ev": "21",
  });
  tree.addFunction("pci0000:c0/0000:c0:01.0", { class: "0x038000" });
  tree.addTo("class/drm", "pci0000:c0/0000:c0:01.0/drm/card0");
}

/** What udev has written of the devices of {@link addUsb}, by the names of its files. */
export const UDEV_DATA: Readonly<Record<string, string>> = {
  "c189:4": "E:ID_VENDOR=Dell\nE:ID_MODEL_ENC=Dell\\x20KB216\\x20Wired\\x20Keyboard\nE:ID_BUS=usb",
  "c189:7": "E:ID_MODEL_ENC=Мышь\\x20\u001b[31mоптическая\u202e",
};

/** A controller for USB with a hub, a keyboard behind it, a mouse and a disk. */
export function addUsb(tree: SysfsTree): void {
  const controller = "pci0000:00/0000:00:14.0";
  tree.addFunction(controller, { class: "0x0c0330" });
  const usb = (device: string, files: Readonly<Record<string, string>>): void =>
    tree.addTo("bus/usb/devices", `${controller}/${device}`, files);
  usb("usb1", { bDeviceClass: "09" });
  tree.addTo("bus/usb/devices", `${controller}/usb1/1-0:1.0`, { bInterfaceClass: "09" });
  usb("usb1/1-1", { bDeviceClass: "09" });
  usb("usb1/1-1/1-1.4", {
    ...{ bDeviceClass: "00", dev: "189:4" },
    ...{ "1-1.4:1.0/bInterfaceClass": "03", "1-1.4:1.0/bInterfaceProtocol": "01" },
  });
  tree.addTo("class/input", `${controller}/usb1/1-1/1-1.4/1-1.4:1.0/0003:413C:2113.0001/input/input3`, {
    ...{ name: "Dell KB216 Wired Keyboard", "capabilities/ev": "120013", "capabilities/rel": "0" },
    "capabilities/key": "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe",
  });
  usb("usb1/1-5", {
    ...{ bDeviceClass: "00", dev: "189:7", "1-5:1.0/bInterfaceClass": "03" },
    "1-5:1.0/bInterfaceProtocol": "02",
  });
  usb("usb2/2-1", {
    ...{ bDeviceClass: "00", idVendor: "0781", idProduct: "5583" },
    ...{ "2-1:1.0/bInterfaceClass": "08", "2-1:1.0/bInterfaceProtocol": "50" },
  });
  const disk = "usb2/2-1/2-1:1.0/host6/target6:0:0/6:0:0:0/block/sdb";
  tree.addTo("class/block", `${controller}/${disk}`, { dev: "8:912" });
}

/** What a server has beside: a serial card, RDMA, vDPA, mediated devices, watchdog, IPMI and TPM. */
export function addServerParts(tree: SysfsTree): void {
  tree.addFunction("pci0000:00/0000:00:1c.0", { class: "0x060400" });
  const serial = "pci0000:00/0000:00:1c.0/0000:03:00.0";
  tree.addFunction(serial, { class: "0x070002" });
  for (const port of ["ttyS4", "ttyS5"]) {
    tree.addTo("class/tty", `${serial}/${serial.slice(-12)}:0/tty/${port}`);
    tree.linkTo(`devices/${serial}/${serial.slice(-12)}:0/tty/${port}/device`, "../..");
  }
  tree.addTo("class/tty", "virtual/tty/tty1");
  tree.addTo("class/tty", "platform/serial8250/tty/ttyS0");
  tree.linkTo("devices/platform/serial8250/tty/ttyS0/device", "../..");
  tree.addFunction("pci0000:3a/0000:3b:00.0", { class: "0x020000" });
  tree.addTo("class/infiniband", "pci0000:3a/0000:3b:00.0/infiniband/mlx5_0");
  tree.addFunction("pci0000:3a/0000:3b:00.2", { class: "0x020000" });
  tree.addTo("bus/vdpa/devices", "pci0000:3a/0000:3b:00.2/vdpa0");
  tree.add("../bus/vdpa/drivers/vhost_vdpa");
  tree.linkTo("devices/pci0000:3a/0000:3b:00.2/vdpa0/driver", "../../../../bus/vdpa/drivers/vhost_vdpa");
  tree.addTo("bus/vdpa/devices", "pci0000:3a/0000:3b:00.2/vdpa1");
  tree.addFunction("pci0000:05/0000:05:00.0", { class: "0x030000" });
  tree.addTo("bus/mdev/devices", "pci0000:05/0000:05:00.0/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
  tree.addFunction("pci0000:00/0000:00:1f.4", { class: "0x0c0500" });
  tree.addTo("class/watchdog", "pci0000:00/0000:00:1f.4/iTCO_wdt/watchdog/watchdog0", {
    identity: "iTCO_wdt",
  });
  tree.addTo("class/watchdog", "virtual/watchdog/watchdog1", { identity: "Software Watchdog" });
  tree.addFunction("pci0000:00/0000:01:00.6", { class: "0x0c0701" });
  tree.addTo("class/ipmi", "pci0000:00/0000:01:00.6/ipmi/ipmi0");
  tree.addFunction("pci0000:00/0000:01:00.7", { class: "0x108000" });
  tree.addTo("class/tpm", "pci0000:00/0000:01:00.7/tpm/tpm0");
  const domain = "pci0000:00/0000:00:0d.2/domain0";
  tree.addFunction("pci0000:00/0000:00:0d.2", { class: "0x0c0340" });
  for (const device of [domain, `${domain}/0-0`, `${domain}/0-0/0-1`, `${domain}/0-0/0-0:1.1`])
    tree.addTo("bus/thunderbolt/devices", device, { vendor_name: "CalDigit, Inc.", device_name: "TS4" });
}

/** A process that computes on one of two GPUs of AMD's, and a function on a driver for programs. */
export function addPrograms(tree: SysfsTree): void {
  const kfd = "virtual/kfd/kfd";
  for (const [node, gpu, location] of [
    ["0", "0", "0"],
    ["1", "36114", "34048"],
    ["2", "51412", "34304"],
  ] as const)
    tree.add(`${kfd}/topology/nodes/${node}`, {
      gpu_id: gpu,
      properties: `cpu_cores_count 0\nlocation_id ${location}\ndomain 0\ndrm_render_minor 128`,
    });
  tree.add(`${kfd}/proc/${process.pid}`, { pasid: "32769", vram_51412: "1048576" });
  tree.link("class/kfd", kfd);
  tree.addFunction("pci0000:80/0000:85:00.0", { class: "0x030000" });
  tree.addFunction("pci0000:80/0000:86:00.0", { class: "0x030000" });
  tree.addFunction("pci0000:80/0000:87:00.0", { class: "0x020000" });
  tree.link("bus/pci/drivers/uio_pci_generic", "pci0000:80/0000:87:00.0");
}
