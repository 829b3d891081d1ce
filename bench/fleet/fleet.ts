import { Workspace } from "../../test/support/sshd";
import type { CpuMeter } from "../cpu-meter";
import { Host } from "./host";
import type { GuestOfHost, HostState } from "./protocol";

/** One attachment: a device of a host for a guest of that host. */
export interface FleetGuest extends GuestOfHost {
  readonly host: Host;
  /** Counts over all hosts. */
  readonly index: number;
}

/** What a piece of work has cost. */
export interface Cost {
  readonly seconds: number;
  readonly handshakes: number;
  /** Started on the hosts. */
  readonly processes: number;
  readonly roundTrips: number;
  /** Processor time of all that took part: client, relay, sshd, what ran on the hosts, QEMU. */
  readonly cpuSeconds: number;
}

/** Numbers of the attachments of each host: spread evenly, the first hosts have one more. */
export function spread(attachments: number, hosts: number): number[] {
  return Array.from({ length: hosts }, (_, n) => Math.floor((attachments + hosts - 1 - n) / hosts));
}

/** Guests and devices of one host. */
export function guestsOf(count: number): GuestOfHost[] {
  return Array.from({ length: count }, (_, n) => ({
    socket: `/run/bench/guest${n}.qmp`,
    device: `0000:${(n + 1).toString(16).padStart(2, "0")}:00`,
  }));
}

/** Hosts with guests, one attachment for each guest. */
export class Fleet {
  readonly guests: readonly FleetGuest[];

  private constructor(
    readonly hosts: readonly Host[],
    private readonly workspace: Workspace,
    private readonly meter: CpuMeter,
    readonly clientKey: string,
  ) {
    // in turns over the hosts, as a program that lists them does
    const most = Math.max(...hosts.map((host) => host.guests.length));
    const inTurns = Array.from({ length: most }, (_, n) =>
      hosts.flatMap((host) => host.guests.slice(n, n + 1).map((guest) => ({ ...guest, host }))),
    ).flat();
    this.guests = inTurns.map((guest, index) => ({ ...guest, index }));
  }

  static async start(attachments: number, hosts: number, meter: CpuMeter): Promise<Fleet> {
    const workspace = new Workspace();
    const started: Host[] = [];
    try {
      const clientKey = workspace.generateKey("client");
      for (const [n, count] of spread(attachments, hosts).entries())
        started.push(await Host.start(`host${n}`, guestsOf(count), clientKey));
      return new Fleet(started, workspace, meter, clientKey);
    } catch (cause) {
      await Promise.all(started.map((host) => host.close()));
      workspace.remove();
      throw cause;
    }
  }

  /** Path of a file of the client's own. */
  file(name: string): string {
    return `${this.workspace.path}/${name}`;
  }

  /** Does the work, and says what it cost. */
  async measure(work: () => Promise<void>): Promise<Cost> {
    const before = await this.#counters();
    const startedMs = performance.now();
    await work();
    const seconds = (performance.now() - startedMs) / 1000;
    const after = await this.#counters();
    return {
      seconds,
      handshakes: after.handshakes - before.handshakes,
      // each look at the counters is one
      processes: after.tasks - before.tasks - this.hosts.length,
      roundTrips: after.roundTrips - before.roundTrips,
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    };
  }

  /** @throws where not every attachment is there, or where something is left when none is to be */
  async expect(what: "all attached" | "none attached"): Promise<void> {
    const states = await Promise.all(this.hosts.map((host) => host.state()));
    const sum = (field: keyof HostState): number => states.reduce((total, one) => total + one[field], 0);
    const desired = what === "all attached" ? sum("functions") : 0;
    if (sum("held") !== desired || sum("plugged") !== desired)
      throw new Error(
        `of ${sum("functions")} functions ${sum("held")} are held and ${sum("plugged")} plugged, not ${desired}`,
      );
  }

  async close(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
    this.workspace.remove();
  }

  async #counters(): Promise<Omit<Cost, "seconds" | "processes"> & { readonly tasks: number }> {
    const counts = await Promise.all(this.hosts.map((host) => host.count()));
    return {
      handshakes: counts.reduce((total, one) => total + one.handshakes, 0),
      tasks: counts.reduce((total, one) => total + one.tasks, 0),
      roundTrips: this.hosts.reduce((total, host) => total + host.traffic.roundTrips, 0),
      cpuSeconds: this.meter.seconds,
    };
  }
}
