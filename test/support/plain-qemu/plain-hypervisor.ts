import { surveyGuest, QmpGuest, type GuestSurvey } from "../../../provider/hypervisor/qemu";
import type { Guest, Host, Hypervisor, Ledger, Lock, ObservationQuery } from "../../../provider/apply";
import type { HostFunction } from "../../../provider/host/facts";
import type { QmpMonitor } from "../../../provider/qmp";
import { expressBus, hostDevice, OWN_GUEST, World } from "../world";
import { WorldHypervisor } from "../world-hypervisor";
import { EmulatedVfio } from "./emulated-vfio";

/** A QEMU behind some monitor: a PlainQemu, or one that libvirt has started. */
export interface MonitoredQemu {
  readonly buses: readonly string[];
  readonly monitor: QmpMonitor;
  readonly hasEnded: boolean;
}

/**
 * The ports of apply over a real QEMU: the guest's part is the product's own, over the real monitor; the
 * host's part (functions, drivers, holdings, ledger, locks) is a {@link World} in memory, which sees what
 * QEMU has before each of its calls, and throws where a real host would hang.
 */
export class PlainHypervisor implements Hypervisor {
  readonly label = "plain QEMU";
  readonly guestName = OWN_GUEST.name;
  readonly world: World;
  readonly guest: Guest;
  readonly #qemu: MonitoredQemu;
  readonly #monitor: EmulatedVfio;
  readonly #inMemory: WorldHypervisor;

  /**
   * @param functions of the host; default: the laboratory's card, `0000:01:00.0` to `.3`, in one IOMMU group.
   */
  constructor(qemu: MonitoredQemu, functions: readonly HostFunction[] = hostDevice()) {
    this.#qemu = qemu;
    this.world = new World({ functions, buses: qemu.buses.map((bus) => expressBus(bus)) });
    this.#monitor = new EmulatedVfio(qemu.monitor, (address) =>
      this.world.holdings.some((one) => one.hostAddress === address && one.guest === OWN_GUEST),
    );
    this.guest = new QmpGuest(this.#monitor);
    this.#inMemory = new WorldHypervisor(this.world);
  }

  /**
   * What the host's part was asked to do, e.g. `hold 0000:01:00.0`; for a look, and to be emptied by long
   * runs.
   */
  get calls(): string[] {
    return this.#inMemory.calls;
  }

  readonly host: Host = {
    firstHold: "alone",
    readIdentity: (query, signal) => this.#seeing(signal, (host) => host.readIdentity(query, signal)),
    observe: async (query, signal) => {
      const survey = await this.#see(signal, query.forPlug);
      const seen = await this.#inMemory.host.observe(query, signal);
      if (survey === undefined) return seen;
      const { runState, qemuVersion, buses, plugged } = survey;
      return { ...seen, guest: { ...seen.guest, runState, qemuVersion }, buses, plugged };
    },
    configuration: {
      configure: (functions, signal) =>
        this.#seeing(signal, (host) => host.configuration.configure(functions, signal)),
      unconfigure: (functions, signal) =>
        this.#seeing(signal, (host) => host.configuration.unconfigure(functions, signal)),
    },
    hold: (request, signal) => this.#seeing(signal, (host) => host.hold(request, signal)),
    release: (request, signal) => this.#seeing(signal, (host) => host.release(request, signal)),
    heldAliases: (signal) => this.#seeing(signal, (host) => host.heldAliases(signal)),
    readFunctions: (addresses, signal) =>
      this.#seeing(signal, (host) => host.readFunctions(addresses, signal)),
    rebind: (address, signal) => this.#seeing(signal, (host) => host.rebind(address, signal)),
  };

  get ledger(): Ledger {
    return this.#inMemory.ledger;
  }

  get lock(): Lock {
    return this.#inMemory.lock;
  }

  async #seeing<T>(signal: AbortSignal, call: (host: WorldHypervisor["host"]) => Promise<T>): Promise<T> {
    await this.#see(signal);
    return call(this.#inMemory.host);
  }

  /** Tells the world what QEMU has; undefined where QEMU has ended, also in the middle of this look. */
  async #see(signal: AbortSignal, forPlug?: ObservationQuery["forPlug"]): Promise<GuestSurvey | undefined> {
    const scope = { reservedSlots: () => [], ...(forPlug && { plugBuses: forPlug.buses }) };
    try {
      const survey = await surveyGuest(this.#monitor, scope, signal);
      this.world.runState = survey.runState;
      this.world.qemuVersion = survey.qemuVersion;
      this.world.plugged = [...survey.plugged];
      return survey;
    } catch (cause) {
      if (!this.#qemu.hasEnded) throw cause;
      if (this.world.isRunning) this.world.stopGuest();
      return undefined;
    }
  }
}
