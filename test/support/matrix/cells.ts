import type { QemuVersion } from "../../../lab/qemu-versions";
import type { SlotKind } from "../../../provider/pci";
import type { MachineName } from "../plain-qemu";

/** A kind of slot, by the guest that has it. */
export interface CellKind {
  readonly title: string;
  readonly machine: MachineName;
  readonly slots: "acpi" | "native";
  /** Whether the machine has a second host bridge in place of a bridge on the first. */
  readonly hostBridge?: boolean;
  /** The bus that an attachment names. */
  readonly bus: string;
  readonly kind: SlotKind;
  /** The highest slot of that bus. */
  readonly slot: number;
  /** Where something else can be plugged meanwhile, of the same guest. */
  readonly otherSlot: { readonly bus: string; readonly addr: string };
}

export const kinds = {
  "q35-native": express("q35 root port, native", "q35", "native"),
  "q35-acpi": express("q35 root port, ACPI", "q35", "acpi"),
  "pc-root": conventional("i440fx pci.0", "pc", "pci.0", "pci-acpi"),
  "pc-bridge": conventional("i440fx pci-bridge", "pc", "pci.1", "pci-acpi"),
  virt: express("aarch64 virt root port", "virt", "native"),
  pseries: conventional("ppc64 pseries pci.0", "pseries", "pci.0", "pseries"),
  "pseries-second": {
    ...conventional("ppc64 pseries, second host bridge", "pseries", "pci.1.0", "pseries"),
    hostBridge: true,
  },
} as const satisfies Readonly<Record<string, CellKind>>;

export type KindName = keyof typeof kinds;
export type Transport = "raw-qmp" | "libvirt-rpc";

/** What every slot kind does on every QEMU, over every transport. */
export const behaviours = [
  "plug together",
  "set change",
  "unplug",
  "roll back in the middle",
  "unplug of a paused guest",
  "reset with a pending unplug",
  "unrequested DEVICE_DELETED",
  "plug again at once",
  "a late eject",
] as const;
export type Behaviour = (typeof behaviours)[number];

/** What every QEMU is refused, whichever guest it has. */
export const refusals = [
  "a port with hotplug=off",
  "SHPC",
  "a root bus of PCI Express",
  "no free slot",
  "a taken place on pseries",
] as const;
export type Refusal = (typeof refusals)[number];

/** Why a cell is another than the others, in the words of the table; what is said is tested as well. */
export interface Otherwise {
  readonly because: "served natively";
  readonly reason: string;
}

/** One slot kind of one QEMU over one transport; or what that QEMU is refused. */
export interface Cell {
  /** E.g. `raw-qmp 7.2 q35-acpi`. */
  readonly name: string;
  readonly transport: Transport;
  readonly kind: KindName | "refusals";
  /** `own`: of this machine's own QEMU, whichever that is. */
  readonly version: QemuVersion | "own";
  readonly otherwise?: Otherwise;
  /** Behaviours that this QEMU cannot show whole, and why; what there is of them is tested all the same. */
  readonly exceptions: Readonly<Partial<Record<Behaviour, string>>>;
}

/** The kind in the words of the table. */
export function titleOf({ kind }: Cell): string {
  return kind === "refusals" ? "what is refused" : kinds[kind].title;
}

/** The names of a cell's tests. */
export function testsOf({ kind, otherwise }: Cell): readonly string[] {
  if (otherwise !== undefined) return ["is otherwise, for the reason in the table"];
  return kind === "refusals" ? refusals : behaviours;
}

export const transports = ["raw-qmp", "libvirt-rpc"] as const satisfies readonly Transport[];
export const versions = ["5.2", "7.2", "10.0"] as const satisfies readonly QemuVersion[];

/** All that `npm run test:matrix` runs. */
export const matrixCells: readonly Cell[] = [
  ...transports.flatMap((transport) =>
    versions.flatMap((version) => kindNames().map((kind) => cellOf(transport, version, kind))),
  ),
  // how it is asked changes nothing of what is seen
  ...versions.map((version) => cellOf("raw-qmp", version, "refusals")),
];

/** What `npm test` runs: the x86 kinds, on the QEMU that this machine has. */
export const ownCells: readonly Cell[] = (
  ["q35-native", "q35-acpi", "pc-root", "pc-bridge", "refusals"] as const
).map((kind) => cellOf("raw-qmp", "own", kind));

function kindNames(): readonly KindName[] {
  return Object.keys(kinds) as KindName[];
}

function cellOf(transport: Transport, version: Cell["version"], kind: Cell["kind"]): Cell {
  const otherwise = otherwiseOf(version, kind);
  return {
    name: `${transport} ${version} ${kind}`,
    transport,
    version,
    kind,
    exceptions: exceptionsOf(version, kind),
    ...(otherwise && { otherwise }),
  };
}

function otherwiseOf(version: Cell["version"], kind: Cell["kind"]): Otherwise | undefined {
  if (version === "5.2" && kind === "q35-acpi")
    return {
      because: "served natively",
      reason: "this QEMU has no ACPI hotplug for root ports: they are native, which is the row above",
    };
  return undefined;
}

function exceptionsOf(version: Cell["version"], kind: Cell["kind"]): Cell["exceptions"] {
  if (version !== "5.2" || kind !== "q35-native") return {};
  return {
    "reset with a pending unplug":
      "this QEMU's q35 never leaves its firmware after a reset where it is emulated; nothing is let go of before the guest has",
  };
}

function express(title: string, machine: MachineName, slots: "acpi" | "native"): CellKind {
  const kind = slots === "acpi" ? "pcie-acpi" : "pcie-native";
  return { title, machine, slots, bus: "pci.4", kind, slot: 0, otherSlot: { bus: "pci.3", addr: "0x0" } };
}

function conventional(title: string, machine: MachineName, bus: string, kind: SlotKind): CellKind {
  return { title, machine, slots: "acpi", bus, kind, slot: 31, otherSlot: { bus, addr: "0x10" } };
}
