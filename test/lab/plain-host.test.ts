import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ensureSudo, PLAIN_GUEST, PLAIN_SOCKET, PLAIN_UUID, startPlainGuest } from "../../lab";
import { installedHostProgram } from "../../provider/hypervisor/plain-qemu/program/host-program";
import { eventually } from "../support/eventually";
import { attachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const guest = { qmpSocket: PLAIN_SOCKET };
/** The guest boots in a minute or so, and on a busy machine in many. */
const BOOT_MS = 900_000;
const numbers = [0, 1, 2, 3];
const e1000e = numbers.map(() => "e1000e");

/** What docs/security.md tells root to do for an account with sudo, to the letter. */
const document = readFileSync(join(__dirname, "..", "..", "docs", "security.md"), "utf8");
const [, install = ""] = /^# as root on the host:\n(install [^`]+)```/m.exec(document) ?? [];

beforeAll(async () => {
  await lab.lab.restore();
  await startPlainGuest(lab.lab);
  lab.state = "plain";
  await lab.lab.save(lab.state);
}, BOOT_MS);

async function onHost(command: string, input = ""): Promise<string> {
  const { code, stdout, stderr } = await lab.lab.exec(command, { input });
  if (code !== 0) throw new Error(`${command.slice(0, 200)} ended with ${code}: ${stderr}`);
  return stdout;
}

/** What the guest sees behind its root ports. */
async function pluggedFunctions(): Promise<string[]> {
  return (await lab.lab.guestPciFunctions(PLAIN_GUEST)).filter((address) => !address.startsWith("0000:00:"));
}

/** sudo, an account that may log in and nothing else, and then the steps of the document. */
async function makeAccountWithSudo(): Promise<void> {
  const archive = readFileSync(await ensureSudo(() => undefined, lab.lab.release));
  // as the package's own script leaves it, which has not run
  await onHost("base64 -d | tar -xzp -C / && chmod 440 /etc/sudoers", archive.toString("base64"));
  await onHost(
    "useradd --create-home --shell /bin/bash pulumi-pci && usermod --password '*' pulumi-pci && cd ~pulumi-pci && " +
      "install -d -m 700 -o pulumi-pci .ssh && " +
      "{ printf 'restrict '; cut -d ' ' -f 1,2 /root/.ssh/authorized_keys; } > .ssh/authorized_keys",
  );
  await onHost(`cd /root && cat > multifunction-pci-host`, installedHostProgram());
  const named = ["/run/qemu/vm100.qmp", "device 0000:01:00"] as const;
  for (const one of named) expect(install).toContain(one);
  const own = install.replace(named[0], PLAIN_SOCKET).replace(named[1], `device ${NIC}`);
  await onHost(`set -e; cd /root; ${own}`);
}

test.each([
  { user: "root", connection: {}, privilege: {}, prepare: () => Promise.resolve() },
  {
    user: "an account that may run one program by sudo",
    connection: { user: "pulumi-pci" },
    privilege: { privilege: "sudo" },
    prepare: makeAccountWithSudo,
  },
])(
  "a QEMU started by hand gets four functions by $user, and returns them",
  async ({ connection, privilege, prepare }) => {
    await prepare();
    const { id, outs } = await lab.create({ connection, guest: { ...guest, ...privilege } });
    expect(outs).toMatchObject({
      slot: { bus: "port2", slot: 0, kind: lab.slotKind },
      guestUuid: PLAIN_UUID,
      attached: numbers.map((n) => ({
        hostAddress: `${NIC}.${n}`,
        guestFunction: n,
        hostDriver: "e1000e",
        productId: "0x10d3",
      })),
      held: [],
    });
    await eventually(
      pluggedFunctions,
      numbers.map((n) => `0000:02:00.${n}`),
    );
    expect(await lab.driversOf(NIC)).toEqual(numbers.map(() => "vfio-pci"));
    const recorded = JSON.parse(
      await onHost(`cat /run/multifunction-pci/guest-${PLAIN_UUID}.json`),
    ) as object;
    expect(recorded).toMatchObject({
      socket: PLAIN_SOCKET,
      entries: [{ functions: numbers.map((n) => ({ address: `${NIC}.${n}`, hostDriver: "e1000e" })) }],
    });

    await lab.provider.delete(id, outs);
    await eventually(pluggedFunctions, []);
    expect(await lab.driversOf(NIC)).toEqual(e1000e);
    expect(await onHost("ls /run/multifunction-pci")).toBe("index\n");
    expect(await lab.leftBehind()).toEqual([]);
    expect(await lab.provider.read(id, outs)).toMatchObject({ id: "" });
    const noted = await onHost("journalctl --output=cat --no-pager --identifier=multifunction-pci-host");
    const account = connection.user ?? "root";
    for (const change of [`bind \\S+ ${NIC}\\.0 `, `release ${NIC}\\.0=e1000e `])
      expect(noted).toMatch(
        new RegExp(`^${change}.* for \\S+, asked by ${account} from \\S+, program version 2$`, "m"),
      );
  },
);
