import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { hasCode } from "../../provider/errors";
import { attach, AttachFailure, detach, type ActualState } from "../../provider/apply";
import { readActualState } from "../support/read-actual-state";
import type { PciSlotAddress } from "../../provider/pci";
import { planAttach, type DesiredAttachment } from "../../provider/plan";
import { composeState, isSameState, priorOf, type AttachmentState } from "../../provider/resource";
import { PERIPHERAL_PATH } from "../../provider/qmp";
import { PlainHypervisor, PlainQemu, type PlainQemuOptions } from "../support/plain-qemu";
import { OWN_GUEST } from "../support/world";
import { differencesOf } from "./differences";
import type { Figures, SoakTarget } from "./target";
import type { SoakSet, Weights } from "./walk";

const OWNER = "organization/soak/test/nic";
const DEVICE = "0000:01:00" as PciSlotAddress;
const ATTACH_SECONDS = 60;
/** A guest lets go in a second or, natively, in six; a busy machine needs more. */
const DETACH_SECONDS = { acpi: 20, native: 40 };
const INTERVAL_MS = 60_000;
/** A guest sees what was plugged, or loses what was unplugged, within tenths of a second. */
const SETTLE_MS = 60_000;

/**
 * The product's own lifecycle against a real QEMU and a real guest on this machine, with emulated functions
 * and a host in memory. What counts as the provider here is this very process.
 */
export class QemuTarget implements SoakTarget {
  /** A reset costs a boot of many seconds, a deadline is waited for. */
  readonly weights: Weights = {
    kinds: { create: 10, change: 8, move: 4, destroy: 7, refresh: 3, reset: 0.3 },
    guests: { runs: 40, resumed: 8, deadline: 0.3, reset: 0.6 },
  };
  private state: AttachmentState | undefined;
  private set: SoakSet | undefined;

  private constructor(
    private readonly qemu: PlainQemu,
    private readonly hypervisor: PlainHypervisor,
    private readonly slots: PlainQemuOptions["slots"],
    private readonly deadlineSeconds: number,
  ) {}

  /** @param deadlineSeconds of an unplug; default: what a busy machine needs */
  static async start(
    slots: PlainQemuOptions["slots"],
    deadlineSeconds = DETACH_SECONDS[slots],
  ): Promise<QemuTarget> {
    const qemu = await PlainQemu.start({ slots });
    try {
      await qemu.booted();
    } catch (cause) {
      await qemu.stop();
      throw cause;
    }
    return new QemuTarget(qemu, new PlainHypervisor(qemu), slots, deadlineSeconds);
  }

  get buses(): readonly string[] {
    return this.qemu.buses;
  }

  async attach(to: SoakSet): Promise<void> {
    const isUpdate = this.state !== undefined;
    const prior = this.state && priorOf(this.state);
    const buses = [to.bus, prior?.slot?.bus].filter((bus) => bus !== undefined);
    try {
      this.keep(
        await attach(this.hypervisor, {
          desired: desiredOf(to),
          query: { addresses: [DEVICE], forPlug: { buses } },
          limitSeconds: isUpdate ? this.deadlineSeconds : ATTACH_SECONDS,
          undoSeconds: ATTACH_SECONDS,
          progress: () => undefined,
          ...(prior && { prior }),
        }),
      );
      this.set = to;
    } catch (error) {
      if (error instanceof AttachFailure) this.keep(error.actual);
      throw error;
    }
  }

  async detach(): Promise<void> {
    if (this.state === undefined) throw new Error("nothing is attached");
    await detach(this.hypervisor, {
      ownerToken: OWNER,
      query: { addresses: [DEVICE] },
      guestUuid: OWN_GUEST.uuid,
      prior: priorOf(this.state),
      verify: () => undefined,
      limitSeconds: this.deadlineSeconds,
      progress: () => undefined,
    });
    this.state = undefined;
    this.set = undefined;
  }

  async refresh(): Promise<void> {
    const complaints = await this.drift();
    if (complaints.length > 0) throw new Error(complaints.join("\n"));
  }

  async pause(): Promise<void> {
    await this.qemu.qmp("stop");
  }

  async resume(): Promise<void> {
    await this.qemu.qmp("cont");
  }

  reset(): Promise<void> {
    return this.qemu.reset();
  }

  booted(): Promise<void> {
    return this.qemu.booted();
  }

  isDeadline(error: unknown): boolean {
    const cause = error instanceof Error ? error.cause : undefined;
    return hasCode(error, "DEADLINE_EXCEEDED") || (cause !== undefined && this.isDeadline(cause));
  }

  async complaints(set: SoakSet | undefined): Promise<string[]> {
    return [
      ...(await this.drift()),
      ...(await this.qomComplaints(set)),
      ...this.hostComplaints(set),
      ...(await this.guestComplaints(set)),
    ];
  }

  async processorSeconds(): Promise<number> {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  async figures(): Promise<Figures> {
    // what a long run writes down of its calls is not the product's
    this.hypervisor.calls.length = 0;
    collectGarbage();
    const { heapUsed, rss } = process.memoryUsage();
    // one after the other: a look at something else is a descriptor
    const own = await readdir("/proc/self/fd");
    const qemu = await readdir(`/proc/${this.qemu.pid}/fd`);
    const status = await readFile(`/proc/${this.qemu.pid}/status`, "utf8");
    const qemuKiB = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]);
    return {
      "provider: memory in use after a collection": { value: heapUsed / 2 ** 20, unit: "MiB", mayGrow: 4 },
      "provider: resident memory": { value: rss / 2 ** 20, unit: "MiB" },
      "provider: file descriptors": { value: own.length, unit: "", mayGrow: 0 },
      "provider: listeners on the monitor": { value: this.qemu.monitor.listenerCount, unit: "", mayGrow: 0 },
      "QEMU: file descriptors": { value: qemu.length, unit: "", mayGrow: 0 },
      "QEMU: resident memory": { value: qemuKiB / 1024, unit: "MiB" },
    };
  }

  async close(): Promise<void> {
    await this.qemu.stop();
  }

  private keep(actual: ActualState | undefined): void {
    this.state = actual && composeState({}, actual);
  }

  /** What the provider's own look finds that differs from the state, as its diff and read do. */
  private async drift(): Promise<string[]> {
    const signal = AbortSignal.timeout(INTERVAL_MS);
    const prior = this.state && priorOf(this.state);
    const query = { addresses: [DEVICE], forPlug: { buses: [] } };
    const actual = await readActualState(this.hypervisor, query, OWNER, signal, prior);
    if (this.set === undefined || this.state === undefined)
      return actual === undefined ? [] : [`something is left: ${JSON.stringify(actual)}`];
    const plan = planAttach(await this.hypervisor.host.observe(query, signal), desiredOf(this.set), prior);
    return [
      ...plan.steps.map((step) => `drift: there would be a step ${step.kind}`),
      ...(isSameState(this.state, actual)
        ? []
        : [`drift: the state ${JSON.stringify(this.state)} is not ${JSON.stringify(actual)}`]),
    ];
  }

  private async qomComplaints(set: SoakSet | undefined): Promise<string[]> {
    const list = (await this.qemu.qmp("qom-list", { path: PERIPHERAL_PATH })) as {
      name: string;
      type: string;
    }[];
    const known = ["type", ...this.qemu.buses];
    const seen = list.map((one) => one.name).filter((name) => !known.includes(name));
    const expected = (this.state?.attached ?? []).map((one) => one.qemuId);
    return [
      ...differencesOf("QEMU's devices", seen.sort(), [...expected].sort()),
      ...differencesOf("attached functions", expected.length, set?.functions.length ?? 0),
    ];
  }

  private hostComplaints(set: SoakSet | undefined): string[] {
    const { world } = this.hypervisor;
    const drivers = [...world.functions.values()].map((one) => one.driver);
    const driver = set === undefined ? "e1000e" : "vfio-pci";
    const { held, ledger } = world.partOf(OWNER);
    return [
      ...differencesOf("host drivers", drivers, [driver, driver, driver, driver]),
      ...differencesOf("held functions", held.length, set === undefined ? 0 : 4),
      ...differencesOf("ledger entries", ledger.length, set === undefined ? 0 : 1),
    ];
  }

  /** All functions together, in the slot, or none. */
  private async guestComplaints(set: SoakSet | undefined): Promise<string[]> {
    const bus = set?.bus ?? this.buses.at(-1) ?? "";
    const number = bus.replace("pci.", "").padStart(2, "0");
    const expected = (this.state?.attached ?? [])
      .map((one) => `0000:${number}:00.${one.guestFunction}`)
      .sort();
    const endsAt = Date.now() + SETTLE_MS;
    for (;;) {
      const found = differencesOf("what the guest sees", await this.qemu.pciFunctions(), expected);
      if (found.length === 0 || Date.now() > endsAt) return found;
      await sleep(50);
    }
  }
}

function desiredOf({ functions, bus }: SoakSet): DesiredAttachment {
  return {
    ownerToken: OWNER,
    selection: { by: "device", device: DEVICE, functions },
    leftovers: "hold",
    adopt: false,
    allowInUse: false,
    persistent: false,
    ...(bus !== undefined && { guestSlot: { bus } }),
  };
}

let collect: (() => void) | undefined;

/** Node hides its collector until it is asked for. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  collect ??= runInNewContext("gc") as () => void;
  collect();
}
