import { setTimeout as sleep } from "node:timers/promises";
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attach, detach } from "../../provider/apply";
import { causeText } from "../../provider/errors";
import { eventually } from "../support/eventually";
import { PlainHypervisor, PlainQemu } from "../support/plain-qemu";
import { attachRequest, detachRequest } from "../support/requests";

/** Ports of q35 that its firmware has set up, and of devices: the monitor writes to them for the guest. */
const SWITCH_OFF = "o /w 0x604 0x2000";
const SUSPEND = "o /w 0x604 0x2400";
const PANIC = "o /b 0x505 1";
const START_WATCHDOG = "o /b 0x443 0xf";

const stateOf = async (qemu: PlainQemu): Promise<unknown> =>
  ((await qemu.qmp("query-status")) as { status: unknown }).status;
const start = (more: readonly string[]): Promise<PlainQemu> =>
  PlainQemu.start({ slots: "acpi", kernel: false, memoryMiB: 64, more: ["-no-shutdown", ...more] });
const monitor = (qemu: PlainQemu, line: string): Promise<unknown> =>
  qemu.qmp("human-monitor-command", { "command-line": line });

/** Writes to a port until it has done what it does; firmware sets the ports up in its first second. */
async function port(qemu: PlainQemu, line: string, state: string): Promise<void> {
  for (let tries = 0; tries < 100 && (await stateOf(qemu)) === "running"; tries++) {
    await monitor(qemu, line);
    await sleep(200);
  }
  await eventually(() => stateOf(qemu), state);
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "multifunction-pci-states-"));
  await writeFile(join(folder, "disk"), Buffer.alloc(2 ** 20));
  await writeFile(join(folder, "faults"), '[inject-error]\nevent = "read_aio"\nerrno = "5"\n');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface StateCase {
  readonly state: string;
  readonly more?: () => readonly string[];
  readonly comesAbout?: (qemu: PlainQemu) => Promise<unknown>;
  /** What the refusal says beside the state's name. */
  readonly says: RegExp;
}

const halted: readonly StateCase[] = [
  { state: "shutdown", comesAbout: (qemu) => port(qemu, SWITCH_OFF, "shutdown"), says: /switched off/ },
  {
    state: "guest-panicked",
    more: () => ["-device", "pvpanic", "-action", "panic=pause"],
    comesAbout: (qemu) => port(qemu, PANIC, "guest-panicked"),
    says: /panicked/,
  },
  {
    state: "watchdog",
    more: () => ["-device", "ib700", "-watchdog-action", "pause"],
    comesAbout: (qemu) => port(qemu, START_WATCHDOG, "watchdog"),
    says: /watchdog/,
  },
  {
    state: "io-error",
    more: () => [
      ...["-drive", `if=none,id=d,format=raw,rerror=stop,file=blkdebug:${folder}/faults:${folder}/disk`],
      ...["-device", "virtio-blk-pci,drive=d,bus=pcie.0"],
    ],
    says: /disk/,
  },
  {
    state: "postmigrate",
    comesAbout: (qemu) => qemu.qmp("migrate", { uri: "exec:cat >/dev/null" }),
    says: /migrated away/,
  },
  { state: "inmigrate", more: () => ["-incoming", "defer"], says: /migration/ },
];

describe("a guest that a real QEMU calls", () => {
  test.each(halted)("$state is attached nothing, though QEMU would take it", async (one) => {
    await using qemu = await start(one.more?.() ?? []);
    await one.comesAbout?.(qemu);
    await eventually(() => stateOf(qemu), one.state);
    const hypervisor = new PlainHypervisor(qemu);
    const refused: unknown = await attach(hypervisor, attachRequest()).catch((cause: unknown) => cause);
    expect(refused).toMatchObject({ code: "GUEST_HALTED" });
    expect(causeText(refused)).toMatch(one.says);
    expect(causeText(refused)).toContain(`QEMU says "${one.state}"`);
    // that is why QEMU's own answer tells nothing
    await qemu.qmp("device_add", { driver: "virtio-rng-pci", id: "taken", bus: "pci.4" });
  });

  test("suspended is given it, for it wakes", async () => {
    await using qemu = await start([]);
    await port(qemu, SUSPEND, "suspended");
    const { attached } = await attach(new PlainHypervisor(qemu), attachRequest());
    expect(attached).toHaveLength(4);
  });
});

describe("a guest that was switched off with our functions in it, and whose QEMU was kept,", () => {
  test("keeps them, which a destroy says at once; ended, it has them back", async () => {
    const qemu = await start([]);
    const hypervisor = new PlainHypervisor(qemu);
    await attach(hypervisor, attachRequest());
    await port(qemu, SWITCH_OFF, "shutdown");
    const startedAt = Date.now();
    const failed: unknown = await detach(hypervisor, detachRequest()).catch((cause: unknown) => cause);
    expect(causeText(failed)).toMatch(/switched off.*QEMU says "shutdown".*quit/s);
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    await qemu.stop();
    await detach(hypervisor, detachRequest());
    expect(hypervisor.world.holdings).toEqual([]);
  });

  test("lets go of them with its next reset, which completes the request", async () => {
    await using qemu = await start([]);
    const hypervisor = new PlainHypervisor(qemu);
    await attach(hypervisor, attachRequest());
    await port(qemu, SWITCH_OFF, "shutdown");
    await expect(detach(hypervisor, detachRequest())).rejects.toMatchObject({ code: "DETACH_FAILED" });
    await qemu.qmp("system_reset");
    await eventually(() => stateOf(qemu), "prelaunch");
    await detach(hypervisor, detachRequest());
    expect(hypervisor.world.holdings).toEqual([]);
  });
});
