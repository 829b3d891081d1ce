import { setTimeout as sleep } from "node:timers/promises";
import { attachmentLab } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();

/** The lab's sixteen small devices: two functions each, one IOMMU group per device. */
const DEVICES = Array.from({ length: 16 }, (_, n) => `0000:00:${(0x8 + n).toString(16).padStart(2, "0")}`);
const FUNCTIONS = DEVICES.flatMap((device) => [`${device}.0`, `${device}.1`]);
const DRIVER = "pvpanic-pci";

/**
 * A guest without an operating system, and with more ports than there are devices. Its slots are native,
 * because QEMU takes from those at once what no guest has ever powered on.
 */
const GUEST = "sixteen";
const PORTS = 20;
const description = `<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${GUEST}</name>
  <memory unit='MiB'>64</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='pci' index='0' model='pcie-root'/>
    ${Array.from({ length: PORTS }, (_, n) => `<controller type='pci' index='${n + 1}' model='pcie-root-port'/>`).join("")}
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
  </devices>
  <qemu:commandline>
    <qemu:arg value='-global'/><qemu:arg value='ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off'/>
  </qemu:commandline>
</domain>`;

/** A third guest starts in seconds, and on a busy machine in minutes. */
const HOST_MS = 300_000;

async function onHost(command: string, input = ""): Promise<string> {
  const { code, stdout, stderr } = await lab.lab.exec(command, { input, timeoutMs: HOST_MS });
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
  return stdout.trim();
}

async function askGuest(command: string, args: object = {}): Promise<string> {
  return onHost(
    `virsh qemu-monitor-command ${GUEST} '${JSON.stringify({ execute: command, arguments: args })}'`,
  );
}

/** Resolves when its firmware has numbered the buses behind all of its ports. */
async function startGuest(): Promise<void> {
  await onHost("cat >/run/sixteen.xml && virsh define /run/sixteen.xml && virsh start sixteen", description);
  const isBusReady = new RegExp(`"secondary": ?${PORTS}\\b`);
  while (!isBusReady.test(await askGuest("query-pci"))) await sleep(500);
}

/** What sshd runs for its clients: one program per session channel. */
const sessionPrograms = async (): Promise<number> =>
  Number(
    await onHost(
      `ps -eo pid=,ppid=,comm= | awk '$3 == "sshd-session" { sshd[$1] = 1; next } { parent[$1] = $2 }
       END { for (pid in parent) if (parent[pid] in sshd) n++; print n + 0 }'`,
    ),
  );

/** Looks again and again, until it is asked for the most that were seen at a time. */
function watchSessions(): { readonly most: () => Promise<number> } {
  const seen = [0];
  const looking = new AbortController();
  const look = async (): Promise<void> => {
    seen.push(await sessionPrograms());
    await sleep(2000, undefined, { signal: looking.signal });
  };
  const watching = (async () => {
    for (;;) await look();
  })().catch(() => undefined);
  return {
    most: async () => {
      looking.abort();
      await watching;
      return Math.max(...seen);
    },
  };
}

const driversOfAll = async (): Promise<Record<string, string | null>> => {
  const drivers = await lab.lab.hostDrivers();
  return Object.fromEntries(FUNCTIONS.map((address) => [address, drivers[address] ?? null]));
};
const allOn = (driver: string): Record<string, string> =>
  Object.fromEntries(FUNCTIONS.map((address) => [address, driver]));

test("sixteen attachments to one guest are made and given back over one connection", async () => {
  expect(await onHost("sshd -T | grep -E '^max(sessions|startups) '")).toBe(
    "maxsessions 10\nmaxstartups 10:30:100",
  );
  await startGuest();
  expect(await driversOfAll()).toEqual(allOn(DRIVER));
  const before = await lab.loginsOf("root");

  const sessions = watchSessions();
  const created = await Promise.all(
    DEVICES.map((device, n) =>
      lab.create({ device, guest: { domain: GUEST }, ownerToken: `organization/lab/test/nic${n}` }),
    ),
  );
  const buses = created.map(({ outs }) => (outs["slot"] as { bus: string }).bus);
  expect(new Set(buses).size).toBe(DEVICES.length);
  for (const { outs } of created) {
    expect(outs["attached"]).toHaveLength(2);
    expect(outs["slot"]).toMatchObject({ kind: "pcie-native" });
  }
  expect(await driversOfAll()).toEqual(allOn("vfio-pci"));

  await Promise.all(created.map(({ id, outs }) => lab.provider.delete(id, outs)));
  // the helper; libvirt is reached through channels that are no sessions
  expect(await sessions.most()).toBe(1);
  expect(await lab.loginsOf("root")).toBe(before + 1);
  expect(await driversOfAll()).toEqual(allOn(DRIVER));
  expect(await onHost(`virsh dumpxml ${GUEST} | grep -cE 'hostdev|mfpci' || true`)).toBe("0");
  expect(await askGuest("qom-list", { path: "/machine/peripheral" })).not.toContain("mfpci");
  expect(await onHost("ls /run/lock | grep -i multifunction || true")).toBe("");
});
