import { setTimeout as sleep } from "node:timers/promises";
import { connectLab, GUESTS, type GuestName, type Lab } from "../../../lab";
import { MultifunctionPciProvider } from "../../../provider/dynamic/provider";
import { parseDomainXml } from "../../../provider/hypervisor/libvirt/xml/domain-xml";
import { findTagOfAlias } from "../../../provider/plan";

/** The lab's devices that may be given away; each is one IOMMU group on e1000e. */
export const NIC = "0000:01:00";
export const OTHER_NIC = "0000:02:00";

/** The processes of a session end after its connection does. */
const SESSION_END_MS = 2000;

/** A preview waits a quarter of a minute for its look; a busy machine may need more than one. */
const PREVIEWS = 4;

/** A guest boots in seconds under KVM, and in minutes without. */
const BOOT_MS = 900_000;

type Properties = Record<string, unknown>;

/** What a failure carries to Pulumi when something is there all the same. */
export interface Failure extends Error {
  readonly code?: string;
  readonly id?: string;
  readonly properties?: Properties;
  readonly reasons?: readonly string[];
}

/** What an engine keeps of the resource between two commands. */
export interface Kept {
  readonly id: string;
  readonly outs: Properties;
}

/** What an `up` came to; see {@link AttachmentLab.up}. */
export interface Upped {
  readonly did: "nothing" | "create" | "update" | "replace";
  readonly kept: Kept;
  /** What the preview printed. */
  readonly plan: string;
}

/**
 * The provider, in this process, against the lab: each test gets a fresh hypervisor and a fresh provider.
 * Call it once in a file.
 */
export function attachmentLab(): AttachmentLab {
  const fixture = new AttachmentLab();
  beforeAll(async () => {
    fixture.lab = await connectLab();
  });
  beforeEach(async () => {
    await fixture.lab.restore(fixture.state);
    fixture.begin();
  });
  afterEach(() => fixture.end());
  afterAll(async () => {
    await fixture.lab.close();
  });
  return fixture;
}

/** See {@link attachmentLab}. */
export class AttachmentLab {
  lab!: Lab;
  provider!: MultifunctionPciProvider;
  /** What the provider has printed in this test. */
  printed: string[] = [];
  /** The saved state that each test begins with; default: nothing was done yet. */
  state: string | undefined;

  begin(): void {
    this.provider = new MultifunctionPciProvider();
    this.printed = [];
    jest.spyOn(console, "log").mockImplementation((line: string) => void this.printed.push(line));
  }

  async end(): Promise<void> {
    await this.provider.close();
    jest.restoreAllMocks();
  }

  /** Attaches once, before the first test: from then on each begins with this attachment. For `beforeAll`. */
  async beginAttached(overrides: Properties = {}): Promise<Kept> {
    await this.lab.restore();
    this.begin();
    const kept = await this.create(overrides);
    this.state = "attached";
    await this.save(this.state);
    return kept;
  }

  /** Saves what is there now, without a session of the provider's in it, which ends with this. */
  async save(state: string): Promise<void> {
    await this.end();
    await sleep(SESSION_END_MS);
    await this.lab.save(state);
  }

  /** How the guests' root ports take hotplug: a q35 of QEMU 6.1 and newer by ACPI. */
  get slotKind(): "pcie-acpi" | "pcie-native" {
    return this.lab.release === "bullseye" ? "pcie-native" : "pcie-acpi";
  }

  /** Inputs that attach the NIC to guest1 as root; `overrides` are laid over them. */
  inputs(overrides: Properties = {}): Properties {
    const { host, port, privateKey, hostKey } = this.lab.ssh;
    return {
      connection: { host, port, user: "root", privateKey, hostKey, ...(overrides["connection"] as object) },
      guest: { domain: "guest1" },
      ownerToken: "organization/lab/test/nic",
      ...("functionMap" in overrides ? {} : { device: NIC }),
      ...Object.fromEntries(Object.entries(overrides).filter(([key]) => key !== "connection")),
    };
  }

  /** Checks and creates, as the engine does. */
  async create(overrides: Properties = {}): Promise<Kept> {
    const result = await this.provider.create(await this.check(this.inputs(overrides)));
    return { id: result.id, outs: result.outs as Properties };
  }

  async check(inputs: Properties, olds: Properties = {}): Promise<Properties> {
    const result = await this.provider.check(olds, inputs);
    expect(result.failures).toEqual([]);
    return result.inputs as Properties;
  }

  /**
   * What a preview with these arguments says. One that could not look at the host in its time is made again.
   */
  async preview(
    { id, outs }: Kept,
    overrides: Properties = {},
  ): Promise<{ news: Properties; changes: boolean; replaces: readonly string[]; plan: string }> {
    const news = await this.check(this.inputs(overrides), outs);
    for (let tries = 1; ; tries++) {
      this.printed = [];
      const { changes, replaces = [] } = await this.provider.diff(id, outs, news);
      const plan = this.printed.join("\n");
      if (tries < PREVIEWS && /the host cannot be looked at/.test(plan)) continue;
      return { news, changes: changes === true, replaces, plan };
    }
  }

  /** Makes what `pulumi up` makes of these arguments: with what is kept, as the engine does. */
  async up(kept: Kept | undefined, overrides: Properties = {}): Promise<Upped> {
    if (kept === undefined) return { did: "create", kept: await this.create(overrides), plan: "" };
    const { news, changes, replaces, plan } = await this.preview(kept, overrides);
    if (!changes) return { did: "nothing", kept, plan };
    if (replaces.length > 0) {
      await this.provider.delete(kept.id, kept.outs);
      return { did: "replace", kept: await this.create(overrides), plan };
    }
    const updated = await this.provider.update(kept.id, kept.outs, news);
    return { did: "update", kept: { id: kept.id, outs: updated.outs as Properties }, plan };
  }

  /** What is kept after `pulumi refresh`; undefined where nothing is there any more. */
  async refresh({ id, outs }: Kept): Promise<Kept | undefined> {
    const read = await this.provider.read(id, outs);
    return read.id === "" ? undefined : { id, outs: read.props as Properties };
  }

  /** The failure of a call that must fail. */
  async failureOf(call: Promise<unknown>): Promise<Failure> {
    return call.then(
      () => {
        throw new Error("the call was expected to fail");
      },
      (error: unknown) => error as Failure,
    );
  }

  /** Functions that the guest sees behind its root ports, but for libvirt's USB controller on the first. */
  async pluggedFunctions(guest: GuestName = "guest1"): Promise<string[]> {
    const all = await this.lab.guestPciFunctions(guest);
    return all.filter((address) => Number.parseInt(address.slice(5, 7), 16) > 1);
  }

  /** Drivers of a device's four functions, in order. */
  async driversOf(device: string): Promise<(string | null)[]> {
    const drivers = await this.lab.hostDrivers();
    return [0, 1, 2, 3].map((n) => drivers[`${device}.${n}`] ?? null);
  }

  /** Shuts the guest off and starts it again; resolves when it has booted. */
  async coldBoot(guest: GuestName = "guest1"): Promise<void> {
    await this.virsh(`destroy ${guest}`);
    await this.start(guest);
  }

  /** Starts a guest that is shut off; resolves when it has booted, which takes minutes without KVM. */
  async start(guest: GuestName = "guest1"): Promise<void> {
    await this.virsh(`start ${guest}`);
    const { code, stderr } = await this.lab.exec(`lab-console ${guest} ready`, { timeoutMs: BOOT_MS });
    if (code !== 0) throw new Error(`${guest} does not boot: ${stderr}`);
  }

  /** What the guest's configuration has of ours, for its next cold boot. */
  async configuration(guest: GuestName = "guest1"): Promise<{ functions: string[]; owners: string[] }> {
    const xml = await this.virsh(`dumpxml --inactive ${guest}`);
    const { functions, ledger } = parseDomainXml(xml);
    return {
      functions: functions
        .filter((one) => findTagOfAlias(one.alias) !== undefined)
        .map(({ hostAddress: address, guestAddress }) =>
          guestAddress === undefined
            ? address
            : `${address} at ${guestAddress.bus} ${guestAddress.slot}.${guestAddress.guestFunction}`,
        )
        .sort(),
      owners: ledger.map((entry) => entry.owner),
    };
  }

  /** How often this user has logged in since the host booted. */
  async loginsOf(user: string): Promise<number> {
    const count = `journalctl -b -o cat | grep -c 'Accepted publickey for ${user}'`;
    return Number((await this.lab.exec(count)).stdout.trim());
  }

  /** Runs virsh on the host; throws where it fails. */
  async virsh(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(`virsh ${command}`, { timeoutMs: BOOT_MS });
    if (code !== 0) throw new Error(`virsh ${command} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** What of ours is left on the host: hostdevs, ledger, devices in QEMU, lock files, processes. */
  async leftBehind(): Promise<string[]> {
    const list = JSON.stringify({ execute: "qom-list", arguments: { path: "/machine/peripheral" } });
    const questions = GUESTS.map((guest) => `dumpxml ${guest}; qemu-monitor-command ${guest} '${list}'`);
    // one virsh for all: a process takes half a second of the lab's host
    const { stdout } = await this.lab.exec(
      `virsh -q "${questions.join("; ").replaceAll('"', '\\"')}" | grep -oE '<hostdev|<attachment [^>]*>|mfpci-[-a-z0-9]*'; ` +
        `ls /run/lock | grep -i multifunction || true`,
    );
    return stdout.split("\n").filter(Boolean);
  }
}
