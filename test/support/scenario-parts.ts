import fc from "fast-check";
import {
  pciAddressOf,
  slotOf,
  type GuestBus,
  type PciSlotAddress,
  type RomOptions,
} from "../../provider/pci";
import type { HostFunction } from "../../provider/host/facts";
import type { DesiredAttachment, FunctionSelection } from "../../provider/plan";
import { conventionalBus, expressBus, hostFunction } from "./world";

// Each arbitrary here is built once and depends on no other one: to build them anew for each host, as `chain`
// does, costs more than all planning. What depends on something picks from it by a number instead.

const slots = ["0000:01:00", "0000:02:00", "0000:02:01"] as PciSlotAddress[];

/** True in one of so many cases. */
const onceIn = (n: number): fc.Arbitrary<boolean> =>
  fc.integer({ min: 1, max: n }).map((drawn) => drawn === n);

const driver = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("e1000e", "tg3") },
  { weight: 1, arbitrary: fc.constantFrom("vfio-pci", "mlx5_vfio_pci") },
  { weight: 2, arbitrary: fc.constant(undefined) },
);

/** One device in one group, one that shares its group with others, one whose functions are isolated. */
const deviceFunctions = (slot: PciSlotAddress): fc.Arbitrary<HostFunction[]> =>
  fc
    .record({
      functions: fc.uniqueArray(fc.tuple(fc.nat({ max: 7 }), driver), {
        minLength: 1,
        maxLength: 5,
        selector: ([n]) => n,
      }),
      grouping: fc.constantFrom("one", "one", "shared", "shared", "isolated"),
      bridge: fc.nat({ max: 20 }),
    })
    .map(({ functions, grouping, bridge }) =>
      functions.map(([n, itsDriver]) => {
        const base = slots.indexOf(slot) * 10;
        const iommuGroup = grouping === "one" ? base : grouping === "shared" ? 99 : base + 1 + n;
        const isBridge = n === bridge;
        return hostFunction(pciAddressOf(slot, n), {
          iommuGroup,
          isBridge,
          driver: isBridge ? "pcieport" : itsDriver,
        });
      }),
    );

/** The functions of one to three devices. */
export const host: fc.Arbitrary<HostFunction[]> = fc
  .tuple(fc.integer({ min: 1, max: slots.length }), ...slots.map(deviceFunctions))
  .map(([n, ...devices]) => devices.slice(0, n).flat());

const bus = (name: string): fc.Arbitrary<GuestBus> =>
  fc
    .record({
      kind: fc.constantFrom("pcie-acpi", "pcie-native", "pci-acpi", "pseries"),
      isTaken: onceIn(3),
      isReserved: onceIn(3),
      isReservedAtBoot: onceIn(3),
      isClosed: onceIn(10),
    })
    .map(({ kind, isTaken, isReserved, isReservedAtBoot, isClosed }) => {
      const make = kind.startsWith("pcie") ? expressBus : conventionalBus;
      const slot = kind.startsWith("pcie") ? 0 : 31;
      return make(name, kind, {
        occupants: isTaken ? [{ slot, guestFunction: 0, id: `net-${name}` }] : [],
        reservedSlots: isReserved ? [slot] : [],
        ...(isReservedAtBoot && { reservedAtBoot: [slot] }),
        ...(isClosed && { hotplug: { possible: false, reason: "its port has hotplug='off'" } as const }),
      });
    });

const hasFreeSlot = (one: GuestBus): boolean => {
  const isOnlySlotFree =
    one.occupants.length === 0 && one.reservedSlots.length === 0 && one.reservedAtBoot === undefined;
  return one.hotplug.possible && (one.hotplug.slots.last > 0 || isOnlySlotFree);
};

/** Three buses of any kind and state, and mostly a free one. */
export const buses: fc.Arbitrary<GuestBus[]> = fc
  .tuple(bus("pci.1"), bus("pci.2"), bus("pci.3"), onceIn(4))
  .map(([first, second, third, areThatAll]) => [
    first,
    second,
    third,
    ...(areThatAll ? [] : [expressBus("pci.4")]),
  ]);

const rom = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.constantFrom<RomOptions>(
    { romBar: false },
    { romBar: true },
    { romFile: "/usr/share/vgabios/a.rom" },
    { romFile: "/usr/share/vgabios/b.rom", romBar: true },
  ),
);

/** What a program may ask, before it is known which functions and buses there are. */
export interface Wish {
  readonly device: number;
  readonly by: "device" | "functions" | "map of one device" | "map of all devices";
  /** Numbers by which functions are drawn. */
  readonly picks: readonly number[];
  /** Numbers by which the guest's function numbers are drawn. */
  readonly numbers: readonly number[];
  readonly roms: readonly RomOptions[];
  /** Whether it names bridges as other functions, which is refused. */
  readonly namesBridges: boolean;
  readonly slot: "any" | "of a bus" | "one" | "of a bus in use" | "that is none";
  readonly bus: number;
  readonly leftovers: "hold" | "refuse";
  readonly adopt: boolean;
  readonly allowInUse: boolean;
  readonly persistent: boolean;
}

/** See {@link Wish}. */
export const wish: fc.Arbitrary<Wish> = fc.record<Wish>({
  device: fc.nat({ max: 5 }),
  by: fc.constantFrom("device", "functions", "map of one device", "map of all devices"),
  picks: fc.oneof(
    { weight: 1, arbitrary: fc.tuple(fc.nat({ max: 839 })) },
    { weight: 3, arbitrary: fc.array(fc.nat({ max: 839 }), { minLength: 1, maxLength: 8 }) },
  ),
  numbers: fc.array(fc.nat({ max: 839 }), { maxLength: 7 }),
  roms: fc.array(rom, { maxLength: 8 }),
  namesBridges: onceIn(8),
  slot: fc.oneof(
    { weight: 8, arbitrary: fc.constant("any" as const) },
    { weight: 11, arbitrary: fc.constantFrom("of a bus" as const, "one" as const) },
    { weight: 1, arbitrary: fc.constantFrom("of a bus in use" as const, "that is none" as const) },
  ),
  bus: fc.nat({ max: 11 }),
  leftovers: fc.constantFrom("hold", "hold", "hold", "refuse"),
  adopt: fc.constantFrom(true, true, false),
  allowInUse: fc.boolean(),
  persistent: fc.boolean(),
});

/** What a wish comes to with these functions and buses. */
export function desiredOf(
  wished: Wish,
  functions: readonly HostFunction[],
  guestBuses: readonly GuestBus[],
  ownerToken: string,
): DesiredAttachment {
  const { leftovers, adopt, allowInUse, persistent } = wished;
  const guestSlot = guestSlotOf(wished, guestBuses);
  return {
    ownerToken,
    selection: selectionOf(wished, functions),
    leftovers,
    adopt,
    allowInUse,
    persistent,
    ...(guestSlot && { guestSlot }),
  };
}

function selectionOf(wished: Wish, functions: readonly HostFunction[]): FunctionSelection {
  const endpoints = functions.filter((one) => !one.isBridge);
  const candidates = wished.namesBridges || endpoints.length === 0 ? functions : endpoints;
  const device = pick(wished.device, [...new Set(candidates.map((one) => slotOf(one.hostAddress)))]);
  const ofDevice = candidates.filter((one) => slotOf(one.hostAddress) === device);
  const numbersOf = (chosen: readonly HostFunction[]): number[] =>
    chosen.map((one) => Number(one.hostAddress.slice(-1)));
  if (wished.by === "device") {
    const isWhole = functions.filter((one) => slotOf(one.hostAddress) === device).length === ofDevice.length;
    return { by: "device", device, ...(!isWhole && { functions: numbersOf(ofDevice) }) };
  }
  if (wished.by === "functions")
    return { by: "device", device, functions: numbersOf(draw(wished.picks, ofDevice)) };
  // a map may name functions of several slots, as many as a guest slot has
  const chosen = draw(wished.picks, wished.by === "map of one device" ? ofDevice : candidates);
  const numbers = draw([...wished.numbers, ...Array<number>(7).fill(0)], [1, 2, 3, 4, 5, 6, 7]);
  const map = chosen.map(({ hostAddress }, i) => ({
    hostAddress,
    guestFunction: i === 0 ? 0 : (numbers[i - 1] ?? 0),
    ...wished.roms[i],
  }));
  return { by: "map", map };
}

function guestSlotOf(
  { slot, bus: picked }: Wish,
  all: readonly GuestBus[],
): DesiredAttachment["guestSlot"] | undefined {
  const free = all.filter(hasFreeSlot);
  const inUse = all.filter((one) => !free.includes(one));
  const candidates = slot === "of a bus in use" ? inUse : free;
  if (slot === "any" || candidates.length === 0) return undefined;
  const { bus: name, hotplug } = pick(picked, candidates);
  if (slot === "of a bus" || slot === "of a bus in use") return { bus: name };
  const isExpress = hotplug.possible && hotplug.slots.last === 0;
  const isRight = slot === "one";
  return { bus: name, slot: isRight === isExpress ? 0 : 7 };
}

function pick<T>(n: number, from: readonly T[]): T {
  const picked = from[n % from.length];
  if (picked === undefined) throw new Error("there is nothing to pick from");
  return picked;
}

/** As many as there are numbers, or all; none twice. */
function draw<T>(numbers: readonly number[], from: readonly T[]): T[] {
  const left = [...from];
  return numbers.slice(0, from.length).flatMap((n) => left.splice(n % left.length, 1));
}
