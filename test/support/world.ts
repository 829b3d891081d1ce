import type { FunctionMapping, GuestBus, PciAddress, SlotKind } from "../../provider/pci";
import type { HostFunction } from "../../provider/host/facts";
import {
  aliasOf,
  findTagOfAlias,
  findTagOfQemuId,
  tagOf,
  type ConfiguredElsewhere,
  type ConfiguredFunction,
  type GuestRunState,
  type Holding,
  type LedgerEntry,
  type LedgerLocation,
  type Observation,
  type OlderLibvirt,
  type PlugTarget,
  type PluggedFunction,
  type Step,
} from "../../provider/plan";

/** A law of QEMU, libvirt or VFIO that a plan would break on a real host. */
export class WorldViolation extends Error {
  override readonly name = "WorldViolation";
}

/** A slot of a bus. */
interface SlotPlace {
  readonly bus: string;
  readonly slot: number;
}

/** What a world begins with. */
export interface WorldStart {
  readonly functions: readonly HostFunction[];
  readonly buses?: readonly GuestBus[];
  readonly runState?: GuestRunState;
  readonly qemuVersion?: string;
  readonly memoryBytes?: number;
  /** Whether libvirt, and not this provider, plugs what is alone in its slot. */
  readonly plugsSingles?: boolean;
  /**
   * Set where libvirt cannot hold what it does not show, and QEMU opens only groups that libvirt has plugged
   * one of.
   */
  readonly olderLibvirt?: OlderLibvirt;
  /** The kernel's variants of vfio-pci for some functions: libvirt binds them in place of it. */
  readonly variants?: ReadonlyMap<PciAddress, string>;
}

export const OWN_GUEST = { name: "guest1", uuid: "11111111-1111-4111-8111-111111111111" };
export const OTHER_GUEST = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222" };
export const HOST_UUID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

type Guest = typeof OWN_GUEST;

/**
 * A hypervisor in memory that obeys the laws measured on real ones, and throws {@link WorldViolation} where
 * a real one would block, kill or refuse: what a step does is written down here once more, independently
 * of the code under test.
 */
export class World {
  readonly functions: Map<PciAddress, HostFunction>;
  runState: GuestRunState;
  /** Of the host. Undefined: nothing tells. */
  kernelRelease: string | undefined;
  qemuVersion: string;
  memoryBytes: number | undefined;
  holdings: Holding[] = [];
  plugged: PluggedFunction[] = [];
  ledger: { guest: Guest; entry: LedgerEntry }[] = [];
  /** What the own guest's configuration has. */
  configured: ConfiguredFunction[] = [];
  configuredLedger: LedgerEntry[] = [];
  isTransient = false;
  /** Whether the state of the guest, which is shut off, is saved. */
  hasSavedState = false;
  /** What the configurations of other guests give to them. */
  configuredElsewhere: ConfiguredElsewhere[] = [];
  qemuLimits: Observation["qemuLimits"];
  hostList: Observation["hostList"];
  hostUses: Observation["hostUses"] = [];
  wayThroughGuest: Observation["wayThroughGuest"];
  /** Ids of host functions that QEMU has and does not tell of which they are. */
  unidentified: readonly string[] = [];
  /** Functions that come back from a release without driver, as libvirt's do where VFIO is still busy. */
  readonly losesDriverAtRelease = new Set<PciAddress>();
  /** Buses that the guest's firmware has not numbered since its last reset. */
  readonly unnumbered = new Set<string>();
  readonly plugsSingles: boolean;
  readonly olderLibvirt: OlderLibvirt | undefined;
  /**
   * Set while the guest's system does nothing, though it runs: notifications wait for it. A guest that is
   * paused for a moment, or whose processors get no time.
   */
  isStandingStill = false;
  /** Ids of functions that the guest has mapped. */
  readonly mapped = new Set<string>();
  /** ACPI's notifications that the guest has not carried out yet, in their order. */
  #notifications: { readonly what: "check" | "eject"; readonly bus: string; readonly slot: number }[] = [];
  /** Slots that QEMU shows as to be ejected: a level, which an eject or a reset clears, and nothing else. */
  #down: SlotPlace[] = [];
  /** Slots that QEMU shows as plugged: the guest's reading clears it. */
  #up: SlotPlace[] = [];
  /**
   * What an older libvirt was asked to take from the host's driver: it gives that back only when asked to.
   */
  readonly #detached = new Set<PciAddress>();
  /** What an older libvirt has taken for a cold boot: it gives that back by itself when the guest ends. */
  readonly #takenAtBoot = new Set<PciAddress>();
  readonly #variants: ReadonlyMap<PciAddress, string>;
  #buses: readonly GuestBus[];
  readonly #driversBefore = new Map<PciAddress, string | undefined>();

  constructor(start: WorldStart) {
    this.functions = new Map(start.functions.map((one) => [one.hostAddress, one]));
    this.#buses = start.buses ?? [expressBus("pci.2"), expressBus("pci.3"), expressBus("pci.4")];
    this.runState = start.runState ?? "running";
    this.qemuVersion = start.qemuVersion ?? "10.0.13";
    this.memoryBytes = start.memoryBytes;
    this.plugsSingles = start.plugsSingles ?? false;
    this.olderLibvirt = start.olderLibvirt;
    this.#variants = start.variants ?? new Map();
  }

  clone(): World {
    const functions = [...this.functions.values()];
    const { plugsSingles, olderLibvirt } = this;
    const copy = new World({
      functions,
      buses: this.#buses,
      variants: this.#variants,
      plugsSingles,
      ...(olderLibvirt && { olderLibvirt }),
    });
    copy.runState = this.runState;
    copy.kernelRelease = this.kernelRelease;
    copy.qemuVersion = this.qemuVersion;
    copy.memoryBytes = this.memoryBytes;
    copy.holdings = [...this.holdings];
    copy.plugged = [...this.plugged];
    copy.ledger = [...this.ledger];
    copy.hostUses = this.hostUses;
    copy.unidentified = this.unidentified;
    copy.configured = [...this.configured];
    copy.configuredLedger = [...this.configuredLedger];
    copy.isTransient = this.isTransient;
    copy.hasSavedState = this.hasSavedState;
    copy.configuredElsewhere = [...this.configuredElsewhere];
    copy.qemuLimits = this.qemuLimits;
    copy.hostList = this.hostList;
    copy.wayThroughGuest = this.wayThroughGuest;
    copy.isStandingStill = this.isStandingStill;
    copy.#notifications = [...this.#notifications];
    copy.#down = [...this.#down];
    copy.#up = [...this.#up];
    for (const one of this.mapped) copy.mapped.add(one);
    for (const one of this.#detached) copy.#detached.add(one);
    for (const one of this.#takenAtBoot) copy.#takenAtBoot.add(one);
    for (const one of this.losesDriverAtRelease) copy.losesDriverAtRelease.add(one);
    for (const [hostAddress, driver] of this.#driversBefore) copy.#driversBefore.set(hostAddress, driver);
    return copy;
  }

  observe(): Observation {
    return {
      hostUuid: HOST_UUID,
      guest: {
        ...OWN_GUEST,
        ...(this.runState === "missing" && { uuid: "" }),
        runState: this.runState,
        qemuVersion: this.qemuVersion,
        ...(this.hasSavedState && !this.isRunning && { hasSavedState: true }),
        ...(this.memoryBytes !== undefined && { memoryBytes: this.memoryBytes }),
      },
      buses: this.isRunning ? this.#busesNow() : this.runState === "off" ? this.#busesAtStart() : [],
      functions: new Map(this.functions),
      holdings: [...this.holdings],
      plugged: [...this.plugged],
      ...(this.isRunning && this.unidentified.length > 0 && { unidentified: this.unidentified }),
      ledger: [...this.ledger],
      ...(this.runState === "off" && { configuredElsewhere: [...this.configuredElsewhere] }),
      hostUses: this.hostUses,
      ...(this.wayThroughGuest && { wayThroughGuest: this.wayThroughGuest }),
      ...(this.kernelRelease !== undefined && { kernelRelease: this.kernelRelease }),
      ...(this.qemuLimits && { qemuLimits: this.qemuLimits }),
      ...(this.hostList && { hostList: this.hostList }),
      ...(this.plugsSingles && { plugsSingles: true }),
      ...(this.olderLibvirt && { olderLibvirt: this.olderLibvirt, ledgerLocation: "domain" as const }),
      ...(this.runState !== "missing" &&
        !this.isTransient && {
          configuration: {
            buses: ["pcie.0", ...this.#buses.map((one) => one.bus)],
            functions: [...this.configured],
            ledger: [...this.configuredLedger],
          },
        }),
    };
  }

  apply(step: Step): void {
    switch (step.kind) {
      case "record":
        return this.record(step.entry, step.locations);
      case "erase":
        return this.erase(step.entry, step.locations);
      case "hold":
        return this.hold(step.hostAddress, step.alias, OWN_GUEST, step.vfioDriver);
      case "attach-single":
        return this.attach(step.target, step.slot, step.vfioDriver);
      case "plug":
        return this.plug(step.target, step.slot, step.multifunction);
      case "plug-stepping-stone":
        return this.plugSteppingStone(step.target, step.slot);
      case "unplug-stepping-stone":
        this.requestUnplug(step.target.qemuId);
        return this.unplugSteppingStone(step.target);
      case "unplug":
        for (const id of step.requests) this.requestUnplug(id);
        for (const one of step.functions) this.#expect(!this.hasDevice(one.qemuId), `${one.qemuId} stayed`);
        return;
      case "confirm":
        for (const one of step.functions)
          this.#expect(this.hasDevice(one.qemuId), `${one.qemuId} is missing`);
        return;
      case "release":
        return this.release(step.hostAddress, step.alias);
      case "await-reattach":
        while (step.functions.some((one) => this.#isLibvirts(one.alias)))
          this.#expect(this.handOneBack(), "libvirt hands nothing back that QEMU still has");
        return;
      case "configure":
        return this.configure(step.functions);
      case "unconfigure":
        return this.unconfigure(step.functions);
      case "restore":
        for (const { hostAddress, hostDriver } of step.drivers)
          if (this.functions.get(hostAddress)?.driver !== hostDriver) this.bind(hostAddress, hostDriver);
    }
  }

  applyAll(steps: readonly Step[]): this {
    for (const step of steps) this.apply(step);
    return this;
  }

  /** Somebody has given slots of these buses to devices of the guest's next configuration. */
  reserveAtBoot(slots: Readonly<Record<string, number>>): void {
    this.#buses = this.#buses.map((one) => {
      const slot = slots[one.bus];
      return slot === undefined ? one : { ...one, reservedAtBoot: [...(one.reservedAtBoot ?? []), slot] };
    });
  }

  hasDevice(qemuId: string): boolean {
    return this.plugged.some((one) => one.qemuId === qemuId);
  }

  record(entry: LedgerEntry, locations: readonly LedgerLocation[] = ["live"]): void {
    this.#eraseWhere((one) => isNamedAs(one, entry), locations);
    if (locations.includes("live") || locations.includes("domain"))
      this.ledger.push({ guest: OWN_GUEST, entry });
    if (locations.includes("configuration")) this.configuredLedger.push(entry);
  }

  /** What another create has made under the same owner stays. */
  erase(entry: LedgerEntry, locations: readonly LedgerLocation[] = ["live"]): void {
    this.#eraseWhere((one) => isNamedAs(one, entry) && one.incarnation === entry.incarnation, locations);
  }

  #eraseWhere(isErased: (entry: LedgerEntry) => boolean, locations: readonly LedgerLocation[]): void {
    const isAnothers = (entry: LedgerEntry): boolean => !isErased(entry);
    if (locations.includes("live")) {
      this.#expect(this.isRunning, "there is no live metadata of a guest that does not run");
      this.ledger = this.ledger.filter((line) => line.guest !== OWN_GUEST || isAnothers(line.entry));
    }
    if (locations.includes("domain"))
      this.ledger = this.ledger.filter((line) => line.guest !== OWN_GUEST || isAnothers(line.entry));
    if (locations.includes("configuration")) {
      this.#expectConfiguration();
      this.configuredLedger = this.configuredLedger.filter(isAnothers);
    }
  }

  configure(functions: readonly ConfiguredFunction[]): void {
    this.#expectConfiguration();
    for (const one of functions) {
      const { hostAddress, alias, guestAddress } = one;
      this.#expect(
        !this.configured.some((other) => other.hostAddress === hostAddress),
        `device is already in the domain configuration: ${hostAddress}`,
      );
      this.#expect(
        !this.configured.some((other) => other.alias === alias),
        `non unique alias detected: ${alias}`,
      );
      if (guestAddress !== undefined) {
        const bus = this.#buses.find((candidate) => candidate.bus === guestAddress.bus);
        this.#expect(bus !== undefined, `there is no bus ${guestAddress.bus}`);
        this.#expect(
          !bus?.reservedSlots.includes(guestAddress.slot) &&
            !bus?.reservedAtBoot?.includes(guestAddress.slot) &&
            !this.configured.some(
              (other) =>
                other.guestAddress?.bus === guestAddress.bus &&
                other.guestAddress.slot === guestAddress.slot &&
                (other.guestAddress.guestFunction === guestAddress.guestFunction ||
                  findTagOfAlias(other.alias) !== findTagOfAlias(alias)),
            ),
          `Attempted double use of PCI Address ${guestAddress.bus} ${guestAddress.slot}.${guestAddress.guestFunction}`,
        );
      }
      this.configured.push(one);
    }
  }

  unconfigure(functions: readonly ConfiguredFunction[]): void {
    this.#expectConfiguration();
    this.configured = this.configured.filter(
      (one) => !functions.some((other) => other.hostAddress === one.hostAddress),
    );
  }

  /**
   * A cold boot: libvirt takes all that the configuration has, and QEMU what is not unassigned, by libvirt's
   * aliases. Throws where the guest would not start.
   */
  coldBoot(): this {
    this.#expect(!this.isTransient, "a transient guest is gone when it ends");
    this.#expect(!this.isRunning, "the guest runs");
    this.runState = "running";
    this.ledger.push(...this.configuredLedger.map((entry) => ({ guest: OWN_GUEST, entry })));
    for (const { hostAddress, alias, guestAddress, vfioDriver } of this.configured) {
      const wasDetached = this.#detached.has(hostAddress);
      this.hold(hostAddress, alias, OWN_GUEST, vfioDriver);
      this.#takenAtBoot.add(hostAddress);
      if (!wasDetached) this.#detached.delete(hostAddress);
      if (guestAddress !== undefined)
        this.holdings = this.holdings.map((h) => (h.alias === alias ? { ...h, isUnassigned: false } : h));
    }
    for (const { hostAddress, alias, guestAddress, romFile, romBar } of this.configured) {
      if (guestAddress === undefined) continue;
      const rom = { ...(romFile !== undefined && { romFile }), ...(romBar !== undefined && { romBar }) };
      const { iommuGroup } = this.functions.get(hostAddress) ?? {};
      this.#expectViable(hostAddress);
      this.plugged.push({ ...guestAddress, ...rom, qemuId: alias, hostAddress });
      this.mapped.add(alias);
      this.#expect(iommuGroup !== undefined, `${hostAddress} has no IOMMU group`);
    }
    for (const { bus, slot } of this.plugged)
      this.#expect(
        this.plugged.some((one) => one.bus === bus && one.slot === slot && one.guestFunction === 0),
        `the guest would see nothing in ${bus} slot ${slot}, since function 0 is missing`,
      );
    return this;
  }

  /**
   * Libvirt gives back one function that it had plugged itself and that QEMU has let go of, if there is one.
   */
  handOneBack(): boolean {
    const next = this.holdings.find(
      (h) => h.guest === OWN_GUEST && !h.isUnassigned && !this.#hasPlugged(h.hostAddress),
    );
    if (next === undefined || findTagOfAlias(next.alias) === undefined) return false;
    this.holdings = this.holdings.filter((other) => other !== next);
    if (this.#detached.has(next.hostAddress)) {
      this.holdings.push({ ...next, isUnassigned: true });
      return true;
    }
    this.bind(next.hostAddress, this.#driversBefore.get(next.hostAddress));
    return true;
  }

  /**
   * Whatever the function is on, libvirt binds the driver that it chooses or is told. What it has bound goes
   * to a driver of the host's at the release, also where another of VFIO's was on it before.
   */
  hold(hostAddress: PciAddress, alias: string, guest: Guest = OWN_GUEST, vfioDriver?: string): void {
    const one = this.functions.get(hostAddress);
    if (one === undefined) throw new WorldViolation(`${hostAddress} is not there`);
    this.#expect(!one.isBridge, `${hostAddress} is a bridge`);
    if (this.olderLibvirt && guest === OWN_GUEST) {
      if (vfioDriver === undefined) this.#detached.add(hostAddress);
      if (this.holdings.some((h) => h.alias === alias)) return;
    }
    this.#expect(!this.holdings.some((h) => h.alias === alias), `non unique alias detected: ${alias}`);
    const members = this.#groupOf(one).map((member) => member.hostAddress);
    const holder = this.holdings.find(
      (h) => h.hostAddress === hostAddress || (members.includes(h.hostAddress) && h.guest !== guest),
    );
    this.#expect(holder === undefined, `${hostAddress} is in use by ${holder?.guest.name}`);
    const chosen = vfioDriver ?? this.#variants.get(hostAddress) ?? "vfio-pci";
    const isRebound = isOfVfio(one.driver) && one.driver !== chosen;
    this.#driversBefore.set(hostAddress, isRebound ? "the host's own" : one.driver);
    this.bind(hostAddress, chosen);
    this.holdings.push({ guest, hostAddress, alias, isUnassigned: true });
  }

  plug(
    target: PlugTarget,
    slot: { bus: string; slot: number },
    multifunction: boolean,
    isByLibvirt = false,
  ): void {
    const { hostAddress, guestFunction, qemuId, romFile, romBar } = target;
    this.#expect(
      romFile === undefined || romBar !== false,
      "Hot-plugged device without ROM bar can't have an option ROM",
    );
    const bus = this.observe().buses.find((candidate) => candidate.bus === slot.bus);
    this.#expect(this.isRunning, "QEMU does not run");
    if (bus === undefined || !bus.hotplug.possible) throw new WorldViolation(`${slot.bus} takes no hotplug`);
    const { first, last } = bus.hotplug.slots;
    this.#expect(slot.slot >= first && slot.slot <= last, `slot ${slot.slot} is out of range`);
    this.#expect(guestFunction >= 0 && guestFunction <= 7, `function ${guestFunction} is out of range`);
    this.#expect(!this.hasDevice(qemuId), `Duplicate device ID '${qemuId}'`);
    const inSlot = bus.occupants.filter((one) => one.slot === slot.slot);
    this.#expect(
      !inSlot.some((one) => one.guestFunction === guestFunction || one.guestFunction === 0),
      `slot ${slot.slot} function ${guestFunction} already occupied`,
    );
    this.#expect(
      guestFunction !== 0 || inSlot.length === 0 || multifunction,
      `${slot.slot}.0 indicates single function, but others are already populated`,
    );
    const one = this.functions.get(hostAddress);
    const isHeld = this.holdings.some((h) => h.hostAddress === hostAddress && h.guest === OWN_GUEST);
    this.#expect(isHeld, `${hostAddress} is not held, so QEMU cannot open it`);
    const isOpen = this.plugged.some(
      (other) => this.functions.get(other.hostAddress)?.iommuGroup === one?.iommuGroup,
    );
    this.#expect(
      isOpen || !this.olderLibvirt || isByLibvirt,
      `Could not open '/dev/vfio/${one?.iommuGroup}': no function of it was introduced`,
    );
    this.#expect(one !== undefined, `${hostAddress} is not there`);
    this.#expect(isOfVfio(one?.driver), `${hostAddress} is not on vfio-pci, so QEMU cannot open it`);
    this.#expectViable(hostAddress);
    this.plugged.push({ ...target, bus: slot.bus, slot: slot.slot });
    if (guestFunction !== 0) return;
    if (!this.#kindOf(slot.bus).endsWith("-acpi")) return this.#map(slot);
    this.#up.push(slot);
    this.acpiEvent();
  }

  /**
   * What the guest does at an event of ACPI, of whichever slot: it goes over all slots, and notes a check for
   * each that is up and an eject for each that is down. So a second event before the eject makes a second
   * eject.
   */
  acpiEvent(): void {
    this.#notifications.push(
      ...this.#up.map(({ bus, slot }) => ({ what: "check" as const, bus, slot })),
      ...this.#down.map(({ bus, slot }) => ({ what: "eject" as const, bus, slot })),
    );
    this.#up = [];
    if (!this.isStandingStill) while (this.carryOutNotification());
  }

  /**
   * The guest carries out the oldest notification; false where there is none. An eject takes what is there by
   * now.
   */
  carryOutNotification(): boolean {
    const next = this.#notifications.shift();
    if (next === undefined) return false;
    const isThere = (one: SlotPlace): boolean => one.bus === next.bus && one.slot === next.slot;
    if (next.what === "check") {
      this.#map(next);
      return true;
    }
    this.#down = this.#down.filter((one) => !isThere(one));
    this.#up = this.#up.filter((one) => !isThere(one));
    this.plugged = this.plugged.filter((one) => !isThere(one));
    return true;
  }

  #map({ bus, slot }: SlotPlace): void {
    const inSlot = this.plugged.filter((one) => one.bus === bus && one.slot === slot);
    if (inSlot.some((one) => one.guestFunction === 0)) for (const one of inSlot) this.mapped.add(one.qemuId);
  }

  /** What a look at a function's registers tells. */
  stateOf(qemuId: string): "absent" | "present" | "driven" | "unknown" {
    const one = this.plugged.find((candidate) => candidate.qemuId === qemuId);
    if (one === undefined) return "unknown";
    if (!this.plugged.some((o) => o.bus === one.bus && o.slot === one.slot && o.guestFunction === 0))
      return "absent";
    return this.mapped.has(qemuId) ? "driven" : "present";
  }

  /** Libvirt's own hotplug: it takes the function, plugs it, and gives it back where QEMU refuses it. */
  attach(target: PlugTarget, slot: { bus: string; slot: number }, vfioDriver?: string): void {
    const { hostAddress, guestFunction, qemuId } = target;
    this.#expect(guestFunction === 0, "Only PCI device addresses with function=0 are supported");
    this.#expect(qemuId === aliasOf(findTagOfAlias(qemuId) ?? "", hostAddress), `${qemuId} is not its alias`);
    const wasDetached = this.#detached.has(hostAddress);
    this.hold(hostAddress, qemuId, OWN_GUEST, vfioDriver);
    if (!wasDetached) this.#detached.delete(hostAddress);
    this.plug(target, slot, false, true);
    this.#setShown(qemuId, true);
  }

  /**
   * An older libvirt plugs one that it was asked to take before, alone, and leaves it on vfio-pci afterwards.
   */
  plugSteppingStone(target: PlugTarget, slot: { bus: string; slot: number }): void {
    this.#expect(this.olderLibvirt !== undefined, "only an older libvirt is asked for that");
    this.#expect(target.guestFunction === 0, "Only PCI device addresses with function=0 are supported");
    this.plug(target, slot, false, true);
    this.#setShown(target.qemuId, true);
  }

  unplugSteppingStone({ qemuId }: PlugTarget): void {
    this.#expect(!this.hasDevice(qemuId), `${qemuId} stayed`);
    this.#setShown(qemuId, false);
  }

  #setShown(alias: string, isShown: boolean): void {
    this.holdings = this.holdings.map((h) => (h.alias === alias ? { ...h, isUnassigned: !isShown } : h));
  }

  requestUnplug(qemuId: string): "requested" | "gone" {
    const one = this.plugged.find((candidate) => candidate.qemuId === qemuId);
    if (one === undefined) return "gone";
    const inSlot = this.plugged.filter((other) => other.bus === one.bus && other.slot === one.slot);
    const kind = this.#kindOf(one.bus);
    const sweepsSlot = inSlot.some((other) => other.guestFunction === 0);
    this.#expect(this.runState !== "prelaunch", "an unplug request before the guest ran blocks the slot");
    for (const other of inSlot) this.mapped.delete(other.qemuId);
    if (kind.endsWith("-acpi")) {
      if (!this.#down.some((d) => d.bus === one.bus && d.slot === one.slot))
        this.#down.push({ bus: one.bus, slot: one.slot });
      this.acpiEvent();
    } else
      this.plugged = this.plugged.filter((other) => (sweepsSlot ? !inSlot.includes(other) : other !== one));
    return "requested";
  }

  release(hostAddress: PciAddress, alias: string): void {
    this.#expect(
      !this.plugged.some((one) => one.hostAddress === hostAddress),
      `release of ${hostAddress} while it is plugged: libvirtd and all its clients hang`,
    );
    const one = this.functions.get(hostAddress);
    const members = one === undefined ? [] : this.#groupOf(one).map((member) => member.hostAddress);
    this.#expect(
      !this.plugged.some((other) => members.includes(other.hostAddress)),
      `release of ${hostAddress} while its group is in use`,
    );
    const holding = this.holdings.find((h) => h.hostAddress === hostAddress && h.alias === alias);
    this.#expect(
      !this.olderLibvirt || !this.isRunning || !this.#takenAtBoot.has(hostAddress),
      `PCI device ${hostAddress} is in use by driver QEMU, domain guest1`,
    );
    if (holding === undefined) return;
    this.#expect(
      holding.isUnassigned,
      `release of ${hostAddress}, which libvirt plugged and hands back itself`,
    );
    this.holdings = this.holdings.filter((other) => other !== holding);
    this.#detached.delete(hostAddress);
    const before = this.#driversBefore.get(hostAddress);
    const isLost = !isOfVfio(before) && this.losesDriverAtRelease.has(hostAddress);
    this.bind(hostAddress, isLost ? undefined : before);
  }

  /** The guest ends: QEMU lets go of all, libvirt gives back what it took, and the live metadata is gone. */
  stopGuest(): void {
    this.runState = "off";
    this.plugged = [];
    this.#notifications = [];
    this.#down = [];
    this.#up = [];
    this.mapped.clear();
    if (this.olderLibvirt) {
      const isKept = (h: Holding): boolean => h.guest !== OWN_GUEST || this.#isLeftAlone(h);
      for (const { hostAddress } of this.holdings.filter((h) => !isKept(h)))
        this.bind(hostAddress, this.#driversBefore.get(hostAddress));
      this.holdings = this.holdings
        .filter(isKept)
        .map((h) => (h.guest === OWN_GUEST ? { ...h, isUnassigned: true } : h));
      this.#takenAtBoot.clear();
      return;
    }
    this.ledger = this.ledger.filter((line) => line.guest !== OWN_GUEST);
    for (const { hostAddress } of this.holdings.filter((h) => h.guest === OWN_GUEST))
      this.bind(hostAddress, this.#driversBefore.get(hostAddress));
    this.holdings = this.holdings.filter((h) => h.guest !== OWN_GUEST);
  }

  bind(hostAddress: PciAddress, driver: string | undefined): void {
    const one = this.functions.get(hostAddress);
    if (one === undefined) return;
    const { driver: _, ...rest } = one;
    this.functions.set(hostAddress, driver === undefined ? rest : { ...rest, driver });
  }

  /** All that one owner token has here, for "nothing is left". */
  partOf(ownerToken: string): { plugged: string[]; held: PciAddress[]; ledger: LedgerEntry[] } {
    const ledger = this.ledger.map((line) => line.entry).filter((entry) => entry.owner === ownerToken);
    const tags = new Set([tagOf(ownerToken), ...ledger.map((entry) => entry.tag)]);
    return {
      ledger,
      plugged: this.plugged.map((one) => one.qemuId).filter((id) => tags.has(findTagOfQemuId(id) ?? "")),
      held: this.holdings
        .filter((one) => [...tags].some((tag) => one.alias === aliasOf(tag, one.hostAddress)))
        .map((one) => one.hostAddress),
    };
  }

  get isRunning(): boolean {
    return this.runState !== "off" && this.runState !== "missing";
  }

  /** What the guest sees in each of its slots that has a function 0. */
  guestSees(): { bus: string; slot: number; map: FunctionMapping[] }[] {
    return this.plugged
      .filter((one) => one.guestFunction === 0)
      .map(({ bus, slot }) => ({
        bus,
        slot,
        map: this.plugged
          .filter((one) => one.bus === bus && one.slot === slot)
          .map(({ hostAddress, guestFunction }) => ({ hostAddress, guestFunction }))
          .sort((a, b) => a.guestFunction - b.guestFunction),
      }));
  }

  /** Whether libvirt has it for the guest: an older one has not what is only held. */
  #isLibvirts(alias: string): boolean {
    return this.holdings.some((h) => h.alias === alias && !(this.olderLibvirt && h.isUnassigned));
  }

  /** Whether an older libvirt does nothing with it when the guest ends. */
  #isLeftAlone({ hostAddress, isUnassigned }: Holding): boolean {
    const isHeldLive = isUnassigned && !this.#takenAtBoot.has(hostAddress);
    return isHeldLive || this.#detached.has(hostAddress) || isOfVfio(this.#driversBefore.get(hostAddress));
  }

  #busesNow(): GuestBus[] {
    return this.#buses.map((bus) => ({
      ...bus,
      occupants: [
        ...bus.occupants,
        ...this.plugged
          .filter((one) => one.bus === bus.bus)
          .map(({ slot, guestFunction, qemuId }) => ({ slot, guestFunction, id: qemuId })),
      ],
    }));
  }

  /** What the configuration tells: nothing stands there, and what it gives to others is theirs. */
  #busesAtStart(): GuestBus[] {
    return this.#buses.map(({ reservedAtBoot = [], ...bus }) => ({
      ...bus,
      occupants: [],
      reservedSlots: [...bus.reservedSlots, ...reservedAtBoot],
    }));
  }

  #hasPlugged(hostAddress: PciAddress): boolean {
    return this.plugged.some((one) => one.hostAddress === hostAddress);
  }

  #expectConfiguration(): void {
    this.#expect(
      !this.isTransient && this.runState !== "missing",
      "there is no configuration of a transient guest",
    );
  }

  #expectViable(hostAddress: PciAddress): void {
    const one = this.functions.get(hostAddress);
    const unsafe = one && this.#groupOf(one).find((member) => !this.#isSafe(member));
    this.#expect(unsafe === undefined, `group ${one?.iommuGroup} is not viable: ${unsafe?.hostAddress}`);
  }

  #isSafe(member: HostFunction): boolean {
    const holder = this.holdings.find((one) => one.hostAddress === member.hostAddress);
    if (holder !== undefined) return holder.guest === OWN_GUEST;
    const { driver, isBridge } = member;
    if (driver === undefined || isOfVfio(driver) || driver === "pci-stub") return true;
    return /^[67]\.|^5\.18/.test(this.kernelRelease ?? "") ? driver === "pcieport" : isBridge;
  }

  #groupOf(one: HostFunction): HostFunction[] {
    if (one.iommuGroup === undefined) return [one];
    return [...this.functions.values()].filter((other) => other.iommuGroup === one.iommuGroup);
  }

  #kindOf(bus: string): SlotKind {
    const hotplug = this.#buses.find((candidate) => candidate.bus === bus)?.hotplug;
    if (!hotplug?.possible) throw new WorldViolation(`${bus} takes no hotplug`);
    return hotplug.kind;
  }

  #expect(holds: boolean, otherwise: string): void {
    if (!holds) throw new WorldViolation(otherwise);
  }
}

function isOfVfio(driver: string | undefined): boolean {
  return driver?.includes("vfio") === true;
}

/** An empty bus behind a root port. */
export function expressBus(
  bus: string,
  kind: SlotKind = "pcie-acpi",
  extra: Partial<GuestBus> = {},
): GuestBus {
  return {
    bus,
    index: Number(/\d+$/.exec(bus)?.[0] ?? 0),
    hotplug: { possible: true, kind, slots: { first: 0, last: 0 } },
    occupants: [],
    reservedSlots: [],
    ...extra,
  };
}

/** An empty conventional bus. */
export function conventionalBus(
  bus: string,
  kind: SlotKind = "pci-acpi",
  extra: Partial<GuestBus> = {},
): GuestBus {
  return {
    ...expressBus(bus, kind, extra),
    hotplug: { possible: true, kind, slots: { first: 1, last: 31 } },
  };
}

/** A function of the host as {@link World} wants it. */
export function hostFunction(
  address: string,
  extra: {
    driver?: string | undefined;
    iommuGroup?: number | undefined;
    isBridge?: boolean;
    isMachineBridge?: boolean;
  } = {},
): HostFunction {
  const { driver, iommuGroup } = { driver: "e1000e", iommuGroup: 7, ...extra };
  return {
    hostAddress: address as PciAddress,
    vendorId: "0x8086",
    productId: "0x10d3",
    isBridge: extra.isBridge ?? false,
    ...(extra.isMachineBridge === true && { isMachineBridge: true }),
    ...(driver !== undefined && { driver }),
    ...(iommuGroup !== undefined && { iommuGroup }),
  };
}

/** The functions of one device, all in one group: the card of the laboratory. */
export function hostDevice(
  slot = "0000:01:00",
  numbers: readonly number[] = [0, 1, 2, 3],
  extra: Parameters<typeof hostFunction>[1] = {},
): HostFunction[] {
  return numbers.map((n) => hostFunction(`${slot}.${n}`, extra));
}

function isNamedAs(one: LedgerEntry, other: LedgerEntry): boolean {
  return one.owner === other.owner || one.tag === other.tag;
}
