import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { FunctionFacts } from "../../provider/host/facts";
import { findFunctionNotes, findFunctionUses } from "../../provider/host/uses";
import { HostRequests } from "../../provider/hypervisor/plain-qemu";
import { HOST_FOLDERS } from "../../provider/hypervisor/plain-qemu/program/host-folders";
import { describeHostUse } from "../../provider/plan";
import { at } from "../support/desired";
import { openHelper } from "../support/open-helper";
import { Bench, waitUntil } from "../support/sshd";

jest.setTimeout(60_000);

/** A made-up /sys and /proc. */
class Tree {
  readonly root = mkdtempSync(join(tmpdir(), "multifunction-pci-details-"));

  write(name: string, text: string | Buffer): void {
    mkdirSync(dirname(join(this.root, name)), { recursive: true });
    writeFileSync(join(this.root, name), text);
  }

  link(name: string, target: string): void {
    mkdirSync(dirname(join(this.root, name)), { recursive: true });
    symlinkSync(relative(dirname(join(this.root, name)), join(this.root, target)), join(this.root, name));
  }

  /** @param place the folder of its bus */
  addFunction(place: string, address: string, said: Readonly<Record<string, string | Buffer>>): void {
    const { driver, group = "", ...files } = said;
    const dir = `${place}/${address}`;
    for (const [name, text] of Object.entries({ class: "0x020000\n", enable: "1\n", ...files }))
      this.write(`${dir}/${name}`, text);
    this.link(`sys/bus/pci/devices/${address}`, dir);
    this.write(`sys/kernel/iommu_groups/${String(group)}/type`, "DMA\n");
    this.link(`sys/kernel/iommu_groups/${String(group)}/devices/${address}`, dir);
    this.link(`${dir}/iommu_group`, `sys/kernel/iommu_groups/${String(group)}`);
    if (driver === undefined) return;
    this.write(`sys/module/${String(driver)}/refcnt`, "1\n");
    this.write(`sys/bus/pci/drivers/${String(driver)}/unbind`, "");
    this.link(`${dir}/driver`, `sys/bus/pci/drivers/${String(driver)}`);
  }
}

const ROOT_BUS = "sys/devices/pci0000:00";
const BEHIND = `${ROOT_BUS}/0000:00:1c.0`;
const SOUND = `${ROOT_BUS}/0000:00:1f.3/sound/card0`;

describe("The look at functions before they are taken", () => {
  const bench = new Bench();
  const tree = new Tree();
  let opener: ChildProcess;
  let requests: HostRequests;
  let facts: FunctionFacts;

  beforeAll(async () => {
    // in mounts of its own, where it has a sound card's node open
    const open = "mount -t tmpfs none /dev && mkdir /dev/snd && : >/dev/snd/controlC0 && exec sleep 600 <&7";
    opener = spawn("unshare", [
      "--mount",
      "bash",
      "-c",
      open.replace("exec", "exec 7</dev/snd/controlC0 && exec"),
    ]);
    makeHost(tree, opener.pid ?? 0);
    const sshd = await bench.startSshd();
    const folders = { ...HOST_FOLDERS, sysfs: join(tree.root, "sys"), procfs: join(tree.root, "proc") };
    requests = new HostRequests(await bench.pool().acquire(sshd.target(bench.login)), "login", folders);
    const names = ["0000:00:1f.3", "0000:01:00", "0000:02:10.0"];
    await waitUntil("the sound card is open", async () => {
      facts = await requests.helper.readFunctionFacts(names);
      return facts.functions.get(at("0000:00:1f.3"))?.open.length === 2;
    });
  });
  afterAll(async () => {
    opener.kill("SIGKILL");
    await bench.tearDown();
    rmSync(tree.root, { recursive: true, force: true });
  });

  it("names who has a sound card open, and what it plays", () => {
    expect(findFunctionUses(facts).map((one) => `${one.hostAddress} ${describeHostUse(one)}`)).toEqual([
      `0000:00:1f.3 is open on the host: snd/controlC0 by process ${opener.pid} (sleep), ` +
        `card0/pcm0p/sub0 by process ${opener.pid} (sleep)`,
    ]);
    expect([facts.seen, findFunctionNotes(facts)]).toEqual(["all", []]);
  });

  it("tells how each is reset, with what else is on its bus", () => {
    const of = (address: string) => facts.functions.get(at(address));
    expect(of("0000:00:1f.3")).toMatchObject({ bus: "root", resetMethods: ["pm"], canReset: true });
    expect(of("0000:01:00.0")).toMatchObject({
      bus: "0000:00:1c.0",
      resetMethods: ["bus"],
      driver: "e1000e",
    });
    expect(of("0000:01:00.1")).toMatchObject({ canReset: false });
    expect(of("0000:01:00.1")?.resetMethods).toBeUndefined();
    // named by nobody, and on the same bus
    expect(of("0000:01:01.0")).toBeDefined();
    expect(of("0000:00:1d.0")).toBeUndefined();
  });

  it("sees a card that reads as all ones, and no virtual function as one", () => {
    const answers = ["0000:01:00.0", "0000:01:00.1", "0000:02:10.0"].map(
      (one) => facts.functions.get(at(one))?.answers,
    );
    expect(answers).toEqual([true, false, undefined]);
  });

  it("reads what of the host decides about VFIO", () => {
    expect(facts).toMatchObject({ interrupts: "plain", allowsUnsafeInterrupts: false });
    expect([...facts.directRegions]).toEqual([[9, ["0x000000007b800000 0x000000007b8fffff"]]]);
  });

  it("is of all functions where none is named", async () => {
    const all = await requests.helper.readFunctionFacts([]);
    expect([...all.functions.keys()]).toContain("0000:00:1d.0");
  });

  it("takes what is no address for none, and this machine as it is", async () => {
    const nothing = await requests.helper.readFunctionFacts(["0000:99:00", "../../etc", "$(id)", "*"]);
    expect(nothing.functions.size).toBe(0);
    const sshd = await bench.startSshd();
    const own = openHelper(await bench.pool().acquire(sshd.target(bench.login)));
    expect(await own.readFunctionFacts([])).toMatchObject({ seen: "all" });
  });
});

/** A sound card that plays, a card of two functions, one more on its bus, and a virtual function. */
function makeHost(tree: Tree, opener: number): void {
  const intel = Buffer.from([0x86, 0x80, 0, 0]);
  tree.addFunction(ROOT_BUS, "0000:00:1f.3", {
    ...{ class: "0x040300\n", driver: "snd_hda_intel", group: "12", reset: "", reset_method: "pm\n" },
    ...{ power_state: "D0\n", config: intel },
  });
  tree.link("sys/bus/pci/drivers/snd_hda_intel/module", "sys/module/snd_hda_intel");
  tree.write(`${SOUND}/uevent`, "");
  tree.link(`${SOUND}/device`, `${ROOT_BUS}/0000:00:1f.3`);
  tree.link("sys/class/sound/card0", SOUND);
  tree.write(`${SOUND}/controlC0/uevent`, "MAJOR=116\nMINOR=2\nDEVNAME=snd/controlC0\n");
  tree.link("sys/class/sound/controlC0", `${SOUND}/controlC0`);
  tree.write("proc/asound/card0/pcm0p/sub0/status", `state: RUNNING\nowner_pid   : ${opener}\n`);
  tree.write("proc/asound/card0/pcm0c/sub0/status", "closed\n");
  symlinkSync(`/proc/${opener}`, join(tree.root, "proc", String(opener)));
  tree.addFunction(BEHIND, "0000:01:00.0", {
    ...{ driver: "e1000e", group: "9", reset: "", reset_method: "bus\n", config: intel },
  });
  tree.addFunction(BEHIND, "0000:01:00.1", { group: "9", config: Buffer.alloc(4, 0xff) });
  tree.addFunction(BEHIND, "0000:01:01.0", { driver: "e1000e", group: "10", config: intel });
  tree.addFunction(ROOT_BUS, "0000:00:1d.0", { group: "11" });
  tree.addFunction(`${ROOT_BUS}/0000:00:1d.0`, "0000:02:10.0", {
    ...{ group: "13", reset: "", reset_method: "flr\n", config: Buffer.alloc(4, 0xff), physfn: "" },
  });
  tree.write(
    "sys/kernel/iommu_groups/9/reserved_regions",
    "0x000000007b800000 0x000000007b8fffff direct\n0x00000000000a0000 0x00000000000bffff direct-relaxable\n" +
      "0x00000000fee00000 0x00000000feefffff msi\n",
  );
  tree.write("proc/interrupts", "           CPU0\n  0:         17   IO-APIC   2-edge      timer\n");
  tree.write("sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", "N\n");
}
