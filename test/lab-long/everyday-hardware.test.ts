import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startLab } from "../../lab";
import { EVERYDAY } from "../../lab/machine";
import { eventually } from "../support/eventually";
import { AttachmentLab, NIC } from "../support/attachment-lab/attachment-lab";

/**
 * A lab of its own, with what an ordinary machine has: a display with a console on it, an HBA with two disks,
 * an NVMe, sound, USB with a keyboard and a stick, a serial console on a card. `RECORD_PREVIEWS=1` writes the
 * previews of docs/hosts.md, which are compared else.
 */
const lab = new AttachmentLab();
const PAGE = join(__dirname, "../../docs/hosts.md");
/** If the cache has no saved state of this machine, its host and guests boot first. */
const FIRST_START_MS = 30 * 60_000;
const COLUMNS = 80;

/** Puts a volume with a file system on the HBA's first disk, and gives its second to guest2. */
const PREPARE = `set -e
for n in $(seq 120); do
  disks=$(cd /sys/bus/pci/devices/${EVERYDAY.sata} && ls -d ata*/host*/target*/*/block/* 2>/dev/null)
  [ $(echo "$disks" | wc -w) = 2 ] && [ -e /dev/nvme0n1 ] && [ -e /dev/snd/controlC0 ] && break
  sleep 0.5
done
udevadm settle
set -- $disks
echo "0 65536 linear /dev/\${1##*/} 0" | dmsetup create vg0-data --uuid LVM-0123456789abcdef0123456789abcdef
mke2fs -q -t ext4 /dev/mapper/vg0-data
mkdir -p /srv/data
mount /dev/mapper/vg0-data /srv/data
virsh -q attach-disk guest2 /dev/\${2##*/} vdb --live
systemd-run -q --unit=player bash -c 'exec 3</dev/snd/controlC0; exec sleep 100000'`;

/** Gives guest2 an IOMMU of its own, and starts it. */
const WITH_IOMMU = `set -e
virsh -q destroy guest2
virsh dumpxml --inactive guest2 | sed -e "s|<features>|<features><ioapic driver='qemu'/>|" \
  -e "s|</devices>|<iommu model='intel'><driver intremap='on'/></iommu></devices>|" >/run/lab/guest2-iommu.xml
virsh -q define /run/lab/guest2-iommu.xml
virsh -q start guest2`;

beforeAll(async () => {
  lab.lab = await startLab({ hardware: { extras: "everyday" } });
  await run(PREPARE);
  lab.begin();
}, FIRST_START_MS);

afterAll(async () => {
  await lab.end();
  await lab.lab.close();
});

async function run(script: string): Promise<string> {
  const { code, stdout, stderr } = await lab.lab.exec(script, { timeoutMs: 180_000 });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** What the preview of a create says, in lines of 80 columns at most. */
async function previewOf(function0: string, overrides: Record<string, unknown> = {}): Promise<string> {
  lab.printed = [];
  await lab.check(lab.inputs({ device: function0.replace(/[.]0$/, ""), ...overrides }));
  // the number of a process differs from one lab to the next
  const lines = lab.printed.map((line) => line.replace(/process \d+/g, "process 1234"));
  return lines.flatMap((line) => folded(line)).join("\n");
}

/** As a terminal folds it, but between words. */
function folded(line: string): string[] {
  const indent = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  for (const word of line.trimStart().split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= COLUMNS)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${indent}${lines.length === 0 ? "" : "  "}${word}`);
  }
  return lines;
}

/** Compares a preview with the page's, or writes it there. */
function expectOnPage(what: string, preview: string): void {
  const page = readFileSync(PAGE, "utf8");
  const [begin, end] = [`<!-- preview: ${what} -->\n\n\`\`\`text\n`, "\n```"];
  const [before, rest = ""] = page.split(begin);
  const shown = rest.slice(0, rest.indexOf(end));
  if (process.env["RECORD_PREVIEWS"] === "1")
    writeFileSync(PAGE, `${before}${begin}${preview}${rest.slice(rest.indexOf(end))}`);
  else expect(preview).toBe(shown);
  expect(preview).not.toBe("");
}

test("a display with a picture and the host's console is refused", async () => {
  const preview = await previewOf(EVERYDAY.display);
  expect(preview.replace(/\s+/g, " ")).toContain("which shows a picture");
  expect(preview.replace(/\s+/g, " ")).toContain("which the host's console is on");
  expectOnPage("display", preview);
});

test("an HBA with a mounted volume and a disk of a guest is refused", async () => {
  const preview = await previewOf(EVERYDAY.sata);
  const text = preview.replace(/\s+/g, " ");
  expect(text).toContain("which is mounted on /srv/data");
  expect(text).toContain("is a part of LVM volume vg0-data");
  expect(text).toMatch(/disk sd[ab].*guest2/);
  expectOnPage("hba", preview);
});

test("a sound card is refused while it is open, whatever is allowed", async () => {
  const preview = await previewOf(EVERYDAY.sound);
  expect(preview.replace(/\s+/g, " ")).toMatch(/snd\/controlC0 by process \d+ \(sleep\)/);
  expectOnPage("sound", preview);
  const refused = await lab.failureOf(lab.create({ device: "05:00", allowInUse: true }));
  expect(refused.message).toContain("allowInUse does not change this");
  expect(await lab.lab.hostDriver(EVERYDAY.sound)).toBe("snd_hda_intel");

  await run("systemctl stop player");
  const kept = await lab.create({ device: "05:00" });
  expect(await lab.lab.hostDriver(EVERYDAY.sound)).toBe("vfio-pci");
  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.lab.hostDriver(EVERYDAY.sound)).toBe("snd_hda_intel");
});

test("a USB controller with a keyboard goes with a warning, and comes back", async () => {
  const preview = await previewOf(EVERYDAY.usb);
  expect(preview.replace(/\s+/g, " ")).toMatch(
    /warning: the host loses the USB devices .*keyboard 'QEMU USB Keyboard'/,
  );
  expectOnPage("usb", preview);
  const kept = await lab.create({ device: "06:00" });
  expect(await run("ls /sys/bus/usb/devices | grep -c -- - || true")).toBe("0\n");
  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.lab.hostDriver(EVERYDAY.usb)).toBe("xhci_hcd");
});

test("a serial card that the host's console is on is refused", async () => {
  const preview = await previewOf(EVERYDAY.serial);
  expect(preview.replace(/\s+/g, " ")).toContain("has serial port ttyS4, which the host's console is on");
});

test("an NVMe that nobody uses goes, and its disk with it", async () => {
  const preview = await previewOf(EVERYDAY.nvme);
  expect(preview.replace(/\s+/g, " ")).toContain("host driver nvme loses it, with disk nvme0n1");
  const kept = await lab.create({ device: "03:00" });
  await lab.provider.delete(kept.id, kept.outs);
  expect(await lab.lab.hostDriver(EVERYDAY.nvme)).toBe("nvme");
});

test("two functions without a reset are warned of", async () => {
  const preview = await previewOf("0000:00:08.0");
  expect(preview.replace(/\s+/g, " ")).toContain("0000:00:08.0, 0000:00:08.1 cannot be reset between guests");
});

test("a guest with a virtual IOMMU gets no two functions of one group", async () => {
  await run(WITH_IOMMU);
  const refused = await lab.failureOf(lab.create({ device: NIC, guest: { domain: "guest2" } }));
  expect([refused.code, refused.message]).toEqual([
    "VIRTUAL_IOMMU_SPLITS_GROUP",
    expect.stringContaining("guest2"),
  ]);
  expect(await lab.driversOf(NIC)).toEqual(["e1000e", "e1000e", "e1000e", "e1000e"]);
});

test("libvirt takes no function while another's driver does not let go", async () => {
  await run("systemd-run -q --unit=listener bash -c 'exec 3</dev/snd/controlC0; exec sleep 100000'");
  await run("systemd-run -q --unit=stuck virsh nodedev-detach pci_0000_05_00_0");
  await run("sleep 2; systemctl is-active stuck");
  const ended = await lab.failureOf(lab.create({ device: "01:00", timeouts: { attachSeconds: 10 } }));
  expect(ended.message).toContain("HOST_CHANGE_STUCK");
  expect(ended.message).toContain("may keep other guests waiting that get or return host devices");

  await run("systemctl stop listener");
  await eventually(() => lab.lab.hostDriver(EVERYDAY.sound), "vfio-pci");
  // what libvirt was asked for has been carried out by then
  await eventually(() => lab.lab.hostDriver(`${NIC}.0`), "vfio-pci");
  const { id = "", properties = {} } = ended;
  await lab.provider.delete(id, properties);
  expect(await lab.driversOf(NIC)).toEqual(["e1000e", "e1000e", "e1000e", "e1000e"]);
});
