import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { HostFolders } from "../../../provider/hypervisor/plain-qemu";

/** One function of the host that is made up. */
export interface FakeFunction {
  readonly address: string;
  readonly driver: string;
  readonly group: number;
  readonly classCode?: string;
  /** Of a virtual function: the function that makes it. */
  readonly physicalFunction?: string;
}

/** The laboratory's card: four functions in one IOMMU group. */
export const FOUR_FUNCTIONS: readonly FakeFunction[] = [0, 1, 2, 3].map((n) => ({
  address: `0000:01:00.${n}`,
  driver: "e1000e",
  group: 5,
}));

/**
 * The folders of a host in which the host program works, with a kernel that binds and unbinds what is written
 * to `unbind`, `bind` and `drivers_probe`: pipes here, which it reads. driver_override is obeyed; a group's
 * node is there as long as a function of it is on vfio-pci.
 */
export class FakeSysfs {
  readonly root = fs.mkdtempSync(path.join(tmpdir(), "multifunction-pci-host-"));
  readonly folders: HostFolders;
  /** What the kernel was asked for, in order: `unbind 0000:01:00.0`. */
  readonly writes: string[] = [];
  /** Functions that vfio-pci refuses. */
  readonly refused = new Set<string>();
  readonly #functions: ReadonlyMap<string, FakeFunction>;
  readonly #readers = new Map<string, Socket>();

  constructor(functions: readonly FakeFunction[] = FOUR_FUNCTIONS) {
    this.#functions = new Map(functions.map((one) => [one.address, one]));
    this.folders = {
      sysfs: this.#at("sys"),
      procfs: "/proc",
      vfio: this.#at("dev/vfio"),
      ledger: this.#at("run/multifunction-pci"),
      machineId: this.#at("etc/machine-id"),
      udevRules: [this.#at("etc/udev/rules.d")],
      passwd: "/etc/passwd",
      groups: "/etc/group",
      proxmox: this.#at("etc/pve"),
      proxmoxRun: this.#at("run/qemu-server"),
      permissions: this.#at("etc/multifunction-pci-host.conf"),
    };
    for (const folder of ["dev/vfio", "etc/udev/rules.d", "run", "sys/class/dmi/id"])
      fs.mkdirSync(this.#at(folder), { recursive: true });
    fs.writeFileSync(this.#at("etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
    for (const driver of new Set(["vfio-pci", ...functions.map((one) => one.driver)])) {
      fs.mkdirSync(this.#pci(`drivers/${driver}`), { recursive: true });
      this.#pipe(`drivers/${driver}/unbind`, (address) => this.#unbind(address, driver));
      this.#pipe(`drivers/${driver}/bind`, (address) => this.#bind(address, driver));
    }
    this.#pipe("drivers_probe", (address) => this.#probe(address));
    for (const one of functions) this.#add(one);
    for (const one of functions) this.#enable(one);
  }

  driverOf(address: string): string | undefined {
    try {
      return path.basename(fs.readlinkSync(this.#pci(`devices/${address}/driver`)));
    } catch {
      return undefined;
    }
  }

  /** Driver of each function, in the order of the addresses; "-" for none. */
  get drivers(): string[] {
    return [...this.#functions.keys()].map((address) => this.driverOf(address) ?? "-");
  }

  get overrides(): string[] {
    return [...this.#functions.keys()].map((address) => this.#overrideOf(address));
  }

  /** Names of the ledger's files. */
  get ledgerFiles(): string[] {
    if (!fs.existsSync(this.folders.ledger)) return [];
    return fs.readdirSync(this.folders.ledger).filter((name) => name.endsWith(".json"));
  }

  /** Someone's own doing. */
  rebind(address: string, driver: string | undefined): void {
    this.#leave(address);
    if (driver !== undefined) this.#bind(address, driver);
  }

  /** Someone's own choice of a driver, as driverctl writes it. */
  override(address: string, driver: string): void {
    fs.writeFileSync(this.#pci(`devices/${address}/driver_override`), `${driver}\n`);
  }

  /** From now on nobody reads what is written to this file: a write to it does not return. */
  stopReading(name: string): void {
    this.#readers.get(name)?.destroy();
    this.#readers.delete(name);
  }

  /** The end of {@link stopReading}: what is waiting is carried out. */
  readAgain(name: string): void {
    const [, driver = ""] = /^drivers\/(.*)\/unbind$/.exec(name) ?? [];
    this.#read(name, (address) => this.#unbind(address, driver));
  }

  /** Every function on its own driver, nothing written and nothing refused. */
  restore(): void {
    for (const { address, driver } of this.#functions.values()) {
      this.override(address, "(null)");
      this.rebind(address, driver);
    }
    this.writes.length = 0;
    this.refused.clear();
  }

  close(): void {
    for (const reader of this.#readers.values()) reader.destroy();
    fs.rmSync(this.root, { recursive: true, force: true });
  }

  #add({ address, driver, group, classCode }: FakeFunction): void {
    const groupFolder = this.#at(`sys/kernel/iommu_groups/${group}`);
    fs.mkdirSync(this.#pci(`devices/${address}`), { recursive: true });
    fs.mkdirSync(path.join(groupFolder, "devices"), { recursive: true });
    const write = (name: string, text: string): void =>
      fs.writeFileSync(this.#pci(`devices/${address}/${name}`), `${text}\n`);
    write("vendor", "0x8086");
    write("device", "0x10d3");
    write("class", classCode ?? "0x020000");
    write("driver_override", "(null)");
    write("reset_method", "flr bus");
    write("reset", "");
    fs.symlinkSync(groupFolder, this.#pci(`devices/${address}/iommu_group`));
    fs.symlinkSync(this.#pci(`devices/${address}`), path.join(groupFolder, "devices", address));
    this.#bind(address, driver);
  }

  /** Among the virtual functions of its physical one, as the kernel links the two. */
  #enable({ address, physicalFunction }: FakeFunction): void {
    if (physicalFunction === undefined) return;
    const folder = this.#pci(`devices/${physicalFunction}`);
    const others = fs.readdirSync(folder).filter((name) => name.startsWith("virtfn")).length;
    fs.symlinkSync(this.#pci(`devices/${address}`), path.join(folder, `virtfn${others}`));
    fs.symlinkSync(folder, this.#pci(`devices/${address}/physfn`));
    fs.writeFileSync(path.join(folder, "sriov_numvfs"), `${others + 1}\n`);
  }

  #unbind(address: string, driver: string): void {
    this.writes.push(`unbind ${address}`);
    if (this.driverOf(address) === driver) this.#leave(address);
  }

  #probe(address: string): void {
    this.writes.push(`probe ${address}`);
    if (this.driverOf(address) !== undefined) return;
    const override = this.#overrideOf(address);
    this.#bind(
      address,
      override === "" || override === "(null)" ? this.#functions.get(address)!.driver : override,
    );
  }

  #bind(address: string, driver: string): void {
    const override = this.#overrideOf(address);
    const isRefused = driver === "vfio-pci" && (this.refused.has(address) || override !== "vfio-pci");
    if (isRefused || this.driverOf(address) !== undefined) return;
    fs.symlinkSync(this.#pci(`drivers/${driver}`), this.#pci(`devices/${address}/driver`));
    this.#makeNodes();
  }

  #leave(address: string): void {
    fs.rmSync(this.#pci(`devices/${address}/driver`), { force: true });
    this.#makeNodes();
  }

  #makeNodes(): void {
    const onVfio = [...this.#functions.values()].filter(
      ({ address }) => this.driverOf(address) === "vfio-pci",
    );
    for (const { group } of this.#functions.values()) {
      const node = path.join(this.folders.vfio, String(group));
      if (!onVfio.some((one) => one.group === group)) fs.rmSync(node, { force: true });
      else if (!fs.existsSync(node)) fs.writeFileSync(node, "", { mode: 0o600 });
    }
  }

  #overrideOf(address: string): string {
    return fs.readFileSync(this.#pci(`devices/${address}/driver_override`), "utf8").trim();
  }

  #pipe(name: string, onLine: (line: string) => void): void {
    execFileSync("mkfifo", [this.#pci(name)]);
    this.#read(name, onLine);
  }

  #read(name: string, onLine: (line: string) => void): void {
    const file = this.#pci(name);
    const fd = fs.openSync(file, fs.constants.O_RDWR | fs.constants.O_NONBLOCK);
    const pipe = new Socket({ fd, readable: true, writable: false });
    pipe.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().split("\n")) if (line !== "") onLine(line);
    });
    pipe.on("error", () => undefined);
    this.#readers.set(name, pipe);
  }

  #at(name: string): string {
    return path.join(this.root, name);
  }

  #pci(name: string): string {
    return this.#at(`sys/bus/pci/${name}`);
  }
}
