import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { startLab, type Lab } from "../../lab";
import { lookAtHost, settledDifferences } from "../support/host-look";
import { DynamicProvider, RpcError, type Properties } from "../support/dynamic-provider";
import buildPackage from "../support/build-package.js";
import { differencesOf } from "./differences";
import type { Figures, SoakTarget } from "./target";
import type { SoakSet, Weights } from "./walk";

const GUEST = "guest1";
const OWNER = "organization/soak/test/nic";
const DEVICE = "0000:01:00";
/** The guest of a busy machine without KVM boots for minutes. */
const BOOT_SECONDS = 900;
const COMMAND_MS = 120_000;
/** Twice what a machine with much other work has needed. */
const TIMEOUTS = { attachSeconds: 120, detachSeconds: 60 };
/** For what follows a call: the guest sees a plug, sessions end. */
const SETTLE_MS = 60_000;

/**
 * Drivers of the card, what QEMU and libvirt have of ours for the guest. One virsh: each takes half a second
 * to start.
 */
const LOOK = `
for n in 0 1 2 3; do d=$(readlink /sys/bus/pci/devices/${DEVICE}.$n/driver); echo "driver \${d##*/}"; done
virsh "dumpxml ${GUEST}; qemu-monitor-command ${GUEST} '{\\"execute\\":\\"qom-list\\",\\"arguments\\":{\\"path\\":\\"/machine/peripheral\\"}}'" > /run/soak.look || exit
grep -oE '"(ua-)?mfpci-[^"]*"' /run/soak.look | tr -d '"' | sort -u | sed 's/^/device /'
grep -o "alias name='ua-mfpci-[^']*'" /run/soak.look | sed 's/.*/holding/'
grep -o '${OWNER}' /run/soak.look | sort -u | sed 's/.*/entry/'
true`;

const FIGURES = `
fds() { ls /proc/$1/fd | wc -l; }
kib() { sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$1/status; }
libvirtd=$(pidof libvirtd); qemu=$(cat /run/libvirt/qemu/${GUEST}.pid)
channels=0; for one in $(pgrep -x sshd-session); do channels=$((channels + $(fds $one))); done
echo $(fds $libvirtd) $(kib $libvirtd) $(fds $qemu) $channels $(pgrep -cx sshd-session) \\
  $(pgrep -fc 'read -r -N [0-9]+ program') $(ls /run/lock | grep -ci multifunction)`;

/** What an engine remembers of the resource. */
interface State {
  readonly id: string;
  readonly outs: Properties;
  readonly inputs: Properties;
}

/**
 * One provider process for the whole soak, spoken to as Pulumi does, against the lab's real sshd, libvirtd,
 * QEMU and VFIO.
 */
export class LabTarget implements SoakTarget {
  readonly buses = ["pci.6", "pci.7", "pci.8"];
  /** The guest boots for minutes here. */
  readonly weights: Weights = {
    kinds: { create: 10, change: 7, move: 3, destroy: 7, refresh: 3, reset: 0.15 },
    guests: { runs: 30, resumed: 4, deadline: 0.5, reset: 0.15 },
  };
  private state: State | undefined;
  private isBooting = false;
  /** How much the provider had printed when the last operation began. */
  private printedBefore = 0;

  private constructor(
    private readonly lab: Lab,
    private readonly provider: DynamicProvider,
    /** The host as it was before anything began. */
    private readonly baseline: readonly string[],
  ) {}

  static async start(log: (line: string) => void): Promise<LabTarget> {
    buildPackage();
    const lab = await startLab({ log });
    return new LabTarget(lab, await DynamicProvider.startConfigured(), await lookAtHost(lab));
  }

  async attach(to: SoakSet): Promise<void> {
    const inputs = await this.checked(to);
    const { state } = this;
    this.printedBefore = this.provider.printed.length;
    try {
      if (state === undefined) {
        this.state = { ...(await this.provider.create(inputs)), inputs };
      } else {
        const { outs } = await this.provider.update(state.id, state.outs, inputs);
        this.state = { id: state.id, outs, inputs };
      }
    } catch (error) {
      if (error instanceof RpcError && error.partial)
        this.state = { id: error.partial.id, outs: error.partial.properties, inputs };
      throw error;
    }
  }

  async detach(): Promise<void> {
    if (this.state === undefined) throw new Error("nothing is attached");
    this.printedBefore = this.provider.printed.length;
    await this.provider.delete(this.state.id, this.state.outs);
    this.state = undefined;
  }

  async refresh(): Promise<void> {
    if (this.state === undefined) throw new Error("nothing is attached");
    const { id, props } = await this.provider.read(this.state.id, this.state.outs);
    const complaints = differencesOf(
      "the state after a refresh",
      withoutInformational({ ...props, id }),
      withoutInformational({ ...this.state.outs, id: this.state.id }),
    );
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  }

  async pause(): Promise<void> {
    await this.onHost(`virsh suspend ${GUEST}`);
  }

  async resume(): Promise<void> {
    await this.onHost(`virsh resume ${GUEST}`);
  }

  async reset(): Promise<void> {
    // it says once that it is up, to whoever listens then
    await this.onHost(
      `rm -f /run/guest-is-up; (lab-console ${GUEST} ready && touch /run/guest-is-up) >/dev/null 2>&1 & sleep 1`,
    );
    await this.onHost(`virsh reset ${GUEST}`);
    this.isBooting = true;
  }

  async booted(): Promise<void> {
    if (!this.isBooting) return;
    const endsAt = Date.now() + BOOT_SECONDS * 1000;
    while ((await this.lab.exec("[ -e /run/guest-is-up ]")).code !== 0) {
      if (Date.now() > endsAt) throw new Error(`${GUEST} has not booted within ${BOOT_SECONDS} s`);
      await sleep(1000);
    }
    this.isBooting = false;
  }

  isDeadline(error: unknown): boolean {
    if (!(error instanceof RpcError)) return false;
    const said = [error.message, ...(error.partial?.reasons ?? [])].join(" ");
    return said.includes("[DEADLINE_EXCEEDED]");
  }

  async complaints(set: SoakSet | undefined): Promise<string[]> {
    const { attached = [] } = (this.state?.outs ?? {}) as {
      attached?: { qemuId: string; guestFunction: number }[];
    };
    const said = this.provider.printed.slice(this.printedBefore);
    const numbers = attached.map((one) => one.guestFunction);
    const [look, drift, guest] = await Promise.all([
      this.onHost(LOOK),
      this.drift(),
      this.guestComplaints(set, numbers),
    ]);
    const lines = look.split("\n").filter(Boolean);
    const expected = [
      ...Array.from({ length: 4 }, () => `driver ${set ? "vfio-pci" : "e1000e"}`),
      ...attached.map((one) => `device ${one.qemuId}`),
      ...(set ? ["holding", "holding", "holding", "holding", "entry"] : []),
    ];
    const complaints = [
      ...differencesOf("what is on the host", lines.sort(), expected.sort()),
      ...differencesOf("attached functions", attached.length, set?.functions.length ?? 0),
      ...drift,
      ...guest,
    ];
    return complaints.length === 0 ? [] : [...complaints, "the last operation said:", ...said];
  }

  async processorSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.provider.pid}/stat`, "utf8");
    // after the name in brackets, which may hold anything; in hundredths of a second (USER_HZ)
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async figures(): Promise<Figures> {
    const { pid } = this.provider;
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const fds = await readdir(`/proc/${pid}/fd`);
    const look = await this.onHost(FIGURES);
    const count = (value: number | undefined, mayGrow = 0): Figures[string] => ({
      value: value ?? NaN,
      unit: "",
      mayGrow,
    });
    const [libvirtd, libvirtdKiB, qemu, channels, sessions, helpers, locks] = look
      .trim()
      .split(" ")
      .map(Number);
    const ownKiB = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
    return {
      "provider: resident memory": { value: ownKiB / 1024, unit: "MiB", mayGrow: 16 },
      "provider: file descriptors": count(fds.length),
      "host: file descriptors of its sshd sessions (the open channels)": count(channels),
      "host: sshd sessions": count(sessions),
      "host: lock helpers": count(helpers),
      "host: lock files": count(locks),
      "host: file descriptors of libvirtd": count(libvirtd),
      "host: resident memory of libvirtd": { value: (libvirtdKiB ?? NaN) / 1024, unit: "MiB" },
      "host: file descriptors of the guest's QEMU": count(qemu),
    };
  }

  /** Ends everything; throws where something was left on the host. */
  async close(): Promise<void> {
    try {
      await this.provider[Symbol.asyncDispose]();
      if (this.state !== undefined) return;
      const left = await settledDifferences(() => lookAtHost(this.lab), this.baseline, SETTLE_MS);
      if (left.length > 0) throw new Error(`left or changed on the host:\n${left.join("\n")}`);
    } finally {
      await this.lab.close();
    }
  }

  private async checked({ functions, bus }: SoakSet): Promise<Properties> {
    const { host, port, privateKey, hostKey } = this.lab.ssh;
    const { inputs, failures } = await this.provider.check(this.state?.outs ?? {}, {
      connection: { host, port, user: "root", privateKey, hostKey },
      guest: { domain: GUEST },
      ownerToken: OWNER,
      device: DEVICE,
      functions,
      leftovers: "hold",
      timeouts: TIMEOUTS,
      ...(bus !== undefined && { guestSlot: { bus } }),
    });
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return inputs;
  }

  private async drift(): Promise<string[]> {
    if (this.state === undefined) return [];
    const { id, outs, inputs } = this.state;
    const before = this.provider.printed.length;
    const { changes } = await this.provider.diff(id, outs, inputs);
    return changes === "none" ? [] : [`drift: ${this.provider.printed.slice(before).join("\n")}`];
  }

  /** All functions together, in the slot, or none. */
  private async guestComplaints(set: SoakSet | undefined, functions: readonly number[]): Promise<string[]> {
    const bus = Number((set?.bus ?? this.buses.at(-1))?.replace("pci.", ""));
    const expected = functions.map((one) => `0000:${bus.toString(16).padStart(2, "0")}:00.${one}`).sort();
    const endsAt = Date.now() + SETTLE_MS;
    for (;;) {
      const seen = await this.lab.guestPciFunctions(GUEST);
      // libvirt's USB controller is behind the first port
      const behindPorts = seen.filter((one) => Number.parseInt(one.slice(5, 7), 16) > 1);
      const found = differencesOf("what the guest sees", behindPorts, expected);
      if (found.length === 0 || Date.now() > endsAt) return found;
      await sleep(500);
    }
  }

  private async onHost(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(command, { timeoutMs: COMMAND_MS });
    if (code !== 0) throw new Error(`on the lab's host, "${command}" ended with ${code}: ${stderr}`);
    return stdout;
  }
}

/** What is only told of the guest may change from look to look. */
function withoutInformational({
  guestAddress: _address,
  guestConfigured: _configured,
  guestState: _state,
  ...others
}: Properties): Properties {
  return others;
}
