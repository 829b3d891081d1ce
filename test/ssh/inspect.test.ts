import { execFile } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import path from "node:path";
import type { PciDevices } from "../../sdk/nodejs";
import { Bench, fingerprint, publicLine, type Sshd } from "../support/sshd";

const bin = path.resolve(__dirname, "../../dist/cli/index.js");
const sysfs = "/sys/bus/pci/devices";

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line as a process of its own, which has to end by itself. */
function inspect(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = { ...process.env, SSH_AUTH_SOCK: "", MULTIFUNCTION_PCI_SSH_CONFIG: "none", ...environment };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [bin, "inspect", ...words],
      { env, timeout: 60_000 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe("inspect, on a host without libvirt", () => {
  const bench = new Bench();
  let sshd: Sshd;
  let words: string[];

  beforeAll(async () => {
    sshd = await bench.startSshd();
    words = [
      "127.0.0.1",
      "-p",
      `${sshd.port}`,
      "-i",
      bench.clientKey,
      "--host-key",
      publicLine(bench.hostKey),
    ];
  });
  afterAll(() => bench.tearDown());

  it("lists every function of the host by one login, and ends", async () => {
    const before = sshd.acceptedLogins;
    const { code, stdout, stderr } = await inspect([...words, "--json"]);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("[")]);
    expect(sshd.acceptedLogins - before).toBe(1);
    const report = JSON.parse(stdout) as PciDevices;
    const functions = report.devices.flatMap((one) => one.functions);
    expect(functions.map((one) => one.address)).toEqual(readdirSync(sysfs).sort());
    for (const { address, driver } of functions) {
      const link = `${sysfs}/${address}/driver`;
      expect(driver).toBe(existsSync(link) ? path.basename(readlinkSync(link)) : null);
    }
    expect(report.host).toMatchObject({
      address: `root@127.0.0.1:${sshd.port}`,
      hostKeyFingerprint: fingerprint(bench.hostKey),
    });
    expect([report.guest, report.guests]).toEqual([null, null]);
    expect(report.notes).toContainEqual(expect.stringMatching(/^No libvirt is used here: /));
  });

  it("prints a card for each device", async () => {
    const { code, stdout } = await inspect([...words, "--all"]);
    expect(code).toBe(0);
    const slots = new Set(readdirSync(sysfs).map((name) => name.slice(0, -2)));
    for (const slot of slots) {
      expect(stdout).toMatch(new RegExp(`^${slot} .* (whole|part|no|in use)`, "m"));
      expect(stdout).toMatch(new RegExp(`^${slot}  .*\\n(?:  .*\\n)*  attach    `, "m"));
    }
    expect(stdout).not.toContain("\u001b");
  });

  it("finds the host, its port, key and host key by an alias of ssh_config", async () => {
    const knownHosts = bench.workspace.write(
      "known_hosts",
      `[127.0.0.1]:${sshd.port} ${publicLine(bench.hostKey)}\n`,
    );
    const config = bench.workspace.write(
      "config",
      [
        "Host hypervisor",
        "  HostName 127.0.0.1",
        `  Port ${sshd.port}`,
        `  IdentityFile ${bench.clientKey}`,
        `  UserKnownHostsFile ${knownHosts}`,
      ].join("\n"),
    );
    const { code, stdout } = await inspect(["root@hypervisor", "--json"], {
      MULTIFUNCTION_PCI_SSH_CONFIG: config,
    });
    expect(code).toBe(0);
    const { prologue } = JSON.parse(stdout) as PciDevices;
    expect(prologue).toContain('const connection: ConnectionArgs = { host: "hypervisor", user: "root" };');
  });

  it("keeps the key and the password out of all that it prints", async () => {
    const { stdout } = await inspect([...words, "--json"], { MULTIFUNCTION_PCI_PASSWORD: "the-password" });
    expect(stdout).not.toMatch(/PRIVATE KEY-----|the-password/);
    const { prologue } = JSON.parse(stdout) as PciDevices;
    expect(prologue).toContain(
      "// pulumi config set --secret multifunction-pci:privateKey < PRIVATE-KEY-FILE",
    );
  });

  it("refuses a host of unknown key with the provider's error, and ends with 1", async () => {
    const knownHosts = bench.workspace.write("empty", "");
    const [host = "", ...rest] = words;
    const place = rest.slice(0, rest.indexOf("--host-key"));
    const refused = await inspect([host, ...place, "--known-hosts", knownHosts]);
    expect([refused.code, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toMatch(/\[SSH_HOST_KEY_UNKNOWN\]\n$/);
    expect(refused.stderr).toContain(publicLine(bench.hostKey));
    expect(
      (await inspect([host, ...place, "--known-hosts", knownHosts, "--strict-host-key-checking", "no"])).code,
    ).toBe(0);
  });

  it("fails at once where nobody listens, and with 2 where the arguments are wrong", async () => {
    const startedAt = Date.now();
    const nobody = await inspect(["127.0.0.1", "-p", "1"]);
    expect([nobody.code, nobody.stderr]).toEqual([
      1,
      expect.stringMatching(/after 1 attempt\(s\).*\[SSH_DIAL_FAILED\]\n$/),
    ]);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    const wrong = await inspect(["127.0.0.1", "--uri", "xen:///", "--guest", "a/b"]);
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      'guest.domain is "a/b"; use the name or UUID of a libvirt domain\n' +
        'guest.uri is "xen:///"; use "qemu:///system" or "qemu:///session"\n',
    ]);
  });

  it("says that libvirt is not there where a guest of it is asked for", async () => {
    const { code, stderr } = await inspect([...words, "--guest", "guest1"]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/\[LIBVIRT_UNREACHABLE\]\n$/)]);
  });
});
