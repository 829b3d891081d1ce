import { execFile } from "node:child_process";
import path from "node:path";
import type { PciDevice, PciDevices } from "../../sdk/nodejs";
import { attachmentLab, NIC, OTHER_NIC } from "../support/attachment-lab/attachment-lab";

const lab = attachmentLab();
const bin = path.resolve(__dirname, "../../dist/cli/index.js");
const four = [0, 1, 2, 3];
const SSH_CARD = "0000:00:02";
const DISK = "0000:00:03";

/** Runs the command line as installed, against the lab's host. */
async function inspect(
  ...more: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const { host, port, privateKeyFile, hostKey } = lab.lab.ssh;
  const words = ["inspect", host, "-p", String(port), "-i", privateKeyFile, "--host-key", hostKey, ...more];
  const env = { ...process.env, MULTIFUNCTION_PCI_SSH_CONFIG: "none" };
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...words], { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

async function report(...more: readonly string[]): Promise<PciDevices> {
  const { code, stdout, stderr } = await inspect("--json", ...more);
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as PciDevices;
}

const deviceAt = ({ devices }: PciDevices, address: string): PciDevice =>
  devices.find((one) => one.address === address)!;

test("a device is whole before its attachment, then held, and whole again", async () => {
  const logins = await lab.loginsOf("root");
  const before = await report("--guest", "guest1");
  expect((await lab.loginsOf("root")) - logins).toBe(1);
  expect(before.guest).toMatchObject({
    name: "guest1",
    runState: "running",
    machine: `pc-q35-${lab.lab.release === "bookworm" ? "7.2" : "10.0"}`,
    attachments: [],
    refusal: null,
    refusals: [],
  });
  expect(
    before.guest?.buses.filter((one) => one.freeSlots.length > 0).map((one) => [one.bus, one.kind]),
  ).toEqual([2, 3, 4, 5, 6, 7, 8].map((n) => [`pci.${n}`, "pcie-acpi"]));
  expect(deviceAt(before, NIC)).toMatchObject({
    vendorName: "Intel Corporation",
    productName: "82574L Gigabit Network Connection",
    className: "Ethernet controller",
    functions: four.map((n) => ({
      driver: "e1000e",
      interfaces: [`enp1s0f${n}`],
      hostUses: [],
      heldBy: null,
    })),
    iommuGroups: [{ others: [] }],
    attach: {
      possible: "whole",
      functions: four,
      leftovers: "refuse",
      allowInUse: false,
      consequences: ["leaves the host: interfaces enp1s0f0, enp1s0f1, enp1s0f2, enp1s0f3"],
      refusal: null,
      refusals: [],
    },
  });

  const kept = await lab.create();
  const after = await report("--guest", "guest1");
  expect(after.guest?.attachments).toEqual([
    {
      owner: "organization/lab/test/nic",
      bus: "pci.8",
      slot: 0,
      attached: four.map((n) => `${NIC}.${n}`),
      held: [],
    },
  ]);
  const attached = deviceAt(after, NIC);
  expect(attached.functions.map((one) => [one.driver, one.heldBy])).toEqual(
    four.map((guestFunction) => [
      "vfio-pci",
      {
        guest: "guest1",
        guestUuid: before.guest?.uuid,
        owner: "organization/lab/test/nic",
        bus: "pci.8",
        slot: 0,
        guestFunction,
      },
    ]),
  );
  expect(attached.attach).toMatchObject({ possible: "no", refusal: { code: "ATTACHMENT_OWNED_BY_ANOTHER" } });
  expect(deviceAt(after, OTHER_NIC).attach.possible).toBe("whole");
  const { stdout } = await inspect();
  expect(stdout).toMatch(/^0000:01:00 {2}0-3 +Intel Corporation 82574L .* no: in guest1$/m);
  expect(stdout).toContain("0-3: held for guest guest1, in slot pci.8, by");

  await lab.provider.delete(kept.id, kept.outs);
  expect(deviceAt(await report("--guest", "guest1"), NIC)).toEqual(deviceAt(before, NIC));
  expect(await lab.leftBehind()).toEqual([]);
});

test("the answers are those of the attachment: refused, allowInUse, or in part", async () => {
  await lab.lab.exec("ip link set enp1s0f1 up; ip address add 192.0.2.1/24 dev enp1s0f1");
  const found = await report();
  expect(found.guest).toBeNull();
  expect(found.guests?.map((one) => one.name).sort()).toEqual(["guest1", "guest2"]);

  expect(deviceAt(found, NIC).attach).toMatchObject({ possible: "whole", allowInUse: true });
  expect(deviceAt(found, NIC).attach.consequences).toContain(
    `the host loses what it uses: ${NIC}.1 has interface enp1s0f1, which is up with address 192.0.2.1`,
  );
  expect((await lab.failureOf(lab.create())).code).toBe("FUNCTION_USED_BY_HOST");

  const ssh = deviceAt(found, SSH_CARD).attach;
  expect(ssh).toMatchObject({ possible: "no", refusal: { code: "FUNCTION_USED_BY_HOST" }, program: [] });
  const refused = await lab.failureOf(lab.create({ device: SSH_CARD, allowInUse: true }));
  expect(refused.message).toContain(ssh.refusal!.message.slice(0, 80));

  expect(deviceAt(found, DISK).functions[0]).toMatchObject({
    disks: ["vda"],
    hostUses: ["has disk vda, which is mounted on /"],
  });
  // the chipset: with a driver on its LPC bridge the kernel gives none of the group to guests
  const { functions, attach } = deviceAt(found, "0000:00:1f");
  const part = functions[0]?.driver === null ? [2, 3] : [];
  expect(attach).toMatchObject({
    possible: part.length > 0 ? "part" : "no",
    functions: part,
    refusal: { code: "FUNCTION_IS_BRIDGE" },
  });
  expect(deviceAt(found, OTHER_NIC).attach.possible).toBe("whole");

  const { id, outs } = await lab.create({ allowInUse: true });
  expect(outs["attached"]).toHaveLength(4);
  await lab.provider.delete(id, outs);
});

test("a guest that does not run refuses everything, and says so once", async () => {
  await lab.virsh("destroy guest2");
  const { code, stdout } = await inspect("--guest", "guest2", "--device", NIC);
  expect(code).toBe(0);
  expect(stdout).toContain("guest     guest2: off");
  expect(stdout.replace(/\s+/g, " ")).toContain(
    "refuses guest guest2 is not running; a live attachment needs a running guest.",
  );
  expect(stdout).toContain("  attach    no: the guest refuses, see above");

  const absent = await inspect("--guest", "nobody", "--device", NIC);
  expect([absent.code, absent.stdout, absent.stderr]).toEqual([
    1,
    "",
    expect.stringMatching(/the host has no guest nobody\. .* \[GUEST_NOT_FOUND\]\n$/),
  ]);
});

test("a group member sees the same, a mere login the devices and gaps", async () => {
  const { operator, outsider } = lab.lab.ssh.users;
  const asRoot = await report("--guest", "guest1");
  const { host, port, privateKeyFile, hostKey } = lab.lab.ssh;
  const as = async (user: string, ...more: string[]): Promise<PciDevices> => {
    const words = [
      "inspect",
      `${user}@${host}`,
      "-p",
      `${port}`,
      "-i",
      privateKeyFile,
      "--host-key",
      hostKey,
    ];
    const { stdout } = await new Promise<{ stdout: string }>((resolve) => {
      execFile(process.execPath, [bin, ...words, "--json", ...more], (_error, out) =>
        resolve({ stdout: out }),
      );
    });
    return JSON.parse(stdout) as PciDevices;
  };
  const asOperator = await as(operator, "--guest", "guest1");
  expect(asOperator.devices).toEqual(asRoot.devices);
  expect(asOperator.guest).toEqual(asRoot.guest);

  const asOutsider = await as(outsider);
  expect(asOutsider.devices).toHaveLength(asRoot.devices.length);
  expect(asOutsider.guests).toBeNull();
  expect(asOutsider.notes).toEqual([
    expect.stringMatching(/^libvirt's guests are not known: /),
    expect.stringMatching(/^Who holds a function is not known: /),
    expect.stringMatching(/^who has 0000:00:03\.0 open on the host is not known: only this login's own/),
  ]);
});
