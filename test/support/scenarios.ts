import fc from "fast-check";
import { hasCode, type ErrorCode, ProviderError } from "../../provider/errors";
import {
  pciAddressOf,
  slotOf,
  type GuestBus,
  type PciAddress,
  type PciSlotAddress,
  type RomOptions,
} from "../../provider/pci";
import type { HostFunction } from "../../provider/host/facts";
import { planAttach, type Plan, type PriorAttachment, type DesiredAttachment } from "../../provider/plan";
import { conventionalBus, expressBus, hostFunction, OTHER_GUEST, World, type WorldStart } from "./world";

export const OWNER = "acme/prod/nic";
export const OTHER_OWNER = "acme/prod/storage";

/** Of a state of 0.1 that has nothing to remember; without one it is a create that asks. */
export const OLD_STATE: PriorAttachment = { functions: [] };

/** A host, others on it, and what two consecutive programs of one owner want. */
export interface Scenario {
  readonly world: World;
  /** What each function was bound to before this owner came. */
  readonly driversBefore: ReadonlyMap<PciAddress, string | undefined>;
  readonly desired: DesiredAttachment;
}

const slots = ["0000:01:00", "0000:02:00", "0000:02:01"] as PciSlotAddress[];
const driver = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("e1000e", "tg3") },
  { weight: 1, arbitrary: fc.constantFrom("vfio-pci", "mlx5_vfio_pci") },
  { weight: 2, arbitrary: fc.constant(undefined) },
);

/** One device in one group, one that shares its group with others, one whose functions are isolated. */
const deviceFunctions = (slot: PciSlotAddress): fc.Arbitrary<HostFunction[]> =>
  fc
    .record({
      numbers: fc.uniqueArray(fc.nat({ max: 7 }), { minLength: 1, maxLength: 5 }),
      grouping: fc.constantFrom("one", "shared", "isolated"),
      drivers: fc.array(driver, { minLength: 8, maxLength: 8 }),
      bridge: fc.option(fc.nat({ max: 20 }), { nil: undefined }),
    })
    .map(({ numbers, grouping, drivers, bridge }) =>
      numbers.map((n) => {
        const base = slots.indexOf(slot) * 10;
        const iommuGroup = grouping === "one" ? base : grouping === "shared" ? 99 : base + 1 + n;
        const isBridge = n === bridge;
        return hostFunction(pciAddressOf(slot, n), {
          iommuGroup,
          isBridge,
          driver: isBridge ? "pcieport" : drivers[n],
        });
      }),
    );

const host = fc
  .tuple(...slots.map(deviceFunctions))
  .chain((devices) => fc.integer({ min: 1, max: slots.length }).map((n) => devices.slice(0, n).flat()));

const bus = (name: string): fc.Arbitrary<GuestBus> =>
  fc
    .record({
      kind: fc.constantFrom("pcie-acpi", "pcie-native", "pci-acpi", "pseries"),
      isTaken: fc.boolean(),
      isReserved: fc.boolean(),
      isReservedAtBoot: fc.boolean(),
      isClosed: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
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
const buses = fc.tuple(bus("pci.1"), bus("pci.2"), bus("pci.3"), fc.constant(expressBus("pci.4")));

const rom = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.constantFrom<RomOptions>(
    { romBar: false },
    { romBar: true },
    { romFile: "/usr/share/vgabios/a.rom" },
    { romFile: "/usr/share/vgabios/b.rom", romBar: true },
  ),
);

/** What a program may ask of these functions. */
export const desiredOf = (
  functions: readonly HostFunction[],
  owner: string,
): fc.Arbitrary<DesiredAttachment> => {
  const devices = [...new Set(functions.map((one) => slotOf(one.hostAddress)))];
  const selection = fc.constantFrom(...devices).chain((device) => {
    const present = functions
      .filter((one) => slotOf(one.hostAddress) === device)
      .map((one) => one.hostAddress);
    const some = fc.shuffledSubarray(present, { minLength: 1 });
    // a map may name functions of several slots, as many as a guest slot has
    const apart = fc.shuffledSubarray(
      functions.map((one) => one.hostAddress),
      { minLength: 1, maxLength: Math.min(8, functions.length) },
    );
    return fc.oneof(
      fc.constant({ by: "device" as const, device }),
      some.map((chosen) => ({
        by: "device" as const,
        device,
        functions: chosen.map((hostAddress) => Number(hostAddress.slice(-1))),
      })),
      fc
        .tuple(
          fc.oneof(some, apart),
          fc.shuffledSubarray([1, 2, 3, 4, 5, 6, 7], { minLength: 7 }),
          fc.array(rom, { minLength: 8, maxLength: 8 }),
        )
        .map(([chosen, numbers, roms]) => ({
          by: "map" as const,
          map: chosen.map((hostAddress, i) => ({
            hostAddress,
            guestFunction: i === 0 ? 0 : (numbers[i] ?? numbers[0] ?? 0),
            ...roms[i],
          })),
        })),
    );
  });
  const guestSlot = fc.option(
    fc.oneof(
      fc.constantFrom("pci.1", "pci.2", "pci.3", "pci.4").map((name) => ({ bus: name })),
      fc.record({ bus: fc.constantFrom("pci.1", "pci.2", "pci.3"), slot: fc.constantFrom(0, 7) }),
    ),
    { nil: undefined, freq: 3 },
  );
  return fc
    .record({
      selection,
      leftovers: fc.constantFrom("hold" as const, "hold" as const, "refuse" as const),
      guestSlot,
      adopt: fc.boolean(),
      allowInUse: fc.boolean(),
      persistent: fc.boolean(),
    })
    .map((one) => ({
      ownerToken: owner,
      selection: one.selection,
      leftovers: one.leftovers,
      adopt: one.adopt,
      allowInUse: one.allowInUse,
      persistent: one.persistent,
      ...(one.guestSlot && { guestSlot: one.guestSlot }),
    }));
};

/** The plan, or undefined where it is refused; anything but a catalogued refusal is a failure of the test. */
export function planUnlessRefused(
  world: World,
  desired: DesiredAttachment,
  prior: PriorAttachment = OLD_STATE,
): Plan | undefined {
  try {
    return planAttach(world.observe(), desired, prior);
  } catch (error) {
    if (hasCode(error, ...refusals)) return undefined;
    throw error;
  }
}

/** The code of what a planner throws. */
export function refusalOf(plan: () => unknown): ErrorCode | undefined {
  try {
    plan();
  } catch (error) {
    if (error instanceof ProviderError) return error.code;
    throw error;
  }
  return undefined;
}

/** The codes of all that a planner throws, in order. */
export function refusalsOf(plan: () => unknown): ErrorCode[] {
  try {
    plan();
  } catch (error) {
    if (error instanceof ProviderError) return [error, ...error.others].map((one) => one.code);
    throw error;
  }
  return [];
}

/** Every code with which a plan can be refused. */
export const refusals: readonly ErrorCode[] = [
  "ATTACHMENT_ADOPTED_BY_ANOTHER",
  "ATTACHMENT_OWNED_BY_ANOTHER",
  "DEVICE_NOT_FOUND",
  "FUNCTION_CONFIGURED_OTHERWISE",
  "FUNCTION_HELD_BY_GUEST",
  "FUNCTION_IS_BRIDGE",
  "FUNCTION_NOT_FOUND",
  "FUNCTION_PLUGGED_OTHERWISE",
  "FUNCTION_UNIDENTIFIED",
  "FUNCTION_USED_BY_HOST",
  "FUNCTION_WITHOUT_IOMMU_GROUP",
  "GROUP_NODE_CLOSED",
  "GUEST_IS_TRANSIENT",
  "GUEST_NEVER_RAN",
  "GUEST_NOT_FOUND",
  "GUEST_NOT_RUNNING",
  "LEFTOVERS_REFUSED",
  "MEMLOCK_TOO_LOW",
  "NO_FREE_SLOT",
  "PERSISTENT_NEEDS_NEWER_LIBVIRT",
  "PHYSICAL_FUNCTION_NEEDED",
  "SLOT_CONFIGURED_OTHERWISE",
  "SLOT_REFUSED",
  "STEPPING_STONE_IMPOSSIBLE",
];

/** A libvirt that knows no unassigned function live. */
export const OLDER_LIBVIRT = { version: "7.0.0" };

/**
 * Random hosts and guests with other owners and guests on them, where this owner has got as far as any
 * step of an earlier program, and the guest may have been shut off and started anew since.
 */
export const scenario: fc.Arbitrary<Scenario> = scenarioOf({});

/** The same with an older libvirt; persistent attachments are refused there. */
export const olderScenario: fc.Arbitrary<Scenario> = scenarioOf({ olderLibvirt: OLDER_LIBVIRT });

function scenarioOf(start: Pick<WorldStart, "olderLibvirt">): fc.Arbitrary<Scenario> {
  const notPersistent = (one: DesiredAttachment): DesiredAttachment =>
    start.olderLibvirt ? { ...one, persistent: false } : one;
  const desiredHere = (functions: readonly HostFunction[], owner: string): fc.Arbitrary<DesiredAttachment> =>
    desiredOf(functions, owner).map(notPersistent);
  return fc.record({ functions: host, buses }).chain(({ functions, buses: guestBuses }) =>
    fc
      .record({
        foreign: fc.option(desiredHere(functions, OTHER_OWNER), { nil: undefined }),
        heldElsewhere: fc.option(fc.constantFrom(...functions), { nil: undefined, freq: 2 }),
        earlier: fc.option(desiredHere(functions, OWNER), { nil: undefined }),
        progress: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
        losing: fc.subarray(functions.map((one) => one.hostAddress)),
        qemuVersion: fc.constantFrom("10.0.13", "7.2.22", "5.2.0"),
        runState: fc.constantFrom("running" as const, "paused" as const),
        isBootedAnew: fc.boolean(),
        plugsSingles: fc.boolean(),
        withVariant: fc.subarray(functions.map((one) => one.hostAddress)),
        desired: desiredHere(functions, OWNER),
      })
      .map((parts): Scenario => {
        const { runState, qemuVersion } = parts;
        const plugsSingles = parts.plugsSingles || start.olderLibvirt !== undefined;
        const variants = new Map(parts.withVariant.map((hostAddress) => [hostAddress, "mlx5_vfio_pci"]));
        const world = new World({
          functions,
          buses: guestBuses,
          runState,
          qemuVersion,
          variants,
          plugsSingles,
          ...start,
        });
        const elsewhere = parts.heldElsewhere;
        if (elsewhere !== undefined && !elsewhere.isBridge)
          world.hold(elsewhere.hostAddress, "hostdev0", OTHER_GUEST);
        if (parts.foreign) world.applyAll(planUnlessRefused(world, parts.foreign)?.steps ?? []);
        const driversBefore = new Map([...world.functions].map(([a, one]) => [a, one.driver]));
        // what the foreign owner holds is on vfio-pci now: an adopter gives it back to what it really had
        for (const line of world.ledger)
          for (const one of line.entry.functions) driversBefore.set(one.hostAddress, one.hostDriver);
        for (const hostAddress of parts.losing) world.losesDriverAtRelease.add(hostAddress);
        if (parts.earlier) {
          const steps = planUnlessRefused(world, { ...parts.earlier, adopt: false })?.steps ?? [];
          world.applyAll(steps.slice(0, Math.round(steps.length * parts.progress)));
        }
        if (parts.isBootedAnew) {
          world.stopGuest();
          world.coldBoot();
        }
        return { world, driversBefore, desired: parts.desired };
      }),
  );
}
