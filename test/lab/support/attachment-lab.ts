import { connectLab, type GuestName, type Lab } from "../../../lab";
import { MultifunctionPciProvider } from "../../../provider/dynamic/provider";
import { parseDomainXml } from "../../../provider/hypervisor/libvirt/domain-xml";
import { findTagOfAlias } from "../../../provider/plan";

/** The lab's devices that may be given away; each is one IOMMU group on e1000e. */
export const NIC = "0000:01:00";
export const OTHER_NIC = "0000:02:00";

/** A guest boots in seconds under KVM, and in minutes without. */
const BOOT_MS = 240_000;

type Properties = Record<string, unknown>;

/** What a failure carries to Pulumi when something is there all the same. */
export interface Failure extends Error {
  readonly code?: string;
  readonly id?: string;
  readonly properties?: Properties;
  readonly reasons?: readonly string[];
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
    await fixture.lab.restore();
    fixture.begin();
  });
  afterEach(async () => {
    await fixture.provider.close();
    jest.restoreAllMocks();
  });
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

  begin(): void {
    this.provider = new MultifunctionPciProvider();
    this.printed = [];
    jest.spyOn(console, "log").mockImplementation((line: string) => void this.printed.push(line));
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
  async create(overrides: Properties = {}): Promise<{ id: string; outs: Properties }> {
    const result = await this.provider.create(await this.check(this.inputs(overrides)));
    return { id: result.id, outs: result.outs as Properties };
  }

  async check(inputs: Properties, olds: Properties = {}): Promise<Properties> {
    const result = await this.provider.check(olds, inputs);
    expect(result.failures).toEqual([]);
    return result.inputs as Properties;
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
        .map(({ address, place }) =>
          place === undefined ? address : `${address} at ${place.bus} ${place.slot}.${place.guestFunction}`,
        )
        .sort(),
      owners: ledger.map((entry) => entry.owner),
    };
  }

  /** Runs virsh on the host; throws where it fails. */
  async virsh(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.lab.exec(`virsh ${command}`, { timeoutMs: BOOT_MS });
    if (code !== 0) throw new Error(`virsh ${command} ended with ${code}: ${stderr}`);
    return stdout;
  }

  /** What of ours is left on the host: hostdevs, ledger, devices in QEMU, lock files, processes. */
  async leftBehind(): Promise<string[]> {
    const { stdout } = await this.lab.exec(
      `for g in guest1 guest2; do virsh dumpxml $g | grep -E "hostdev|mfpci" || true; ` +
        `virsh qemu-monitor-command $g '{"execute":"qom-list","arguments":{"path":"/machine/peripheral"}}' ` +
        `| grep -o 'mfpci-[a-z0-9-]*' || true; done; ls /run/lock | grep -i multifunction || true`,
    );
    return stdout.split("\n").filter(Boolean);
  }
}
