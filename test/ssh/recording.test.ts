import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { HostFacts, PciListing } from "../../provider/host/facts";
import { recordingOf, type HostRecording } from "../../provider/host/recording";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";

jest.setTimeout(60_000);

const bench = new Bench();
afterAll(() => bench.tearDown());

/** Puts a made-up /sys into a folder. Paths begin with /sys. */
class Tree {
  readonly root: string;

  constructor(name: string) {
    this.root = join(bench.workspace.path, name);
    mkdirSync(this.root);
  }

  folder(path: string): void {
    mkdirSync(this.#at(path), { recursive: true });
  }

  file(path: string, ...lines: readonly string[]): void {
    mkdirSync(dirname(this.#at(path)), { recursive: true });
    writeFileSync(this.#at(path), lines.map((line) => `${line}\n`).join(""));
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(this.#at(path)), { recursive: true });
    symlinkSync(target, this.#at(path));
  }

  /** A link as sysfs has it: relative, to a folder. */
  linkTo(path: string, target: string): void {
    this.folder(target);
    this.link(path, relative(dirname(path), target));
  }

  #at(path: string): string {
    return path.replace(/^\/sys/, this.root);
  }
}

const HBA = "/sys/devices/pci0000:00/0000:00:01.0/0000:03:00.0";
const NIC = "/sys/devices/pci0000:00/0000:00:02.0/0000:04:00.0";
const SECRET = "acme-hv1";
const SERIAL = "S3X9NX0K123456A";

function original(): Tree {
  const tree = new Tree("original");
  const add = (path: string, vendor: string, classCode: string, driver: string, group: number): void => {
    tree.file(`${path}/vendor`, vendor);
    tree.file(`${path}/device`, "0x0001");
    tree.file(`${path}/class`, classCode);
    tree.file(`${path}/numa_node`, "0");
    tree.file(`${path}/serial_number`, SERIAL);
    tree.linkTo(`${path}/driver`, `/sys/bus/pci/drivers/${driver}`);
    tree.linkTo(`${path}/iommu_group`, `/sys/kernel/iommu_groups/${group}`);
    tree.linkTo(`/sys/bus/pci/devices/${path.split("/").at(-1)}`, path);
  };
  add(HBA, "0x1000", "0x010700", "mpt3sas", 7);
  add(NIC, "0x15b3", "0x020000", "mlx5_core", 8);
  tree.file(`${NIC}/sriov_numvfs`, "1");
  tree.linkTo(`${NIC}/virtfn0`, "/sys/devices/pci0000:00/0000:00:02.0/0000:04:00.1");
  tree.linkTo("/sys/class/net/enp4s0f0", `${NIC}/net/enp4s0f0`);
  tree.linkTo(`/sys/class/net/${SECRET}`, `/sys/devices/virtual/net/${SECRET}`);
  tree.linkTo(`/sys/devices/virtual/net/${SECRET}/lower_enp4s0f0`, `${NIC}/net/enp4s0f0`);
  tree.file(`${NIC}/net/enp4s0f0/address`, "52:54:00:ab:cd:ef");
  tree.folder("/sys/devices/pci0000:00/0000:00:02.0/0000:04:00.1/net");
  tree.linkTo("/sys/bus/pci/devices/0000:04:00.1", "/sys/devices/pci0000:00/0000:00:02.0/0000:04:00.1");
  const sda = `${HBA}/host0/target0:0:0/0:0:0:0/block/sda`;
  tree.file(`${sda}/dev`, "8:0");
  tree.file(`${sda}/wwid`, SERIAL);
  tree.linkTo("/sys/class/block/sda", sda);
  tree.file(`${sda}/sda1/dev`, "8:1");
  tree.file(`${sda}/sda1/partition`, "1");
  tree.linkTo("/sys/class/block/sda1", `${sda}/sda1`);
  const dm = "/sys/devices/virtual/block/dm-0";
  tree.file(`${dm}/dev`, "253:0");
  tree.file(`${dm}/dm/name`, `${SECRET}-root`);
  tree.file(`${dm}/dm/uuid`, `LVM-${SERIAL}`);
  tree.linkTo(`${dm}/slaves/sda1`, `${sda}/sda1`);
  tree.linkTo("/sys/class/block/dm-0", dm);
  return tree;
}

function replay({ folders, links, files }: HostRecording): Tree {
  const tree = new Tree("replayed");
  for (const path of folders) tree.folder(path);
  for (const [path, ...lines] of files) tree.file(path, ...lines);
  for (const [path, target] of links) {
    // what a link leads to has to be there, also where nothing of it is recorded
    if (!target.startsWith("/")) tree.folder(join(dirname(path), target));
    tree.link(path, target);
  }
  return tree;
}

async function lookOf({ root }: Tree): Promise<{
  readonly facts: HostFacts;
  readonly listing: PciListing;
  readonly recording: HostRecording;
}> {
  const sshd = await bench.startSshd({ inPlaceOf: [["/sys", root]] });
  const helper = openHelper(await bench.pool().acquire(sshd.target(bench.login)));
  return {
    facts: await helper.readFacts(),
    listing: await helper.listFunctions(),
    recording: recordingOf(await helper.readTree()),
  };
}

type Answers = Pick<Awaited<ReturnType<typeof lookOf>>, "facts" | "listing">;

/** What is found, with other names for some. */
function answersOf({ facts, listing }: Answers, names: Readonly<Record<string, string>> = {}): object {
  const { interfaces, disks, physicalFunctions, functionsWithHiddenInterface } = facts;
  const text = JSON.stringify({
    interfaces: interfaces.map(({ name, hostAddress, lowerInterfaces }) => [
      name,
      hostAddress,
      lowerInterfaces,
    ]),
    disks,
    ...{ physicalFunctions, functionsWithHiddenInterface },
    functions: listing.functions,
  });
  const named = Object.entries(names).reduce(
    (all, [from, to]) => all.replaceAll(`"${from}"`, `"${to}"`),
    text,
  );
  const answers = JSON.parse(named) as { interfaces: [string][] };
  return { ...answers, interfaces: answers.interfaces.sort(([a], [b]) => a.localeCompare(b)) };
}

test("a recording that is replayed has the same answers", async () => {
  const first = await lookOf(original());
  const text = JSON.stringify(first.recording);
  for (const secret of [SECRET, SERIAL, "52:54:00"]) expect(text).not.toContain(secret);
  const again = await lookOf(replay(first.recording));
  const [, bridge = ""] = /\/sys\/class\/net\/(name\d+)/.exec(text) ?? [];
  const mapped = first.recording.files.find(([path]) => path.endsWith("/dm/name"))?.[1] ?? "";
  expect(answersOf(again)).toEqual(answersOf(first, { [SECRET]: bridge, [`${SECRET}-root`]: mapped }));
  expect(again.facts).toMatchObject({
    physicalFunctions: [{ hostAddress: "0000:04:00.0", virtualFunctions: ["0000:04:00.1"] }],
    functionsWithHiddenInterface: ["0000:04:00.1"],
  });
  expect(again.facts.disks.map(({ name, hostAddress = "-" }) => `${name} ${hostAddress}`)).toEqual([
    "dm-0 -",
    "sda 0000:03:00.0",
    "sda1 0000:03:00.0",
  ]);
  expect(again.recording.files).toEqual(first.recording.files);
});
