import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { hostProgram } from "../../../../../provider/hypervisor/plain-qemu/program/host-program";
import { HOST_FOLDERS } from "../../../../../provider/hypervisor/plain-qemu";
import {
  parseOtherGuests,
  type OtherGuests,
} from "../../../../../provider/hypervisor/plain-qemu/other-guests";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "multifunction-pci-guests-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
const link = (path: string, target: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  symlinkSync(target, join(folder, path));
};
const qemu = (pid: number, ...args: readonly string[]): void => {
  write(`proc/${pid}/comm`, "qemu-system-x86\n");
  write(`proc/${pid}/cmdline`, `${["/usr/bin/qemu-system-x86_64", ...args].join("\0")}\0`);
};

/** What the host program tells on a host with these folders, of a function of its own. */
function run(request: string): string[] {
  const program = hostProgram({
    ...HOST_FOLDERS,
    sysfs: join(folder, "sys"),
    procfs: join(folder, "proc"),
    proxmox: join(folder, "pve"),
    proxmoxRun: join(folder, "run"),
  });
  // what a request runs is run by itself: the program around it needs a connection
  const functions = program.slice(0, program.indexOf('\nif [ -z "$BASH_VERSION" ]'));
  const script = `${functions}\nid=7 HOSTNAME=pve1\n${request}`;
  const printed = execFileSync("bash", ["-p", "-c", script], { encoding: "utf8" });
  const records = printed.split("\n").filter((line) => line !== "");
  for (const record of records) expect(record).toMatch(/^[sS] 7 [\x20-\x7e\u0080-\uffff]*$/);
  return records.map((one) => one.replace(/^S 7 /, ""));
}

function look(): { readonly lines: readonly string[]; readonly found: OtherGuests } {
  const lines = run("show_guests");
  const found = parseOtherGuests(
    lines.map((line) => ({ kind: line.split(" ")[0] ?? "", text: line.replace(/^\S+ ?/, "") })),
    "root@hv1:22",
  );
  return { lines, found };
}
const shown = ({ devices }: OtherGuests): string[] =>
  devices.map(({ guest, kind, key }) => `${guest}: ${kind} ${key}`);

describe("what guests have of a host without libvirt", () => {
  it("is told by the arguments of each QEMU, in whichever form", () => {
    qemu(
      11,
      "-name",
      "guest=web,debug-threads=on",
      "-drive",
      "file=/dev/disk/by-id/ata-X,if=none",
      "-m",
      "4G",
    );
    qemu(12, "-name", "nas", "-blockdev", '{"driver":"host_device","filename":"/dev/sdb","node-name":"a"}');
    qemu(13, "-device", "usb-host,hostbus=1,hostaddr=4", "-device", "usb-host,hostbus=1,hostport=4.2");
    qemu(
      14,
      "-name",
      "gpu",
      "-device",
      "vfio-pci,sysfsdev=/sys/bus/mdev/devices/c2177883-f1bb-47f0-914d-32a22e3a8804",
    );
    qemu(15, "-name", "kbd", "-object", "input-linux,id=k,evdev=/dev/input/by-id/usb-K-event-kbd");
    qemu(16, "-name", "tpm", "-tpmdev", "passthrough,id=t,path=/dev/tpm0", "-serial", "/dev/ttyS4");
    qemu(17, "-name", "vdpa", "-netdev", "vhost-vdpa,id=v,vhostdev=/dev/vhost-vdpa-0");
    qemu(18, "-name", "ids", "-device", "usb-host,vendorid=0x046d,productid=0xc31c");
    expect(shown(look().found).sort()).toEqual([
      "gpu: mdev mdev:c2177883-f1bb-47f0-914d-32a22e3a8804",
      "ids: usb usb-id:046d:c31c",
      "kbd: input /dev/input/by-id/usb-K-event-kbd",
      "nas: disk /dev/sdb",
      "of process 13: usb usb-port:1-4.2",
      "of process 13: usb usb:1:4",
      "tpm: serial /dev/ttyS4",
      "tpm: tpm /dev/tpm0",
      "vdpa: vdpa /dev/vhost-vdpa-0",
      "web: disk /dev/disk/by-id/ata-X",
    ]);
  });

  it("is nothing by what every QEMU has, and by what is none", () => {
    qemu(11, "-netdev", "tap,fd=3,vhostfd=/dev/vhost-net", "-object", "rng-random,filename=/dev/urandom");
    qemu(12, "-object", "memory-backend-file,mem-path=/dev/shm/x", "-chardev", "pty,path=/dev/pts/3");
    qemu(14, "-append", "root=/dev/vda rw console=ttyS0", "-fw_cfg", "name=opt/x,string=/dev/sda");
    write("proc/13/comm", "bash\n");
    write("proc/13/cmdline", "bash\0-c\0dd if=/dev/sdb\0");
    expect(shown(look().found)).toEqual([]);
  });

  it("is told by Proxmox VE's files: of those that run devices, else functions", () => {
    write("proc/900/comm", "kvm\n");
    write("run/100.pid", "900\n");
    write("run/102.pid", "901\n");
    write(
      "pve/qemu-server/100.conf",
      "#usb9: host=1-9\nname: web\nscsi0: /dev/disk/by-id/ata-Y,size=8G\nscsi1: local:100/x.raw\nusb0: host=046d:C31C\nusb1: host=1-4.2\nusb2: spice\nhostpci0: 0000:05:00\n[before]\nscsi2: /dev/sdz\n",
    );
    write(
      "pve/qemu-server/101.conf",
      "name: win11\nhostpci0: 0000:01:00,pcie=1\nhostpci1: 02:00.0;02:00.1\n",
    );
    write("pve/qemu-server/102.conf", "hostpci0: host=03:00.1\nhostpci1: mapping=gpu,pcie=1\n");
    write("pve/qemu-server/no-number.conf", "hostpci0: 06:00.0\n");
    write(
      "pve/mapping/pci.cfg",
      "gpu\n\tmap id=10de:2204,iommugroup=1,node=pve1,path=0000:41:00.0\n\tmap id=10de:2204,node=pve2,path=0000:42:00.0\n\nother\n\tmap node=pve1,path=0000:43:00.0\n",
    );
    const { found } = look();
    expect(shown(found)).toEqual([
      "web: disk /dev/disk/by-id/ata-Y",
      "web: usb usb-id:046d:c31c",
      "web: usb usb-port:1-4.2",
    ]);
    const elsewhere = found.configuredElsewhere.map(
      ({ guest, hostAddress }) => `${guest.name} ${hostAddress}`,
    );
    expect(elsewhere).toEqual([
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((n) => `win11 0000:01:00.${n}`),
      "win11 0000:02:00.0",
      "win11 0000:02:00.1",
      "102 0000:03:00.1",
      "102 0000:41:00.0",
    ]);
  });

  it("is what a name or an argument says, as one line of text", () => {
    qemu(11, "-name", "x\n\u001b[31mS 7 done\r", "-drive", "file=/dev/a\nquit,if=none");
    qemu(12, "-name", "n".repeat(5_000), ...Array.from({ length: 300 }, (_, n) => `/dev/d${n}`));
    const { lines, found } = look();
    expect(lines).toContain("named 11 x  [31mS 7 done ");
    expect(lines.every((line) => line.length < 1_100)).toBe(true);
    expect(found.devices.map(({ key }) => key)).toContain("/dev/a");
    expect(found.devices.filter(({ guest }) => guest.startsWith("nn"))).toHaveLength(201);
    expect(found.devices.at(-1)?.key).toBe("that is not told, for there are too many");
  });

  it("is nothing on a host that has none of these files", () => {
    expect(look()).toEqual({ lines: [], found: { devices: [], open: [], configuredElsewhere: [] } });
  });
});

describe("disks that processes have open", () => {
  const at = (path: string, name: string): string =>
    `at ${path} /sys/devices/pci0000:00/0000:03:00.0/ata1/block/${name}`;
  const records = (...lines: readonly string[]) =>
    parseOtherGuests(
      lines.map((line) => ({ kind: line.split(" ")[0] ?? "", text: line.replace(/^\S+ ?/, "") })),
      "root@hv1:22",
    ).open.map(
      ({ guest, by = "guest", places }) => `${by} ${guest}: ${places.map((one) => one.name).join()}`,
    );

  it("are a guest's, a container's, or the process's own, each once", () => {
    const found = records(
      at("/proc/11/fd/3", "sdb"),
      at("/proc/11/fd/4", "sdb"),
      at("/proc/12/fd/3", "sdc"),
      at("/proc/13/fd/3", "sdd"),
      at("/proc/14/fd/3", "sde"),
      "named 11 guest=nas,process=x",
      "opener 11 qemu-system-x86",
      "opener 12 postgres",
      "container 12 web",
      "opener 13 mysqld",
    );
    expect(found).toEqual([
      "guest nas: sdb",
      "container web: sdc",
      "process mysqld (13): sdd",
      "process 14: sde",
    ]);
  });

  it("are refused as an answer where a record has not its form", () => {
    expect(() => records("at /proc/11/fd/3 nowhere")).toThrow(/HOST_PROGRAM_FAILED/);
  });

  it("are none of what is no block device", () => {
    link("proc/11/fd/3", "/dev/null");
    link("proc/11/fd/4", "/dev/there-is-none");
    write("proc/11/comm", "postgres\n");
    write("proc/11/cgroup", "0::/lxc.payload.web/system.slice\n");
    expect(look().lines).toEqual([]);
  });
});

describe("the interfaces that QEMU has open for its guest", () => {
  it("are told by the kernel's notes of its descriptors", () => {
    write("proc/11/fdinfo/3", "pos:\t0\nflags:\t02\nmnt_id:\t15\n");
    write("proc/11/fdinfo/7", "pos:\t104\nflags:\t0104002\nmnt_id:\t27\nino:\t130\niff:\tvnet3\n");
    write("proc/11/fdinfo/8", "iff:\ttap9\n");
    expect(run("qemu=11; show_taps")).toEqual(["taps vnet3 tap9"]);
    expect(run("qemu=12; show_taps")).toEqual(["taps "]);
  });
});
