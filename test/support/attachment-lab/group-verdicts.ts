import { NIC, type AttachmentLab } from "./attachment-lab";

/** Whether a group is given to guests: as the kernel has it, and as a preview says. */
export interface GroupVerdicts {
  readonly kernel: "viable" | "kept";
  readonly preview: "viable" | "kept";
}

/** The driver that each function has; `none` for no driver. */
type DriversByFunction = Readonly<Record<string, string>>;

/** Gives functions to drivers, each to one whose table of devices it need not be in. */
const BIND = `
bind() {
  one=/sys/bus/pci/devices/$1
  if [ -e $one/driver ]; then
    [ "$(basename "$(readlink $one/driver)")" != "$2" ] || return 0
    echo $1 >$one/driver/unbind
  fi
  [ "$2" != none ] || return 0
  modprobe -q "$2" || true
  echo "$2" >$one/driver_override
  echo $1 >/sys/bus/pci/drivers_probe
  echo >$one/driver_override
  [ "$(basename "$(readlink $one/driver)")" = "$2" ] || { echo "$1 is not on $2" >&2; exit 1; }
}`;

/** VFIO_GROUP_GET_STATUS of include/uapi/linux/vfio.h, of which flag 1 is VFIO_GROUP_FLAGS_VIABLE. */
const ASK = `
open(my $node, "+<", "/dev/vfio/$ARGV[0]") or die "/dev/vfio/$ARGV[0]: $!\\n";
my $status = pack("LL", 8, 0);
ioctl($node, 0x3B67, $status) or die "VFIO_GROUP_GET_STATUS: $!\\n";
print((unpack("LL", $status))[1] & 1 ? "viable" : "kept");`;

/** Puts the members of one group on drivers, and asks the kernel and the provider what they make of it. */
class GroupBench {
  /**
   * @param toAttach functions of the group that are to be attached; they are on vfio-pci, as the kernel has a
   *   node for the group only then
   */
  constructor(
    private readonly fixture: AttachmentLab,
    private readonly toAttach: readonly string[],
  ) {}

  async verdicts(others: DriversByFunction): Promise<GroupVerdicts> {
    const drivers = { ...Object.fromEntries(this.toAttach.map((one) => [one, "vfio-pci"])), ...others };
    const group = `$(basename "$(readlink /sys/bus/pci/devices/${this.toAttach[0]}/iommu_group)")`;
    const kernel = await this.#onHost(
      [
        BIND,
        ...Object.entries(drivers).map(([address, driver]) => `bind ${address} ${driver}`),
        `perl -e '${ASK}' "${group}"`,
      ].join("\n"),
    );
    if (kernel !== "viable" && kernel !== "kept") throw new Error(`the kernel says ${kernel}`);
    return { kernel, preview: await this.#preview() };
  }

  async #preview(): Promise<GroupVerdicts["preview"]> {
    const functionMap = this.toAttach.map((hostAddress, guestFunction) => ({ hostAddress, guestFunction }));
    this.fixture.printed = [];
    await this.fixture.check(this.fixture.inputs({ functionMap }));
    const said = this.fixture.printed.join("\n");
    if (/would stay with a host driver|keeps the group from guests/.test(said)) return "kept";
    if (/would be refused|cannot be looked at/.test(said) || said === "") throw new Error(`it says: ${said}`);
    return "viable";
  }

  async #onHost(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.fixture.lab.exec(command);
    if (code !== 0) throw new Error(`${command} ended with ${code}: ${stderr}`);
    return stdout.trim();
  }
}

/** The verdicts of one case after the other, by its name. */
type VerdictsByCase = Readonly<Record<string, GroupVerdicts>>;

const LPC_BRIDGE = "0000:00:1f.0";
const PORT = "0000:00:05.0";

/** What is in the chipset's group besides an ISA bridge, which is an endpoint to the kernel. */
export function chipsetVerdicts(fixture: AttachmentLab): Promise<VerdictsByCase> {
  const bench = new GroupBench(fixture, ["0000:00:1f.2", "0000:00:1f.3"]);
  return inTurn(bench, {
    "an ISA bridge on lpc_ich": { [LPC_BRIDGE]: "lpc_ich" },
    "an ISA bridge on pci-stub": { [LPC_BRIDGE]: "pci-stub" },
    "an ISA bridge without driver": { [LPC_BRIDGE]: "none" },
  });
}

/** libvirt 7.0 does not know functions that were found anew before it is started anew itself. */
const ONE_GROUP = `
set -e
cd /sys/bus/pci
setpci -s ${PORT} ECAP_ACS+6.w=0
for n in 3 2 1 0; do echo 1 >devices/${NIC}.$n/remove; done
echo 1 >rescan
udevadm settle
[ -e devices/${NIC}.0/iommu_group/devices/${PORT} ]
systemctl restart libvirtd`;

/**
 * Two functions of the NIC with its two others and the port before it, which are one group once the port no
 * longer keeps them apart (its ACS is switched off, and the functions are found anew).
 */
export async function portVerdicts(fixture: AttachmentLab): Promise<VerdictsByCase> {
  const { code, stderr } = await fixture.lab.exec(ONE_GROUP);
  if (code !== 0) throw new Error(`the port and the NIC are not one group: ${stderr}`);
  const apart = { [`${NIC}.2`]: "none", [`${NIC}.3`]: "none" };
  return inTurn(new GroupBench(fixture, [`${NIC}.0`, `${NIC}.1`]), {
    "an endpoint on its driver": { ...apart, [`${NIC}.3`]: "e1000e" },
    "an endpoint on pci-stub": { ...apart, [`${NIC}.3`]: "pci-stub" },
    "endpoints without driver, a port on pcieport": { ...apart, [PORT]: "pcieport" },
    "a port on another driver": { ...apart, [PORT]: "uio_pci_generic" },
    "a port on pci-stub": { ...apart, [PORT]: "pci-stub" },
    "a port without driver": { ...apart, [PORT]: "none" },
  });
}

async function inTurn(
  bench: GroupBench,
  cases: Readonly<Record<string, DriversByFunction>>,
): Promise<VerdictsByCase> {
  const verdicts: Record<string, GroupVerdicts> = {};
  for (const [name, others] of Object.entries(cases)) verdicts[name] = await bench.verdicts(others);
  return verdicts;
}
