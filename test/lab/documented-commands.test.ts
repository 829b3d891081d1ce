import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually";
import { looks } from "../support/documents/commands";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const repository = join(__dirname, "../..");
const e1000e = ["e1000e", "e1000e", "e1000e", "e1000e"];

/** The block of shell in a document that begins with these words, a line each. */
function block(document: string, start: string): string[] {
  const text = readFileSync(join(__dirname, "../../docs", document), "utf8");
  const found = [...text.matchAll(/^```sh\n(.*?)^```/gms)].find(([, one]) => one!.startsWith(start));
  if (found === undefined) throw new Error(`${document} has no block that begins with ${start}`);
  return found[1]!.trim().split("\n");
}

test("each command of the guides for a look runs there and shows something", async () => {
  await lab.create();
  const shown: Record<string, string> = {};
  for (const command of looks) {
    const { code, stdout, stderr } = await lab.lab.exec(command.replace("GUEST", "guest1"));
    expect({ command, code, stderr }).toMatchObject({ command, code: 0 });
    shown[command] = stdout;
  }
  expect(shown["lspci -k"]).toContain("Kernel driver in use: vfio-pci");
  expect(shown["virsh dumpxml guest1"]).toContain("ua-mfpci-");
  expect(shown["virsh qemu-monitor-command guest1 --hmp 'info qtree'"]).toMatch(/id "mfpci-/);
  expect(shown["ls /sys/bus/pci/devices/0000:01:00.0/iommu_group/devices"]!.trim().split("\n")).toHaveLength(
    4,
  );
});

test("what docs/troubleshooting.md says to do by hand gives everything back, in its order", async () => {
  const { outs } = await lab.create();
  const [first] = outs["attached"] as { qemuId: string }[];
  const [, tag = ""] = /^mfpci-(\w+)-f0$/.exec(first!.qemuId) ?? [];
  const [plugged = "", unplug = "", held = "", detach = ""] = block("troubleshooting.md", "virsh ").map(
    (line) => line.replace("TAG", tag),
  );
  const run = async (command: string): Promise<string> => {
    const { code, stdout, stderr } = await lab.lab.exec(command);
    expect({ command, code, stderr }).toMatchObject({ command, code: 0 });
    return stdout;
  };
  expect((await run(plugged)).trim().split("\n")).toHaveLength(4);
  await run(unplug);
  await eventually(async () => (await lab.lab.exec(plugged)).stdout, "");
  // QEMU's list is empty a moment before it has closed the group (docs/internals/qemu.md); a person is slower
  // than that.
  await new Promise((done) => setTimeout(done, 2000));
  expect((await run(held)).trim().split("\n").length).toBeGreaterThanOrEqual(4);
  for (const number of [0, 1, 2, 3]) await run(detach.replace("00-0 --live", `00-${number} --live`));
  await eventually(() => lab.driversOf(NIC), e1000e);
});

test("a function without driver gets it back as docs/errors.md has it", async () => {
  const at = `${NIC}.2`;
  await lab.lab.exec(`echo ${at} > /sys/bus/pci/devices/${at}/driver/unbind`);
  expect((await lab.driversOf(NIC))[2]).toBeNull();
  await lab.lab.exec("echo ADDRESS > /sys/bus/pci/drivers_probe".replace("ADDRESS", at));
  expect(await lab.driversOf(NIC)).toEqual(e1000e);
});

describe("from this machine", () => {
  const folder = mkdtempSync(join(tmpdir(), "multifunction-pci-commands-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a line of a document in bash, with the lab's port, key and host in it. */
  function run(line: string) {
    const { host, port, privateKey } = lab.lab.ssh;
    writeFileSync(join(folder, "key"), privateKey, { mode: 0o600 });
    const options = [
      `-i ${folder}/key`,
      ...[
        `Port=${port}`,
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
      ].map((option) => `-o ${option}`),
    ].join(" ");
    const here = line.replace(/^(ssh|scp)\b/, `$1 ${options}`).replace(/HOST|hv1/, host);
    const { status, stdout, stderr } = spawnSync("bash", ["-c", here], { cwd: repository, encoding: "utf8" });
    return { status, stdout, stderr: stderr.replace(/^Warning: Permanently added .*\r?\n/m, "") };
  }

  test("the account is checked as docs/security.md has it", async () => {
    const account = [
      ...block("security.md", "useradd "),
      "cut -d ' ' -f 1,2 /root/.ssh/authorized_keys > ~pulumi-pci/.ssh/authorized_keys",
    ];
    expect(await lab.lab.exec(account.join("\n"))).toMatchObject({ code: 0 });
    // ssh … bash -c true; ssh … virsh … list
    const [silent, list] = block("security.md", "ssh pulumi-pci@HOST").map(run);
    expect(silent).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(list!.stdout).toMatch(/guest1 +running/);
    expect(run("ssh -v root@hv1 true").stderr).toMatch(/^(debug1: )?Authenticated to /m);
    expect(run("ssh-add -l").status).not.toBe(127); // an agent is nobody's duty
  });

  test("the host program is installed as docs/security.md has it", async () => {
    const [copy = "", ...asRoot] = block("security.md", "scp ");
    expect(
      run(copy.replace("HOST", "root@HOST").replace("node_modules/pulumi-multifunction-pci/", "")),
    ).toMatchObject({
      status: 0,
    });
    // sudo itself is not on this host
    const withoutSudo = asRoot.filter((line) => line !== "visudo -c");
    const script = ["set -e", "cd /root", "mkdir -p /etc/sudoers.d", ...withoutSudo].join("\n");
    expect(await lab.lab.exec(script)).toMatchObject({ code: 0 });
    const { stdout } = await lab.lab.exec(
      "stat -c '%U %a' /usr/local/sbin/multifunction-pci-host /etc/multifunction-pci-host.conf; " +
        "cat /etc/multifunction-pci-host.conf /etc/sudoers.d/*",
    );
    const lines = stdout.trim().split("\n");
    expect(lines.slice(0, 5)).toEqual([
      "root 755",
      "root 644",
      "socket /run/qemu/vm100.qmp",
      "device 0000:01:00",
      "change pulumi-pci",
    ]);
    expect(lines.at(-1)).toBe('pulumi-pci ALL=(root) NOPASSWD: /usr/local/sbin/multifunction-pci-host ""');
  });
});

describe("docs/virtual-functions.md", () => {
  const settings = block("virtual-functions.md", "ip link set eth1 up");
  const switchdev = block("virtual-functions.md", "devlink dev eswitch set ");
  const isOfCard = (line: string) => /\bvf 0\b|^devlink dev eswitch|^devlink port function/.test(line);
  const lines = [...settings, ...switchdev, "devlink dev eswitch show pci/0000:01:00.0"];

  /**
   * No card here has virtual functions, so that of what ends in a card's driver only iproute2's part is
   * shown: it takes the words and asks the kernel, which declines.
   */
  const kernelDeclines =
    /^(RTNETLINK answers|kernel answers|devlink answers|Error): .*(not supported|No such device|not found)/im;

  /** In a network namespace of its own, with interfaces of these names and a bridge. */
  const inNamespace = (commands: readonly string[]) => {
    const script = [
      "set -e",
      "ip link add eth1 type dummy",
      "ip link add eth1_0 type dummy",
      "ip link add br0 type bridge vlan_filtering 1",
      ...commands,
    ];
    return lab.lab.exec(`unshare --net bash <<'END'\n${script.join("\n")}\nEND`);
  };

  test("iproute2 takes what is for a card, and the rest runs", async () => {
    expect(lines.filter(isOfCard)).toHaveLength(9);
    for (const line of lines.filter(isOfCard)) {
      const { code, stderr } = await inNamespace([line]);
      expect({ line, code, stderr }).toEqual({
        line,
        code,
        stderr: expect.stringMatching(kernelDeclines) as string,
      });
      expect(code).not.toBe(0);
    }
    expect((await inNamespace(["ip link set eth1 vf 0 spoofcheck on"])).stderr).not.toMatch(kernelDeclines);
    expect(await inNamespace(lines.filter((line) => !isOfCard(line)))).toMatchObject({ code: 0, stderr: "" });
  });
});
