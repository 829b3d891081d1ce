import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostDisk, HostFacts, HostInterface } from "../../provider/host/facts";
import { findHostUses } from "../../provider/host/uses";
import type { PciAddress } from "../../provider/pci";
import { describeHostUse } from "../../provider/plan";
import type { SshConnection } from "../../provider/ssh";
import { NetworkNamespace } from "../support/network-namespace";
import { openHelper } from "../support/open-helper";
import { Bench, waitUntil, type Sshd } from "../support/sshd";

jest.setTimeout(60_000);

const bench = new Bench();
afterAll(() => bench.tearDown());

async function connect(sshd: Sshd): Promise<SshConnection> {
  return bench.pool().acquire(sshd.target(bench.login));
}

/** The uses that findHostUses would name if the device of this name were a PCI function. */
function usesOf(facts: HostFacts, name: string): string[] {
  const onPci = <T extends HostInterface | HostDisk>({ hostAddress: _, ...one }: T) => ({
    ...one,
    ...(one.name === name && { hostAddress: "0000:01:00.0" as PciAddress }),
  });
  const uses = findHostUses({
    ...facts,
    interfaces: facts.interfaces.map(onPci),
    disks: facts.disks.map(onPci),
    functionsWithHiddenInterface: [],
    physicalFunctions: [],
  });
  return uses.map(describeHostUse);
}

describe("in a network namespace with interfaces of many uses", () => {
  const namespace = new NetworkNamespace();
  let connection: SshConnection;
  let facts: HostFacts;

  beforeAll(async () => {
    for (const name of ["idle0", "down0", "addr0", "auto0", "way0", "port0", "under0"])
      namespace.addCard(name);
    namespace.ip(
      "addr add 192.0.2.1/24 dev down0",
      "link set down0 down",
      "addr add 192.0.2.17/28 dev addr0",
      "addr add 2001:db8::1/64 dev addr0",
      "addr add 169.254.3.3/16 dev auto0",
      "route add 203.0.113.0/24 dev way0",
      "route add 2001:db8:7::/48 dev way0",
      "link add br0 type bridge",
      "link set port0 master br0",
      "link add vx0 type vxlan id 7 dstport 4789 dev under0",
      `route add default via ${namespace.outerAddress}`,
    );
    const sshd = await bench.startSshd({ namespace: namespace.name, address: namespace.innerAddress });
    connection = await connect(sshd);
    facts = await openHelper(connection).readFacts();
  });
  afterAll(() => namespace.remove());

  it("sees an address on each but idle0 and down0, besides IPv6's own", () => {
    const idle = facts.interfaces.find((one) => one.name === "idle0");
    expect(idle).toMatchObject({ isUp: true, routes: [], addresses: [expect.stringMatching(/^fe80:/)] });
    expect(facts.interfaces.find((one) => one.name === "down0")).toMatchObject({
      isUp: false,
      addresses: ["192.0.2.1"],
    });
  });

  it.each([
    ["idle0", []],
    ["down0", []],
    ["addr0", ["is up with address 192.0.2.17, 2001:db8::1"]],
    ["auto0", ["is up with address 169.254.3.3"]],
    ["way0", ["is up with a route to 203.0.113.0/24, 2001:db8:7::/48"]],
    ["port0", ["is a port of bridge br0"]],
    ["under0", ["carries tunnel vx0 (vxlan)"]],
  ])("finds of %s: %j", (name, expected) => {
    expect(usesOf(facts, name)).toEqual(expected.map((use) => `has interface ${name}, which ${use}`));
  });

  it("finds all uses of the interface that carries the connection, itself first", () => {
    expect(usesOf(facts, "cable0")).toEqual([
      "carries this SSH connection (interface cable0)",
      "carries the host's default route (interface cable0)",
      `has interface cable0, which is up with address ${namespace.innerAddress}`,
    ]);
  });

  it("finds the functions whose interfaces are in another namespace: those of this machine itself", () => {
    const own = readdirSync("/sys/class/net").map((name) => realpathSync(join("/sys/class/net", name)));
    const onPci = own.flatMap((path) => {
      const [, address] = /\/([^/]+:[^/]+\.[0-7])\/(?:virtio\d+\/)?net\/[^/]+$/.exec(path) ?? [];
      return address ?? [];
    });
    expect(facts.functionsWithHiddenInterface).toEqual(expect.arrayContaining(onPci));
    expect(facts.interfaces.flatMap((one) => one.hostAddress ?? [])).toEqual([]);
  });

  it("finds default and static routes beyond a routing daemon's thousands", async () => {
    namespace.addCard("way1");
    namespace.addCard("way2");
    const learned = Array.from(
      { length: 9000 },
      (_, n) => `route add 10.${n >> 8}.${n & 255}.0/24 dev way2 proto bird metric 20`,
    );
    namespace.ip(...learned, "route add 198.51.100.0/24 dev way1 proto static");
    const found = await openHelper(connection).readFacts();
    expect(usesOf(found, "way1")).toEqual([
      "has interface way1, which is up with a route to 198.51.100.0/24",
    ]);
    expect(usesOf(found, "way2")).toEqual([]);
    expect(found.defaultRouteInterfaces).toEqual(["cable0"]);
    expect(found.sshInterfaces).toEqual(["cable0"]);
  });
});

describe("with disks that somebody has", () => {
  const loops: string[] = [];
  let elsewhere: ChildProcess | undefined;

  /** A loop device over a file, or over another block device; its kernel name. */
  function addLoop(over?: string): string {
    const file = over ?? bench.workspace.write(`disk${loops.length}`, "");
    if (over === undefined) execFileSync("truncate", ["-s", "8M", file]);
    const device = execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim();
    loops.unshift(device);
    return device.slice("/dev/".length);
  }

  afterAll(() => {
    elsewhere?.kill("SIGKILL");
    for (const device of loops) execFileSync("losetup", ["--detach", device]);
  });

  it("finds a file system that is mounted where the login cannot see it", async () => {
    const disk = addLoop();
    execFileSync("mkfs.ext4", ["-q", `/dev/${disk}`]);
    const place = join(bench.workspace.path, "mnt");
    mkdirSync(place);
    const script = `mount --make-rprivate / && mount /dev/${disk} ${place} && exec sleep 600`;
    elsewhere = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: "ignore" });
    await waitUntil(`${disk} is mounted`, () => readdirSync("/sys/fs/ext4").includes(disk));
    const facts = await openHelper(await connect(await bench.startSshd())).readFacts();
    expect(facts.disks.find((one) => one.name === disk)?.mountPoints).toEqual([]);
    expect(usesOf(facts, disk)).toEqual([
      `has disk ${disk}, which is mounted in another mount namespace (ext4)`,
    ]);
    elsewhere.kill("SIGKILL");
    await waitUntil(`${disk} is not mounted`, () => !readdirSync("/sys/fs/ext4").includes(disk));
  });

  it("finds that a disk is a part of another, and a free disk", async () => {
    const disk = addLoop();
    const top = addLoop(`/dev/${disk}`);
    const facts = await openHelper(await connect(await bench.startSshd())).readFacts();
    expect(facts.disks.find((one) => one.name === top)).toMatchObject({ holder: "loop", slaves: [disk] });
    const base = facts.disks.map((one) => (one.name === disk ? withoutHolder(one) : one));
    expect(usesOf({ ...facts, disks: base }, disk)).toEqual([
      `has disk ${disk}, which is a part of loop device ${top}`,
    ]);
    expect(usesOf(facts, top)).toEqual([]);
  });

  /**
   * No machine at hand has ZFS, targets or SR-IOV. So the helper is told to look for their files below a
   * directory of the test's: made by hand, but for zpool.cache, which OpenZFS 2.1.11 wrote (`ztest -f
   * /dev/shm/zt`, Debian's zfs-test) for a pool on the files ztest.0a to 7a of that directory.
   */
  it("finds members of imported ZFS pools, exported disks and virtual functions", async () => {
    const [labelled, cached, exported, nvme] = [addLoop(), addLoop(), addLoop(), addLoop()];
    const foreign = addLoop();
    const root = join(bench.workspace.path, "root");
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    const numberOf = (disk: string): string =>
      execFileSync("cat", [`/sys/class/block/${disk}/dev`], { encoding: "utf8" }).trim();
    const udev = (pool: string): string =>
      `I:1234\nE:ID_FS_VERSION=5000\nE:ID_FS_LABEL=${pool}\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_USAGE=filesystem\n`;
    put("proc/spl/kstat/zfs/tank/state", "ONLINE\n");
    put("proc/spl/kstat/zfs/arcstats", "");
    put(`run/udev/data/b${numberOf(labelled)}`, udev("tank"));
    put(`run/udev/data/b${numberOf(foreign)}`, udev("of-another-host"));
    put("sys/kernel/config/target/core/iblock_0/disk1/udev_path", `/dev/${exported}\n`);
    put("sys/kernel/config/target/core/fileio_1/file/udev_path", "/srv/file\n");
    put("sys/kernel/config/nvmet/subsystems/nqn.test/namespaces/1/device_path", `/dev/${nvme}\n`);
    put("sys/bus/pci/devices/0000:01:00.0/sriov_numvfs", "2\n");
    put("sys/bus/pci/devices/0000:01:00.1/sriov_numvfs", "0\n");
    for (const [n, vf] of ["0000:01:10.0", "0000:01:10.4"].entries()) {
      put(`sys/bus/pci/devices/${vf}/class`, "0x020000\n");
      symlinkSync(`../${vf}`, join(root, `sys/bus/pci/devices/0000:01:00.0/virtfn${n}`));
    }
    mkdirSync(join(root, "etc/zfs"), { recursive: true });
    execFileSync("cp", [join(__dirname, "fixtures/zpool.cache"), join(root, "etc/zfs")]);
    rmSync("/dev/shm/zt", { recursive: true, force: true });
    mkdirSync("/dev/shm/zt");
    symlinkSync(`/dev/${cached}`, "/dev/shm/zt/ztest.0a");

    const connection = await connect(await bench.startSshd());
    const exec = connection.exec.bind(connection);
    const moved = ["/proc/spl", "/run/udev/data", "/etc/zfs", "/sys/kernel/config", "/sys/bus/pci/devices"];
    const move = moved
      .map((path) => `program=\${program//${path.replaceAll("/", "\\/")}/${root}${path}}; `)
      .join("");
    Object.assign(connection, {
      exec: (command: string, signal?: AbortSignal) =>
        exec(command.replace("eval", `{ ${move}} && eval`), signal),
    });
    try {
      const facts = await openHelper(connection).readFacts();
      expect(usesOf(facts, labelled)).toEqual([`has disk ${labelled}, which is a part of ZFS pool tank`]);
      expect(usesOf(facts, cached)).toEqual([`has disk ${cached}, which is a part of a ZFS pool`]);
      expect(usesOf(facts, exported)).toEqual([
        `has disk ${exported}, which is exported by SCSI target iblock_0/disk1`,
      ]);
      expect(usesOf(facts, nvme)).toEqual([`has disk ${nvme}, which is exported by NVMe target nqn.test`]);
      expect(usesOf(facts, foreign)).toEqual([]);
      expect(facts.physicalFunctions).toEqual([
        { hostAddress: "0000:01:00.0", virtualFunctions: ["0000:01:10.0", "0000:01:10.4"] },
      ]);
    } finally {
      rmSync("/dev/shm/zt", { recursive: true });
    }
  });
});

/** A loop device stands for a disk here. */
function withoutHolder({ holder: _, ...disk }: HostFacts["disks"][number]): HostFacts["disks"][number] {
  return disk;
}
