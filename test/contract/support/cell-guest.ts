import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { surveyGuest } from "../../../provider/hypervisor/qemu";
import { QmpSession } from "../../../provider/hypervisor/plain-qemu/qmp-session";
import type { ActualState } from "../../../provider/apply";
import type { GuestBus } from "../../../provider/pci";
import { PERIPHERAL_PATH, QmpError, type QmpEvent, type QmpMonitor } from "../../../provider/qmp";
import { PlainHypervisor, PlainQemu, type GuestSide } from "../../support/plain-qemu";
import { kinds, type Cell, type CellKind } from "../../support/matrix/cells";
import { LibvirtGuest } from "./libvirt-guest";
import { MeddledMonitor } from "./meddled-monitor";

/** A guest has switched a slot on or off within seconds; on pseries, within half a minute. */
const SEEN_MS = 120_000;
const INTERVAL_MS = 250;
/** QEMU's id of what is plugged into another slot meanwhile. */
const BYSTANDER = "bystander";
const { signal } = new AbortController();

type StoppableGuest = GuestSide & { readonly stop: () => Promise<void> };

/** What QEMU and guest show of the functions that are ours. */
export interface Seen {
  /** Function numbers in the guest's own list of PCI devices, by the slot `DDDD:BB:DD` that they stand in. */
  readonly guest: Readonly<Record<string, readonly number[]>>;
  /** Function numbers by QOM, by the bus and slot that they stand in. */
  readonly qom: Readonly<Record<string, readonly number[]>>;
}

/** A booted guest of a cell, the lifecycle's ports over it, and eyes of our own. */
export class CellGuest {
  readonly hypervisor: PlainHypervisor;
  /** The product's own way to QEMU, for a test to meddle with. */
  readonly meddled: MeddledMonitor;

  private constructor(
    readonly side: StoppableGuest,
    private readonly productMonitor: QmpMonitor & { close?: () => Promise<void> },
    readonly kind: CellKind,
    private readonly atBoot: ReadonlySet<string>,
  ) {
    const meddled = new MeddledMonitor(productMonitor);
    this.meddled = meddled;
    this.hypervisor = new PlainHypervisor({
      buses: [kind.bus],
      monitor: meddled,
      get hasEnded() {
        return side.hasEnded;
      },
    });
  }

  static async start(cell: Cell): Promise<CellGuest> {
    if (cell.kind === "refusals") throw new Error("what is refused needs no guest");
    const kind = kinds[cell.kind];
    const { side, monitor } =
      cell.transport === "raw-qmp" ? await startPlain(cell, kind) : await startOfLibvirt(cell, kind);
    try {
      await side.booted();
      return new CellGuest(side, monitor, kind, new Set(await listPci(side)));
    } catch (cause) {
      await side.stop();
      throw cause;
    }
  }

  async stop(): Promise<void> {
    await this.productMonitor.close?.();
    await this.side.stop();
  }

  /** What stands on its buses and how they take hotplug, by the product's own look. */
  async buses(): Promise<readonly GuestBus[]> {
    const scope = { reservedSlots: () => [], plugBuses: [this.kind.bus] };
    return (await surveyGuest(this.meddled, scope, signal)).buses;
  }

  /** QEMU's, as it says itself, and libvirt's where there is one. */
  async versions(): Promise<string> {
    const { qemuVersion } = await surveyGuest(this.meddled, { reservedSlots: () => [] }, signal);
    const libvirt = this.side instanceof LibvirtGuest ? [`libvirt ${await this.side.libvirtVersion()}`] : [];
    return [qemuVersion, ...libvirt].join(", ");
  }

  /** The guest's list, less what it had when it had booted, and QOM's. */
  async seen(): Promise<Seen> {
    const addresses = (await listPci(this.side)).filter((one) => !this.atBoot.has(one));
    const guest = group(addresses.map((one) => [one.slice(0, -2), Number(one.slice(-1))]));
    return { guest, qom: await this.qom() };
  }

  async qom(): Promise<Seen["qom"]> {
    const list = (await this.side.qmp("qom-list", { path: PERIPHERAL_PATH })) as { name: string }[];
    const ours = list.filter(({ name }) => name.startsWith("mfpci-"));
    const places = ours.map(async ({ name }): Promise<readonly [string, number] | undefined> => {
      const path = `${PERIPHERAL_PATH}/${name}`;
      const get = (property: string): Promise<unknown> => this.side.qmp("qom-get", { path, property });
      try {
        const bus = String(await get("parent_bus"));
        const devfn = Number(await get("addr"));
        return [`${bus.slice(bus.lastIndexOf("/") + 1)} ${devfn >> 3}`, devfn & 7];
      } catch (cause) {
        // it has gone since the list
        if (cause instanceof QmpError) return undefined;
        throw cause;
      }
    });
    return group((await Promise.all(places)).filter((one) => one !== undefined));
  }

  /**
   * Waits until guest and QOM show just these functions, in one slot, and nothing else of ours; none:
   * nothing.
   */
  async shows(functions: readonly number[]): Promise<void> {
    const endsAt = Date.now() + SEEN_MS;
    const expected = functions.length === 0 ? {} : { [`${this.kind.bus} ${this.kind.slot}`]: functions };
    for (;;) {
      const { guest, qom } = await this.seen();
      const slots = Object.values(guest);
      const isSo =
        JSON.stringify(qom) === JSON.stringify(expected) &&
        JSON.stringify(slots) === JSON.stringify(functions.length === 0 ? [] : [functions]);
      if (isSo) return;
      if (Date.now() > endsAt)
        return expect({ guest: slots, qom }).toEqual({ guest: Object.values(expected), qom: expected });
      await sleep(INTERVAL_MS);
    }
  }

  /**
   * Waits until the guest shows these functions, or has thrown them out, as some do that have just booted.
   */
  async hasTakenOrSwept(functions: readonly number[]): Promise<void> {
    const endsAt = Date.now() + SEEN_MS;
    for (;;) {
      const { guest, qom } = await this.seen();
      const hasTaken = JSON.stringify(Object.values(guest)) === JSON.stringify([functions]);
      if (hasTaken || Object.keys(qom).length === 0) return;
      if (Date.now() > endsAt) throw new Error(`the guest shows ${JSON.stringify(guest)}`);
      await sleep(INTERVAL_MS);
    }
  }

  /**
   * As somebody without our locks would: asks for the slot's removal, and waits until QEMU has none of it.
   */
  async removedByAStranger(): Promise<void> {
    const endsAt = Date.now() + SEEN_MS;
    const { bus, slot } = this.kind;
    for (;;) {
      try {
        const list = (await this.side.qmp("qom-list", { path: PERIPHERAL_PATH })) as { name: string }[];
        const first = list.find(({ name }) => /^mfpci-.*-f0$/.test(name));
        if (first !== undefined) await this.side.qmp("device_del", { id: first.name });
        break;
      } catch (cause) {
        // a slot that is still being switched on takes no request
        if (!(cause instanceof QmpError) || Date.now() > endsAt) throw cause;
        await sleep(1000);
      }
    }
    while (`${bus} ${slot}` in (await this.qom())) {
      if (Date.now() > endsAt) throw new Error("a stranger's device_del removed nothing");
      await sleep(INTERVAL_MS);
    }
  }

  /**
   * As somebody without our locks would: asks once more for the removal of what is in the slot, of whichever
   * function.
   */
  async askedAgainByAStranger(): Promise<void> {
    for (const id of await this.#ownIds())
      await this.side.qmp("device_del", { id }).catch((cause: unknown) => {
        // refused, or gone already
        if (!(cause instanceof QmpError)) throw cause;
      });
  }

  /** Plugs something that is not ours into another slot. */
  async plugBystander(): Promise<void> {
    await this.side.qmp("device_add", { driver: "virtio-rng-pci", id: BYSTANDER, ...this.kind.otherSlot });
  }

  /** Takes it away again, where it is there. */
  async removeBystander(): Promise<void> {
    const endsAt = Date.now() + SEEN_MS;
    for (;;) {
      const list = (await this.side.qmp("qom-list", { path: PERIPHERAL_PATH })) as { name: string }[];
      if (!list.some(({ name }) => name === BYSTANDER)) return;
      if (Date.now() > endsAt) throw new Error("what stands in the other slot stays there");
      await this.side.qmp("device_del", { id: BYSTANDER }).catch((cause: unknown) => {
        if (!(cause instanceof QmpError)) throw cause;
      });
      await sleep(1000);
    }
  }

  /** From now on the guest stands still for so long whenever it has let go of function 0, so often. */
  async standsStillAtEachEject(milliseconds: number, times: number): Promise<() => Promise<void>> {
    let left = times;
    let standing = Promise.resolve();
    const standStill = async (): Promise<void> => {
      await this.side.qmp("stop");
      await sleep(milliseconds);
      await this.side.qmp("cont");
    };
    const onEvent = ({ event, data }: QmpEvent): void => {
      if (event !== "DEVICE_DELETED" || !/^mfpci-.*-f0$/.test(String(data["device"])) || left === 0) return;
      left -= 1;
      standing = standing.then(standStill);
    };
    const stopListening = await this.side.monitor.listen({ onEvent, onEnd: () => undefined });
    return async () => {
      await stopListening();
      await standing;
    };
  }

  async #ownIds(): Promise<string[]> {
    const list = (await this.side.qmp("qom-list", { path: PERIPHERAL_PATH })) as { name: string }[];
    return list.map(({ name }) => name).filter((name) => name.startsWith("mfpci-"));
  }

  /** The guest itself throws out what it has in a slot, where its system can. */
  async throwOut(): Promise<void> {
    if (this.kind.kind === "pseries") return this.removedByAStranger();
    const [slot = ""] = Object.keys((await this.seen()).guest);
    await this.side.console(
      `for s in /sys/bus/pci/slots/*; do [ "$(cat $s/address)" = ${slot} ] && echo 0 > $s/power; done; true`,
    );
    const endsAt = Date.now() + SEEN_MS;
    while (Object.keys(await this.qom()).length > 0) {
      if (Date.now() > endsAt) throw new Error("the guest has thrown nothing out");
      await sleep(INTERVAL_MS);
    }
  }
}

/** The function numbers that an operation has brought, as {@link CellGuest.shows} wants them. */
export function numbersOf(actual: ActualState): number[] {
  return actual.attached.map((one) => one.guestFunction).sort();
}

async function startPlain(cell: Cell, { machine, slots, hostBridge = false }: CellKind) {
  const version = cell.version === "own" ? {} : { version: cell.version };
  const side = await PlainQemu.start({ machine, slots, hostBridge, ...version });
  const open = async () => {
    const socket = connect(side.freeSocket);
    await once(socket, "connect");
    return socket;
  };
  const dialers = [{ name: "socket", open }];
  return { side, monitor: new QmpSession({ label: "QEMU", socket: side.freeSocket, dialers }) };
}

async function startOfLibvirt({ version }: Cell, kind: CellKind) {
  if (version === "own") throw new Error("libvirt is run from a tree");
  const side = await LibvirtGuest.start(version, kind);
  return { side, monitor: side.productMonitor };
}

async function listPci(side: GuestSide): Promise<string[]> {
  return (await side.console("ls -1 /sys/bus/pci/devices")).split("\n").filter((line) => line !== "");
}

function group(pairs: readonly (readonly [string, number])[]): Record<string, number[]> {
  const groups: Record<string, number[]> = {};
  for (const [key, number] of pairs) (groups[key] ??= []).push(number);
  for (const numbers of Object.values(groups)) numbers.sort();
  return groups;
}
