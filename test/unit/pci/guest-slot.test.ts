import fc from "fast-check";
import {
  classifyBus,
  findFreeSlot,
  isSlotFree,
  slotKinds,
  type BusFacts,
  type GuestBus,
  type SlotKind,
} from "../../../provider/pci";

const port = "/machine/peripheral/rp1";
const chipset = "/machine/unattached/device[5]";

/** Sections 2 and 5 of the measurements: what QOM shows of each kind of bus, and what it takes. */
const table: readonly [string, BusFacts, SlotKind | RegExp][] = [
  [
    "q35 root port, native (QEMU 5.2; later with ACPI hotplug off)",
    {
      architecture: "x86_64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: false,
      portHotplug: true,
    },
    "pcie-native",
  ],
  [
    "q35 root port under ACPI hotplug",
    {
      architecture: "x86_64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: chipset,
      hasAcpiSelector: true,
      portHotplug: true,
    },
    "pcie-acpi",
  ],
  [
    "aarch64 virt root port",
    {
      architecture: "aarch64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: false,
      portHotplug: true,
    },
    "pcie-native",
  ],
  [
    "ioh3420, which has no property `hotplug`",
    {
      architecture: "x86_64",
      portType: "ioh3420",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: false,
    },
    "pcie-native",
  ],
  [
    "downstream port of a switch under ACPI hotplug",
    {
      architecture: "x86_64",
      portType: "xio3130-downstream",
      portPath: port,
      handlerPath: chipset,
      hasAcpiSelector: true,
    },
    "pcie-acpi",
  ],
  [
    "native root port whose bus nevertheless has a bsel: the handler wins",
    {
      architecture: "x86_64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: true,
      portHotplug: true,
    },
    "pcie-native",
  ],
  [
    "root port with hotplug=off, native",
    {
      architecture: "x86_64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: false,
      portHotplug: false,
    },
    /hotplug='off'/,
  ],
  [
    "root port with hotplug=off under ACPI on 7.2: no handler",
    {
      architecture: "x86_64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: "",
      hasAcpiSelector: false,
      portHotplug: false,
    },
    /hotplug='off'/,
  ],
  [
    "root port with hotplug=off under ACPI on 10.0: handler without bsel",
    {
      architecture: "x86_64",
      portType: "pcie-root-port",
      portPath: port,
      handlerPath: chipset,
      hasAcpiSelector: false,
      portHotplug: false,
    },
    /hotplug='off'/,
  ],
  [
    "pci-bridge on q35 under ACPI hotplug",
    {
      architecture: "x86_64",
      portType: "pci-bridge",
      portPath: port,
      handlerPath: chipset,
      hasAcpiSelector: true,
    },
    "pci-acpi",
  ],
  [
    "pcie-pci-bridge under ACPI hotplug",
    {
      architecture: "x86_64",
      portType: "pcie-pci-bridge",
      portPath: port,
      handlerPath: chipset,
      hasAcpiSelector: true,
    },
    "pci-acpi",
  ],
  [
    "pci-bridge with SHPC",
    {
      architecture: "x86_64",
      portType: "pci-bridge",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: false,
    },
    /SHPC/,
  ],
  [
    "pcie-pci-bridge with SHPC",
    {
      architecture: "x86_64",
      portType: "pcie-pci-bridge",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: false,
    },
    /SHPC/,
  ],
  [
    "pc's pci-bridge with bridge support off, 5.2 and 7.2: SHPC although there is a bsel",
    {
      architecture: "x86_64",
      portType: "pci-bridge",
      portPath: port,
      handlerPath: port,
      hasAcpiSelector: true,
    },
    /SHPC/,
  ],
  [
    "pc's pci.0",
    { architecture: "x86_64", handlerPath: "/machine/i440fx/pm", hasAcpiSelector: true },
    "pci-acpi",
  ],
  [
    "q35's pcie.0 on 5.2 and 7.2",
    { architecture: "x86_64", handlerPath: "", hasAcpiSelector: false },
    /does not support hotplug/,
  ],
  [
    "q35's pcie.0 on 10.0: handler without bsel",
    { architecture: "x86_64", handlerPath: chipset, hasAcpiSelector: false },
    /no ACPI hotplug/,
  ],
  [
    "pseries' pci.0, whose handler is the PHB",
    { architecture: "ppc64", handlerPath: "/machine/unattached/device[1]", hasAcpiSelector: false },
    "pseries",
  ],
  [
    "a bus of pseries without a handler",
    { architecture: "ppc64", handlerPath: "", hasAcpiSelector: false },
    /does not support hotplug/,
  ],
];

describe("the hotplug of a bus", () => {
  it.each(table)("is told from QOM for: %s", (_name, facts, expected) => {
    const found = classifyBus(facts);
    if (expected instanceof RegExp) {
      if (found.possible) throw new Error(`taken for ${found.kind}`);
      expect(found.reason).toMatch(expected);
      return;
    }
    expect(found).toMatchObject({ possible: true, kind: expected });
    if (found.possible)
      expect(found.slots).toEqual(
        expected.startsWith("pcie") ? { first: 0, last: 0 } : { first: 1, last: 31 },
      );
  });
});

const express = (bus: string, index: number, extra: Partial<GuestBus> = {}): GuestBus => ({
  bus,
  index,
  hotplug: { possible: true, kind: "pcie-acpi", slots: { first: 0, last: 0 } },
  occupants: [],
  reservedSlots: [],
  ...extra,
});
const conventional = (bus: string, index: number, extra: Partial<GuestBus> = {}): GuestBus => ({
  ...express(bus, index, extra),
  hotplug: { possible: true, kind: "pci-acpi", slots: { first: 1, last: 31 } },
});
const occupant = (slot: number, guestFunction = 0): GuestBus["occupants"][number] => ({
  slot,
  guestFunction,
  id: `net${slot}`,
});

describe("the slot of a new attachment", () => {
  it("is the free port with the highest number, because libvirt takes the lowest", () => {
    expect(findFreeSlot([express("pci.9", 9), express("pci.10", 10), express("pci.2", 2)])).toEqual({
      bus: "pci.10",
      slot: 0,
      kind: "pcie-acpi",
    });
  });

  it("is never one where something stands, even if only a function other than 0", () => {
    const buses = [express("pci.3", 3, { occupants: [occupant(0, 3)] }), express("pci.2", 2)];
    expect(findFreeSlot(buses)?.bus).toBe("pci.2");
  });

  it("is never one that libvirt's configuration gives to something", () => {
    const buses = [express("pci.3", 3, { reservedSlots: [0] }), express("pci.2", 2)];
    expect(findFreeSlot(buses)?.bus).toBe("pci.2");
  });

  it("is behind a port before it is on a conventional bus", () => {
    expect(findFreeSlot([conventional("pci.9", 9), express("pci.1", 1)])?.bus).toBe("pci.1");
  });

  it("is the highest free one of a conventional bus", () => {
    const bus = conventional("pci.0", 0, { occupants: [occupant(31)], reservedSlots: [30] });
    expect(findFreeSlot([bus])).toEqual({ bus: "pci.0", slot: 29, kind: "pci-acpi" });
  });

  it("is never slot 0 of a conventional bus, nor on a bus without hotplug", () => {
    const full = Array.from({ length: 31 }, (_, i) => occupant(i + 1));
    const closed: GuestBus = { ...express("pci.7", 7), hotplug: { possible: false, reason: "off" } };
    expect(findFreeSlot([conventional("pci.0", 0, { occupants: full }), closed])).toBeUndefined();
  });

  it("is free and within range, and is found wherever there is one", () => {
    const slots = fc.uniqueArray(fc.nat({ max: 31 }));
    const bus = fc
      .record({
        index: fc.nat({ max: 20 }),
        kind: fc.constantFrom("express", "conventional", "closed"),
        taken: slots,
        reserved: slots,
      })
      .map(({ index, kind, taken, reserved }): GuestBus => {
        const extra = { occupants: taken.map((slot) => occupant(slot)), reservedSlots: reserved };
        if (kind === "express") return express(`pci.${index}`, index, extra);
        if (kind === "conventional") return conventional(`pci.${index}`, index, extra);
        return { ...express(`pci.${index}`, index, extra), hotplug: { possible: false, reason: "off" } };
      });
    fc.assert(
      fc.property(fc.uniqueArray(bus, { selector: (one) => one.bus, maxLength: 6 }), (buses) => {
        const all = buses.flatMap((one) => {
          if (!one.hotplug.possible) return [];
          const { first, last } = one.hotplug.slots;
          return Array.from({ length: last - first + 1 }, (_, i) => ({ one, slot: first + i })).filter(
            ({ slot }) => isSlotFree(one, slot),
          );
        });
        const found = findFreeSlot(buses);
        if (found === undefined) return expect(all).toEqual([]);
        expect(all.some(({ one, slot }) => one.bus === found.bus && slot === found.slot)).toBe(true);
        const better = all.filter(
          ({ one, slot }) =>
            one.hotplug.possible &&
            one.hotplug.kind === found.kind &&
            (one.index > Number(found.bus.slice(4)) || (one.bus === found.bus && slot > found.slot)),
        );
        expect(better).toEqual([]);
      }),
    );
  });
});

/** The words of a slot leave its number out if it is 0: only a port's slot has that number. */
it("gives slot 0 to ports alone, and no other slot to a port", () => {
  const facts = fc.record<BusFacts>({
    portType: fc.constantFrom("pcie-root-port", "xio3130-downstream", "pci-bridge", "pcie-pci-bridge"),
    portPath: fc.constant(port),
    handlerPath: fc.constantFrom("", port, chipset),
    hasAcpiSelector: fc.boolean(),
    portHotplug: fc.boolean(),
    architecture: fc.constantFrom("x86_64", "aarch64", "ppc64"),
  });
  const kinds = new Set<SlotKind>();
  fc.assert(
    fc.property(facts, (one) => {
      const found = classifyBus(one);
      if (!found.possible) return;
      kinds.add(found.kind);
      const { first, last } = found.slots;
      if (found.kind.startsWith("pcie")) expect([first, last]).toEqual([0, 0]);
      else expect(first).toBeGreaterThan(0);
    }),
    { numRuns: 500 },
  );
  expect([...kinds].sort()).toEqual([...slotKinds].sort());
});
