import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, constants, mkdirSync, openSync, writeFileSync } from "node:fs";
import { findBeneath, findHostDevices, type HostFacts } from "../../provider/host/facts";
import { findHostNotes, findHostUses } from "../../provider/host/uses";
import { describeHostNote, describeHostUse } from "../../provider/plan";
import type { PciAddress } from "../../provider/pci";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";
import { SysfsTree } from "../support/sysfs-tree";
import { addGraphics, addPrograms, addServerParts, addUsb, addVmd, UDEV_DATA } from "./support/host-trees";

jest.setTimeout(60_000);

const bench = new Bench();
afterAll(() => bench.tearDown());

/** A folder for /run: sshd's own, that of the locks, and what udev knows. */
function makeRun(): string {
  const run = `${bench.workspace.path}/run${Math.random()}`;
  for (const folder of ["sshd", "lock", "udev/data"]) mkdirSync(`${run}/${folder}`, { recursive: true });
  chmodSync(`${run}/lock`, 0o1777);
  for (const [name, text] of Object.entries(UDEV_DATA))
    writeFileSync(`${run}/udev/data/${name}`, `${text}\n`);
  return run;
}

/** What the helper finds on a host with this /sys. */
async function surveyOf(grow: (tree: SysfsTree) => void): Promise<HostFacts> {
  const root = `${bench.workspace.path}/sys${Math.random()}`;
  mkdirSync(root);
  grow(new SysfsTree(root));
  const consoles = bench.workspace.write("consoles", "tty0 -WU (EC p ) 4:7\nttyS4 -W- (E  p a) 4:68\n");
  const swaps = bench.workspace.write("swaps", "Filename Type Size Used Priority\n");
  const sshd = await bench.startSshd({
    sysfs: root,
    inPlaceOf: [
      ["/proc/consoles", consoles],
      ["/proc/swaps", swaps],
      ["/run", makeRun()],
    ],
  });
  return openHelper(await bench.pool().acquire(sshd.target(bench.login))).readFacts();
}

const usesOf = (facts: HostFacts, address: string): string[] =>
  findHostUses(facts)
    .filter((one) => one.hostAddress === address)
    .map(describeHostUse);
const beneathOf = (facts: HostFacts, address: string) =>
  (findBeneath(facts.beneath).get(address as PciAddress) ?? []).map(({ kind, name, detail, traits }) =>
    [kind, name, detail ?? "-", ...(traits ?? [])].join(" "),
  );

describe("A host with devices below devices", () => {
  let facts: HostFacts;
  beforeAll(async () => {
    facts = await surveyOf((tree) => {
      for (const add of [addVmd, addGraphics, addUsb, addServerParts, addPrograms]) add(tree);
      // as of a kernel that is being changed
      tree.linkTo("class/sound/card7", "card8");
      tree.linkTo("class/sound/card8", "card7");
      tree.linkTo("class/tpm/tpm9", "/nowhere");
    });
  });

  it("has the disk behind VMD on each function that leads to it", () => {
    for (const address of ["0000:c0:05.5", "10000:00:02.0", "10000:e1:00.0"]) {
      expect(usesOf(facts, address)).toEqual([
        "has disk nvme0n1p2, which is mounted in another mount namespace (ext4)",
      ]);
      expect(findHostDevices(facts).get(address as PciAddress)?.disks).toEqual(["nvme0n1"]);
    }
  });

  it("has a console and a picture on its graphics card, and sound beside it", () => {
    expect(usesOf(facts, "0000:65:00.0")).toEqual([
      "has display card1-HDMI-A-1, which shows a picture",
      "has display fb0, which the host's console is on",
    ]);
    expect(usesOf(facts, "0000:64:00.0")).toEqual(usesOf(facts, "0000:65:00.0"));
    expect(beneathOf(facts, "0000:65:00.1")).toEqual(["sound card0 HDMI"]);
    expect(usesOf(facts, "0000:65:00.1")).toEqual([]);
    expect(usesOf(facts, "0000:c0:01.0")).toEqual([]);
    expect(beneathOf(facts, "0000:c0:01.0")).toEqual(["display card0 -"]);
  });

  it("has keyboard, mouse and disk on its USB controller, and no hub", () => {
    expect(beneathOf(facts, "0000:00:14.0")).toEqual([
      "usb 1-1.4 Dell KB216 Wired Keyboard keyboard",
      "usb 1-5 Мышь \\u001b[31mоптическая\\u202e mouse",
      "usb 2-1 0781:5583 storage",
      "input input3 Dell KB216 Wired Keyboard keyboard",
    ]);
    expect(facts.beneath.find((one) => one.kind === "input")?.within).toBe("1-1.4");
    expect(usesOf(facts, "0000:00:14.0")).toEqual([]);
    expect(findHostDevices(facts).get("0000:00:14.0" as PciAddress)?.disks).toEqual(["sdb"]);
  });

  it.each([
    ["0000:03:00.0", "has serial port ttyS4, which the host's console is on"],
    ["0000:00:1c.0", "has serial port ttyS4, which the host's console is on"],
    ["0000:3b:00.2", "has vDPA device vdpa0, which driver vhost_vdpa has"],
    ["0000:05:00.0", "has mediated device 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001, which is made for guests"],
    ["0000:00:1f.4", "has the host's watchdog watchdog0"],
    ["0000:01:00.6", "has the host's IPMI ipmi0"],
    ["0000:01:00.7", "has the host's TPM tpm0"],
    ["0000:00:0d.2", "has Thunderbolt device 0-1 (CalDigit, Inc. TS4)"],
    ["0000:87:00.0", "is on driver uio_pci_generic, which is for a program of the host's"],
  ])("uses %s for what it is: %s", (address, use) => {
    expect(usesOf(facts, address)).toEqual([use]);
  });

  it("computes on the one of two GPUs that a process has memory of", () => {
    expect(usesOf(facts, "0000:86:00.0").join()).toMatch(/^is computed on by process \d+ \(.+\)$/);
    expect(usesOf(facts, "0000:85:00.0")).toEqual([]);
  });

  it("needs no function for RDMA alone, which is told", () => {
    expect(usesOf(facts, "0000:3b:00.0")).toEqual([]);
    expect(beneathOf(facts, "0000:3b:00.0")).toEqual(["rdma mlx5_0 -"]);
  });

  it("has all of it looked at, as root, with nothing left unread", () => {
    expect(facts.lookedAs).toBe(0);
    expect(facts.beneathLook).toMatchObject({ leftOut: [], among: [] });
    expect(facts.unread).toEqual([]);
  });
});

describe("A host with very many devices", () => {
  it("has the first looked at, and counts what may be anywhere", async () => {
    const facts = await surveyOf((tree) => {
      tree.addFunction("pci0000:00/0000:00:02.0");
      tree.addFunction("pci0000:00/0000:00:03.0");
      const device = "pci0000:00/0000:00:02.0/mdev";
      tree.add(device);
      for (let n = 0; n < 10_000; n++) tree.link("bus/mdev/devices", device, `mdev${n}`);
    });
    expect(facts.beneath.length).toBeLessThanOrEqual(512);
    expect(usesOf(facts, "0000:00:03.0")).toEqual([
      "may have a mediated device: not all of the host's were looked at",
    ]);
    expect(usesOf(facts, "0000:00:02.0")).toHaveLength(9);
    expect(findHostNotes(facts).map(describeHostNote)).toContain(
      "not all of the host's devices were looked at, and counts as used where it may be: 9488 of kind mdev",
    );
  });

  it("is not waited for where its kernel does not tell of its consoles", async () => {
    let fifo = "";
    const facts = await surveyOf((tree) => {
      tree.addFunction("pci0000:00/0000:00:02.0");
      tree.addTo("class/vtconsole", "virtual/vtconsole/vtcon0", { name: "(S) VGA+" });
      fifo = `${tree.root}/devices/virtual/vtconsole/vtcon0/bind`;
      execFileSync("mkfifo", [fifo]);
    });
    // whoever opened it waits for one who writes
    closeSync(openSync(fifo, constants.O_RDWR));
    expect(usesOf(facts, "0000:00:02.0")).toEqual([
      "may have a display in use: not all of the host's were looked at",
      "may have a serial console: not all of the host's were looked at",
    ]);
  });

  it("is a host without any where the kernel has no such folders", async () => {
    const facts = await surveyOf(() => undefined);
    expect(facts.beneath).toEqual([]);
    expect(facts.beneathLook?.kinds.has("display")).toBe(true);
  });
});
