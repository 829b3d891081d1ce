import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { connectLab, GUESTS, type Lab } from "../../lab";
import { eventually } from "../support/eventually";

let lab: Lab;

beforeAll(async () => {
  lab = await connectLab();
  // Once: but for the last one, the tests here only look.
  await lab.restore();
});
afterAll(() => lab.close());

async function onHost(command: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(command);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

describe("The lab's host", () => {
  test.each(["0000:01:00", "0000:02:00"])(
    "has four functions on e1000e in %s, in one IOMMU group of their own",
    async (slot) => {
      const functions = [0, 1, 2, 3].map((number) => `${slot}.${number}`);
      const drivers = await lab.hostDrivers();
      expect(functions.map((address) => drivers[address])).toEqual(["e1000e", "e1000e", "e1000e", "e1000e"]);
      const group = await onHost(`ls /sys/bus/pci/devices/${slot}.0/iommu_group/devices`);
      expect(group.split("\n")).toEqual(functions);
    },
  );

  test("has sixteen devices of two functions, each in one IOMMU group of its own", async () => {
    const drivers = await lab.hostDrivers();
    // that driver is in Linux from 5.13 on
    const driver = lab.release === "bullseye" ? null : "pvpanic-pci";
    const groups = await onHost(
      "cd /sys/kernel/iommu_groups && for g in *; do echo $(ls $g/devices); done | grep '^0000:00:[01][0-9a-f].0 '",
    );
    for (let slot = 0x8; slot < 0x18; slot++) {
      const functions = [0, 1].map((n) => `0000:00:${slot.toString(16).padStart(2, "0")}.${n}`);
      expect(functions.map((address) => drivers[address])).toEqual([driver, driver]);
      expect(groups.split("\n")).toContain(functions.join(" "));
    }
  });

  test("has its SSH connection and its root disk on functions that are nobody else's", async () => {
    expect(
      await onHost(
        "basename $(readlink -f /sys/class/net/$(ip -o route show default | cut -d' ' -f5)/device/..)",
      ),
    ).toBe("0000:00:02.0");
    expect(await onHost("findmnt --noheadings --output SOURCE /")).toBe("/dev/vda");
    expect(await onHost("basename $(readlink -f /sys/block/vda/device/..)")).toBe("0000:00:03.0");
    for (const address of ["0000:00:02.0", "0000:00:03.0"]) {
      expect(await onHost(`ls /sys/bus/pci/devices/${address}/iommu_group/devices`)).toBe(address);
    }
  });

  test("confines each guest's QEMU by AppArmor, in enforce mode, to its own profile", async () => {
    const labels = await onHost(
      "for pid in $(pidof qemu-system-x86_64); do cat /proc/$pid/attr/current; done",
    );
    const uuids = await Promise.all(GUESTS.map((guest) => onHost(`virsh domuuid ${guest}`)));
    expect(labels.split("\n").sort()).toEqual(uuids.map((uuid) => `libvirt-${uuid} (enforce)`).sort());
  });

  test("lets a member of the group libvirt manage guests, and nobody else without root", async () => {
    const list = "virsh --connect qemu:///system list --name";
    expect((await onHost(`runuser -u operator -- ${list}`)).split("\n").sort()).toEqual([...GUESTS]);
    const outsider = await lab.exec(`runuser -u outsider -- ${list}`);
    expect(outsider).toMatchObject({
      code: 1,
      stdout: expect.not.stringContaining("guest") as string,
    });
    expect(outsider.stderr).toContain("authentication unavailable");
  });

  test.each(["root", "operator", "outsider"] as const)(
    "lets %s log in with the lab's key, by the lab's host key",
    async (user) => {
      const folder = mkdtempSync(join(tmpdir(), "multifunction-pci-known-hosts-"));
      try {
        const knownHosts = join(folder, "known_hosts");
        writeFileSync(knownHosts, `[127.0.0.1]:${lab.ssh.port} ${lab.ssh.hostKey}\n`);
        const options = ["-F", "none", "-o", "BatchMode=yes", "-o", `UserKnownHostsFile=${knownHosts}`];
        const args = [...options, "-i", lab.ssh.privateKeyFile, "-p", String(lab.ssh.port)];
        const { stdout } = await promisify(execFile)("ssh", [...args, `${user}@127.0.0.1`, "whoami"]);
        expect(stdout.trim()).toBe(user);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test("runs commands at once, with input, and tells output, errors and exit code apart", async () => {
    const results = await Promise.all([
      lab.exec("sleep 1; echo slow"),
      lab.exec("cat; echo oops >&2; exit 7", { input: "gr\u00fcn\n'x'" }),
      lab.exec("kill -TERM $$"),
    ]);
    expect(results).toEqual([
      { stdout: "slow\n", stderr: "", code: 0 },
      { stdout: "gr\u00fcn\n'x'", stderr: "oops\n", code: 7 },
      { stdout: "", stderr: "", code: 143 },
    ]);
    await expect(lab.exec("sleep 30", { timeoutMs: 300 })).rejects.toThrow("limit 300 ms");
    expect((await lab.exec("seq 100000")).stdout).toHaveLength(588_895);
  });

  test("has the time of the machine that it runs on, whatever its state", async () => {
    const seconds = Number(await onHost("date +%s"));
    expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(10);
  });
});

describe.each(GUESTS)("%s", (guest) => {
  test("answers on its console, and shows that no device was plugged yet", async () => {
    expect(await lab.guestConsole(guest, "echo $((6 * 7))")).toBe("42\n");
    const functions = await lab.guestPciFunctions(guest);
    expect(functions).toContain("0000:00:01.7");
    // Behind its root ports there is libvirt's USB controller only.
    expect(functions.filter((address) => !address.startsWith("0000:00:"))).toEqual(["0000:01:00.0"]);
  });

  test("tells when a command in it fails, and takes the next one", async () => {
    await expect(lab.guestConsole(guest, "ls /nowhere")).rejects.toThrow(/ended with 1.*\/nowhere/s);
    await expect(lab.guestConsole(guest, "if ; then")).rejects.toThrow("syntax error");
    expect(await lab.guestConsole(guest, "echo again")).toBe("again\n");
  });

  test("has eight hotpluggable root ports, whose QEMU answers", async () => {
    const ports = await Promise.all(
      [1, 2, 3, 4, 5, 6, 7, 8].map((index) =>
        lab.qmp(guest, "qom-get", {
          path: `/machine/peripheral/pci.${index}`,
          property: "hotplug",
        }),
      ),
    );
    expect(ports).toEqual(Array(8).fill(true));
    await expect(lab.qmp(guest, "device_del", { id: "nobody" })).rejects.toThrow("DeviceNotFound");
  });
});

// That VFIO works after it is what every other file of this tier shows.
describe("Restoring", () => {
  const address = "0000:01:00.3";

  test("undoes what was done to devices, files and guests", async () => {
    await onHost("echo changed >/root/changed");
    await lab.guestConsole("guest1", "echo changed >/tmp/changed");
    await onHost("virsh nodedev-detach pci_0000_01_00_3");
    await onHost("virsh destroy guest2");
    expect(await lab.hostDriver(address)).toBe("vfio-pci");

    await lab.restore();

    expect(await lab.hostDriver(address)).toBe("e1000e");
    expect(await onHost("ls /root/changed 2>/dev/null || echo none")).toBe("none");
    await expect(lab.guestConsole("guest1", "cat /tmp/changed")).rejects.toThrow("No such file");
    expect(await lab.guestConsole("guest2", "echo alive")).toBe("alive\n");
    expect((await onHost("virsh list --name --state-running")).split("\n").sort()).toEqual([...GUESTS]);
  });

  test("leaves the host its clock source, since its loss patches the scheduler", async () => {
    await lab.save("just-now");
    await lab.restore("just-now");
    // the kernel compares its clocks twice a second
    await sleep(1_500);
    expect(await onHost("cat /sys/devices/system/clocksource/clocksource0/current_clocksource")).toBe("tsc");
    expect(await onHost("dmesg | grep -c 'Marking TSC unstable' || true")).toBe("0");
  });
});

// the last one here: what other tests have saved in the machine is lost with it
describe("A machine that has ended of itself", () => {
  test("is started anew by the next who connects", async () => {
    const { runFolder } = lab;
    const pid = Number(readFileSync(join(runFolder, "qemu.pid"), "utf8"));
    await lab.close();
    process.kill(pid, "SIGKILL");
    await eventually(async () => existsSync(`/proc/${pid}`), false);
    lab = await connectLab();
    expect(lab.runFolder).toBe(runFolder);
    expect((await onHost("virsh list --name --state-running")).split("\n").sort()).toEqual([...GUESTS]);
    await lab.restore();
  });
});
