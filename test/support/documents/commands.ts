import { listDocuments, readText } from "./markdown";

/**
 * Documents that people read to use the package or to work on it; records of what was measured name what they
 * ran.
 */
const isGuide = (document: string) =>
  !/^(docs\/(internals\/(decisions|reliability|benchmark|lab|libvirt|qemu|pulumi)|demo|reference|compatibility)\b|etc|CHANGELOG)/.test(
    document,
  );

const programs =
  /^(?:[A-Z_]+=\S+ )?(?:npm|npx|node|pulumi|virsh|ssh|ssh-add|ssh-keygen|ssh-keyscan|scp|lspci|lsmod|dmesg|journalctl|systemctl|systemd-\S+|ss|ip|ls|id|cat|readlink|echo|devlink|bridge|useradd|usermod|install|prlimit|modprobe)(?: .|$)/;

export interface DocumentedCommand {
  readonly document: string;
  readonly command: string;
}

/**
 * Commands of the guides: each line of a block of shell, without its remark, and each code span that begins
 * with a program.
 */
export function documentedCommands(): DocumentedCommand[] {
  return listDocuments()
    .filter(isGuide)
    .flatMap((document) => {
      const text = readText(document);
      const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) =>
        block!
          .split("\n")
          .map((line) => line.replace(/(^| +)# .*$/, "").trim())
          .filter((line) => line !== ""),
      );
      const prose = text.replace(/^```.*?^```/gms, "");
      const spans = [...prose.matchAll(/`([^`]+)`/g)]
        .map(([, span]) => span!.replace(/\s+/g, " "))
        .filter((span) => programs.test(span) && span.includes(" "));
      return [...new Set([...blocks, ...spans])].map((command) => ({ document, command }));
    });
}

/**
 * Run on the lab's host by test/lab/documented-commands.test.ts, with its guest and its device: each only
 * looks.
 */
export const looks = [
  "ip address show",
  "journalctl -u libvirtd",
  "journalctl -u libvirtd -u virtqemud",
  "journalctl -u libvirtd -u virtqemud --since -1h",
  "ls /sys/bus/pci/devices/0000:01:00.0/iommu_group/devices",
  "ls /sys/kernel/iommu_groups",
  "lspci -D",
  "lspci -k",
  "lspci -nnk",
  "ss -xp",
  "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub",
  "systemctl is-active libvirtd virtqemud",
  "virsh -c qemu:///system list",
  "virsh domstate guest1",
  "virsh dumpxml GUEST",
  "virsh dumpxml guest1",
  "virsh dumpxml guest2",
  "virsh list",
  "virsh list --all",
  "virsh nodedev-dumpxml pci_0000_01_00_0",
  "virsh qemu-monitor-command guest1 --hmp 'info qtree'",
  "virsh version",
] as const;

const byLab = "test/lab/documented-commands.test.ts";
const virtualFunctions = "docs/virtual-functions.md";
const byExamples = "test/pulumi/examples.test.ts";
const bySetUp = "test/examples/set-up.test.ts";
/** Reads and runs the commands under a heading. */
const byHeading = "test/support/pulumi/recorded.ts";
const byQuickstart = "test/pulumi/quickstart.test.ts";

/** Run elsewhere: the file that runs it, and what of the command stands there. */
export const elsewhere: Readonly<Record<string, readonly [file: string, ...parts: string[]]>> = {
  "MULTIFUNCTION_PCI_FORGET_UNREACHABLE=1 pulumi destroy": [
    "test/protocol/unreachable-host.test.ts",
    'MULTIFUNCTION_PCI_FORGET_UNREACHABLE: "1"',
  ],
  "devlink dev eswitch show pci/0000:01:00.0": [byLab, "devlink dev eswitch show pci/0000:01:00.0"],
  "echo ADDRESS > /sys/bus/pci/drivers_probe": [byLab, "echo ADDRESS > /sys/bus/pci/drivers_probe"],
  "npm install pulumi-multifunction-pci @pulumi/pulumi": [
    "test/package/use.test.ts",
    '"install"',
    "@pulumi/pulumi",
  ],
  "npm pack": ["test/support/packed.ts", '"pack"'],
  "pulumi cancel": ["test/support/pulumi/pulumi-project.ts", '"cancel"'],
  "pulumi config set --secret": ["examples/quickstart/README.md", "pulumi config set --secret"],
  "pulumi config set --secret multifunction-pci:privateKey < ~/.ssh/id_ed25519": [
    "test/pulumi/configuration.test.ts",
    "setSecret",
    "multifunction-pci:privateKey",
  ],
  "pulumi destroy": [byQuickstart, "pulumi destroy"],
  "pulumi destroy --run-program": ["test/pulumi/configuration.test.ts", "--run-program"],
  "pulumi preview": ["test/support/pulumi/pulumi-project.ts", '"preview"'],
  "pulumi preview --diff": ["examples/quickstart/README.md", "pulumi preview --diff"],
  "pulumi refresh": ["test/support/pulumi/pulumi-project.ts", '"refresh"'],
  "pulumi refresh --clear-pending-creates": ["test/pulumi/attachment.test.ts", "--clear-pending-creates"],
  "pulumi state delete": [byQuickstart, "pulumi state delete"],
  "virsh managedsave": ["test/lab-long/cold.test.ts", "managedsave guest1"],
  "virsh managedsave-remove": ["test/lab-long/cold.test.ts", "managedsave-remove guest1"],
  "npm start -- destroy hv1 guest1 0000:01:00": [byExamples, 'run("destroy")'],
  "npm start -- preview hv1 guest1 0000:01:00": ["examples/automation-api/index.ts", "preview"],
  "npm start -- up hv1 guest1 0000:01:00": [byExamples, "npm start -- up"],
  // the guide's lines are run as they stand there
  "echo 4 > /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs": [
    virtualFunctions,
    "> /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs",
  ],
  "readlink /sys/bus/pci/devices/0000:01:00.0/virtfn*": [
    virtualFunctions,
    "readlink /sys/bus/pci/devices/0000:01:00.0/virtfn*",
  ],
  "ip link set eth1 vf 0 mac 52:54:00:12:34:56": [
    virtualFunctions,
    "ip link set eth1 vf 0 mac 52:54:00:12:34:56",
  ],
  "ip link set eth1 vf 1 mac 52:54:00:12:34:57": [virtualFunctions, "ip link set eth1 vf 0 mac"],
  "export PULUMI_CONFIG_PASSPHRASE=…": ["test/support/pulumi/pulumi-project.ts", "PULUMI_CONFIG_PASSPHRASE"],
  "pulumi stack init dev": ["test/support/pulumi/pulumi-project.ts", '"init"'],
  "pulumi config set --secret multifunction-pci:privateKey < ~/.ssh/new_ed25519": [byExamples, "generateKey"],
  "ssh hv1 virsh list": ["examples/fleet/domain.ts", "virsh"],
  "pulumi up": [byQuickstart, "pulumi up"],
  "ssh USER@HOST bash -c true": [byLab, "bash -c true"],
  "ssh -v root@hv1": [byLab, "ssh -v"],
  "ssh-add -l": [byLab, "ssh-add -l"],
  "virsh qemu-monitor-command GUEST --hmp 'device_del ID'": ["docs/troubleshooting.md", "--hmp 'device_del "],
  "virsh resume guest1": ["test/lab-long/silent-guests.test.ts", 'virsh("resume guest1")'],
};

/**
 * Blocks of which a test reads each line out of the document and runs it: document, first words, the test.
 */
export const blocksRun = [
  ["docs/security.md", "useradd ", "test/lab/minimal-account.test.ts"],
  ["docs/security.md", "scp ", byLab],
  ["docs/security.md", "ssh pulumi-pci@HOST ", byLab],
  ["docs/troubleshooting.md", "virsh qemu-monitor-command ", byLab],
  ["docs/virtual-functions.md", "cat /sys/", "test/repository/docs/virtual-functions.test.ts"],
  ["docs/virtual-functions.md", "ip link set eth1 up", byLab],
  ["docs/virtual-functions.md", "devlink dev eswitch set ", byLab],
  ["examples/gpu/README.md", "npm install", bySetUp],
  ["examples/partial/README.md", "npm install", bySetUp],
  ["examples/promotion/README.md", "npm install", bySetUp],
  ["examples/promotion/README.md", "pulumi config set --stack dev ", byHeading],
  ["examples/promotion/README.md", "pulumi config set --stack staging ", byHeading],
  ["examples/promotion/README.md", "pulumi up --stack dev ", byHeading],
  ["examples/promotion/README.md", "git revert ", byHeading],
  ["examples/promotion/README.md", "pulumi stack export ", byHeading],
  ["examples/virtual-functions/README.md", "npm install", bySetUp],
  ["examples/quickstart/README.md", "npm install", byQuickstart],
  ["examples/quickstart/README.md", "pulumi config set functions ", byQuickstart],
] as const;
