import fc from "fast-check";
import type { ActualState } from "../../../provider/apply";
import { pciAddressOf, type PciSlotAddress } from "../../../provider/pci";
import {
  addressesOf,
  changedArguments,
  composeState,
  identityOf,
  hasUnknown,
  isOtherTarget,
  isOtherHost,
  isSameState,
  parseCheckedInputs,
  parseState,
  priorOf,
  timeoutsOf,
  UNKNOWN_VALUE,
  desiredOf,
  withSpelling,
  normaliseInputs,
  type AttachmentInputs,
  type ObservedIdentity,
} from "../../../provider/resource";
import { OWNER } from "../../support/scenarios";
import { at, reach, wants } from "../../support/desired";
import { hostDevice, OWN_GUEST, World } from "../../support/world";
import { inputs, valid } from "./inputs/arbitrary-inputs";

const slot = "0000:01:00" as PciSlotAddress;
const heldFunction = (n: number) =>
  fc.record(
    {
      hostAddress: fc.constant(pciAddressOf(slot, n)),
      hostDriver: fc.constantFrom("e1000e", "vfio-pci"),
      iommuGroup: fc.nat({ max: 300 }),
    },
    { requiredKeys: ["hostAddress"] },
  );
const attachedFunction = (n: number) =>
  fc
    .record({
      held: heldFunction(n),
      guestFunction: fc.nat({ max: 7 }),
      qemuId: fc.string(),
      vendorId: fc.constant("0x8086"),
      productId: fc.constant("0x10d3"),
    })
    .map(({ held, ...rest }) => ({ ...held, ...rest }));

const actual: fc.Arbitrary<ActualState> = fc.record(
  {
    hostUuid: fc.uuid(),
    guestUuid: fc.uuid(),
    slot: fc.record({
      bus: fc.string(),
      slot: fc.nat({ max: 31 }),
      kind: fc.constantFrom("pcie-native", "pcie-acpi", "pci-acpi", "pseries"),
    }),
    guest: fc.record(
      {
        guestAddress: fc.constant("0000:05:00"),
        guestConfigured: fc.boolean(),
        states: fc.constant(new Map([["f0", "driven" as const]])),
      },
      { requiredKeys: ["guestConfigured"] },
    ),
    attached: fc.subarray([0, 1, 2, 3]).chain((numbers) => fc.tuple(...numbers.map(attachedFunction))),
    held: fc.subarray([4, 5, 6, 7]).chain((numbers) => fc.tuple(...numbers.map(heldFunction))),
  },
  { requiredKeys: ["hostUuid", "guestUuid", "guest", "attached", "held"] },
);

/** What a state is when it comes back from the engine: JSON, with what was undefined left out. */
const throughTheEngine = (state: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify(state)) as Record<string, unknown>;

describe("the state", () => {
  it("tells after a way through the engine what was there: slot, functions and drivers", () => {
    fc.assert(
      fc.property(actual, inputs, (there, values) => {
        const stored = throughTheEngine(composeState(values, there));
        const prior = priorOf(parseState(stored));
        expect(prior.slot).toEqual(there.slot);
        expect(prior.functions).toEqual([
          ...there.attached.map(({ hostAddress, guestFunction, hostDriver }) => ({
            hostAddress,
            guestFunction,
            ...(hostDriver !== undefined && { hostDriver }),
          })),
          ...there.held.map(({ hostAddress, hostDriver }) => ({
            hostAddress,
            ...(hostDriver !== undefined && { hostDriver }),
          })),
        ]);
      }),
    );
  });

  it("is the same when it is read and written again", () => {
    fc.assert(
      fc.property(actual, (there) => {
        const stored = throughTheEngine(composeState({}, there));
        expect(throughTheEngine(parseState(stored))).toEqual(stored);
      }),
    );
  });

  it("keeps the inputs beside the outputs, under the paths they have there", () => {
    fc.assert(
      fc.property(actual, inputs, (there, values) => {
        const stored = throughTheEngine(composeState(normaliseInputs(values), there));
        expect(parseCheckedInputs(stored)).toEqual(throughTheEngine(normaliseInputs(values)));
      }),
    );
  });

  it("says null for a missing guest address, and knows no undefined but the slot", () => {
    fc.assert(
      fc.property(actual, (there) => {
        const { slot: _, ...state } = composeState({}, there);
        expect(state.guestAddress).toBe(there.guest.guestAddress ?? null);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
    );
  });

  it("shows no name that a terminal would obey, and keeps the inputs", () => {
    const hostile = "x\u001b[2J\u009b31m\u202e";
    const there: ActualState = {
      ...someActualState,
      hostUuid: hostile,
      slot: { bus: hostile, slot: 0, kind: "pseries" },
      held: [{ hostAddress: at("0000:01:00.1"), hostDriver: hostile }],
    };
    const { connection, ...outputs } = composeState(
      { connection: { host: "hv1", privateKey: "a\nb\n" } },
      there,
    );
    expect(connection.privateKey).toBe("a\nb\n");
    const shown = "x\\u001b[2J\\u009b31m\\u202e";
    expect(outputs).toMatchObject({ hostUuid: shown, slot: { bus: shown }, held: [{ hostDriver: shown }] });
    expect(composeState({}, there)).toEqual(outputs);
  });

  it("that no release wrote is refused by its paths, without any value", () => {
    const stored = {
      ...composeState({}, someActualState),
      guestUuid: 7,
      attached: [{ hostAddress: "s3cret" }],
    };
    expect(() => parseState(stored)).toThrow(/guestUuid/);
    expect(() => parseState(stored)).toThrow(/attached\.0\.qemuId/);
    expect(() => parseState(stored)).not.toThrow(/s3cret/);
    expect(() =>
      priorOf({
        ...composeState({}, someActualState),
        held: [{ hostAddress: "s3cret", hostDriver: "", iommuGroup: 1 }],
      }),
    ).toThrow(TypeError);
  });

  it("of a later release, with more in it, can be read", () => {
    const stored = { ...composeState({}, someActualState), later: { more: true } };
    expect(parseState(stored).guestUuid).toBe(someActualState.guestUuid);
  });
});

const someActualState: ActualState = {
  hostUuid: "h",
  guestUuid: "g",
  guest: { guestConfigured: true },
  attached: [],
  held: [],
};

describe("another host or guest", () => {
  const state = { hostUuid: "h", hostKeyFingerprint: "SHA256:a", guestUuid: "g" };
  const nothing: ObservedIdentity = { hostUuid: "h", guestUuids: [], knownBy: "guest", hasOwnEntry: false };
  const keys = { same: "SHA256:a", other: "SHA256:b", unknown: undefined };
  const guests = {
    "its guest": { guestUuids: ["g"], knownBy: "guest" },
    "a guest at its socket on any copy": { guestUuids: ["g"], knownBy: "host" },
    "a record of its guest": { guestUuids: ["g"], knownBy: "record" },
    "another guest": { guestUuids: ["other"], knownBy: "guest" },
    "no guest": { guestUuids: [], knownBy: "guest" },
  } as const;
  type Case = readonly [
    uuid: "same" | "other",
    key: keyof typeof keys,
    guest: keyof typeof guests,
    own: "entry" | "",
  ];
  const cases = (["same", "other"] as const).flatMap((uuid) =>
    (Object.keys(keys) as (keyof typeof keys)[]).flatMap((key) =>
      (Object.keys(guests) as (keyof typeof guests)[]).flatMap((guest) =>
        (["entry", ""] as const).map((own): Case => [uuid, key, guest, own]),
      ),
    ),
  );
  const foundIn = ([uuid, key, guest, own]: Case): ObservedIdentity => ({
    hostUuid: uuid === "same" ? "h" : "other",
    ...(keys[key] !== undefined && { hostKeyFingerprint: keys[key] }),
    ...guests[guest],
    hasOwnEntry: own !== "",
  });
  /** What holds whatever else was found. */
  const others = new Set(
    [
      ...(["its guest", "a record of its guest", "a guest at its socket on any copy"] as const).flatMap(
        (guest): Case[] => [
          ["other", "other", guest, ""],
          ["other", "unknown", guest, ""],
        ],
      ),
      ...(["another guest", "no guest"] as const).flatMap((guest) =>
        (["entry", ""] as const).flatMap((own): Case[] => [
          ["other", "other", guest, own],
          ["other", "unknown", guest, own],
          ["same", "other", guest, own],
        ]),
      ),
      // the UUID is any board's of its maker, or the machine id any copy's
      ["same", "other", "a record of its guest", ""] as const,
      ["same", "other", "a guest at its socket on any copy", ""] as const,
    ].map((one) => one.join()),
  );

  it.each(cases)("by a UUID %s, a key %s, %s, own %s", (...one) => {
    const found = foundIn(one);
    expect(isOtherHost(state, found)).toBe(others.has(one.join()));
    const isThere = found.guestUuids.length > 0 && found.knownBy !== "record";
    const isOther = one[2] === "another guest" || others.has(one.join());
    expect(isOtherTarget(state, found)).toBe(isThere && isOther);
  });

  it.each(cases.filter(([, key]) => key !== "same"))(
    "goes by UUID and entry without key: UUID %s, key %s, %s, own %s",
    (...one) => {
      const found = foundIn(one);
      const isOwn = found.hasOwnEntry && found.guestUuids.includes("g");
      expect(isOtherHost({ ...state, hostKeyFingerprint: null }, found)).toBe(one[0] === "other" && !isOwn);
    },
  );

  it("is none for a guest that is known by the state's UUID among others", () => {
    const found: ObservedIdentity = { ...nothing, guestUuids: ["today's", "g"], knownBy: "host" };
    expect(isOtherTarget(state, found)).toBe(false);
    expect(isOtherTarget(state, { ...found, guestUuids: ["today's", "other"] })).toBe(true);
  });

  it("is told from the entries of that guest, live or configured", () => {
    const world = new World({ functions: hostDevice() });
    reach(world, wants([0, 1, 2, 3]));
    expect(identityOf(world.observe(), OWNER)).toMatchObject({
      guestUuids: [OWN_GUEST.uuid],
      knownBy: "guest",
      hasOwnEntry: true,
    });
    expect(identityOf(world.observe(), "somebody/else")).toMatchObject({ hasOwnEntry: false });
  });
});

describe("changed arguments", () => {
  it("are none between the same inputs, however they were written down", () => {
    fc.assert(
      fc.property(inputs, (values) => {
        const once = throughTheEngine(values);
        const turned = Object.fromEntries(Object.entries(once).reverse());
        expect(changedArguments(once as AttachmentInputs, turned as AttachmentInputs)).toEqual([]);
      }),
    );
  });

  it("are those that differ, came or went, at any depth", () => {
    const olds = parseCheckedInputs(valid);
    const changed = { ...valid, functions: [0, 2], guest: { domain: "guest2" }, leftovers: "hold" };
    expect(changedArguments(olds, parseCheckedInputs(changed)).sort()).toEqual([
      "functions",
      "guest",
      "leftovers",
    ]);
    const deep = { ...valid, connection: { ...valid.connection, proxy: { host: "jump" } } };
    expect(changedArguments(olds, parseCheckedInputs(deep))).toEqual(["connection"]);
    expect(changedArguments(parseCheckedInputs(deep), olds)).toEqual(["connection"]);
  });
});

describe("the spelling of a socket's path", () => {
  const { guest: _, ...rest } = valid;
  const inputsAt = (qmpSocket: string): AttachmentInputs =>
    parseCheckedInputs({ ...rest, guest: { qmpSocket } });
  const [olds, news] = [inputsAt("/var/run/vm.qmp"), inputsAt("/run/vm.qmp")];

  it("is no difference if both led to one socket, and else is", () => {
    expect(changedArguments(olds, withSpelling(news, olds, ["/var/run/vm.qmp"]))).toEqual([]);
    expect(changedArguments(olds, withSpelling(news, olds, []))).toEqual(["guest"]);
    expect(changedArguments(olds, withSpelling(news, olds, ["/elsewhere"]))).toEqual(["guest"]);
  });

  it("hides no other difference", () => {
    const more = { ...news, guest: { ...news.guest, privilege: "sudo" as const }, adopt: true };
    expect(changedArguments(olds, withSpelling(more, olds, ["/var/run/vm.qmp"])).sort()).toEqual([
      "adopt",
      "guest",
    ]);
    expect(withSpelling(parseCheckedInputs(valid), olds, ["/var/run/vm.qmp"])).toEqual(
      parseCheckedInputs(valid),
    );
  });
});

describe("whether the state says what is there", () => {
  const actual: ActualState = {
    hostUuid: "h",
    guestUuid: "g",
    slot: { bus: "pci.8", slot: 0, kind: "pcie-acpi" },
    guest: { guestConfigured: true, guestAddress: "0000:08:00" },
    attached: [
      {
        hostAddress: pciAddressOf(slot, 0),
        guestFunction: 0,
        qemuId: "mfpci-0123456789ab-f0",
        vendorId: "0x8086",
        productId: "0x10d3",
      },
    ],
    held: [{ hostAddress: pciAddressOf(slot, 1), hostDriver: "e1000e", iommuGroup: 7 }],
  };
  const state = composeState({}, actual);
  const [first] = actual.attached;

  it("tells what the guest made of each function, in order, or unknown", () => {
    const attached = ["f2", "f0", "f1"].map((qemuId) => ({ ...first!, qemuId }));
    const states = new Map([
      ["f0", "driven"],
      ["f2", "present"],
    ] as const);
    const told = composeState({}, { ...actual, attached, guest: { guestConfigured: true, states } });
    expect(told.guestState).toEqual(["present", "driven", "unknown"]);
    expect(state.guestState).toEqual(["unknown"]);
  });

  it("reads a state from before guestState, whose arrival is no difference", () => {
    const { guestState: _, ...old } = throughTheEngine(state);
    expect(parseState(old).guestState).toEqual([]);
    expect(parseState({ ...old, guestState: null }).guestState).toEqual([]);
    const states = new Map([["mfpci-0123456789ab-f0", "driven" as const]]);
    const driven = { ...actual, guest: { ...actual.guest, states } };
    expect(isSameState(parseState(old), driven)).toBe(true);
    expect(isSameState(composeState({}, driven), actual)).toBe(true);
  });

  it("does not depend on the guest's view, nor on ids after cold boots", () => {
    const attached = actual.attached.map((one) => ({
      ...one,
      qemuId: "ua-mfpci-0123456789ab-0000-01-00-0",
    }));
    expect(isSameState(state, actual)).toBe(true);
    expect(isSameState(state, { ...actual, attached, guest: { guestConfigured: false } })).toBe(true);
  });

  it("does not depend on how the slot takes hotplug, which a look tells anew", () => {
    const { slot } = actual;
    if (slot === undefined) throw new Error("it has a slot");
    const native = { ...actual, slot: { ...slot, kind: "pcie-native" as const } };
    expect(slot.kind).not.toBe("pcie-native");
    expect(isSameState(state, native)).toBe(true);
    const { slot: _, ...nowhere } = actual;
    expect(isSameState(state, nowhere)).toBe(false);
  });

  it("does not depend on a UUID made at each start, if keys tell", () => {
    const there = { ...actual, hostKeyFingerprint: "SHA256:a" };
    const known = composeState({}, there);
    expect(isSameState(known, { ...there, hostUuid: "made up" })).toBe(true);
    // the next write takes it over, and no preview shows it
    expect(isSameState(known, { ...there, hostKeyFingerprint: "SHA256:b" })).toBe(true);
    expect(isSameState(known, { ...there, hostUuid: "made up", hostKeyFingerprint: "SHA256:b" })).toBe(false);
  });

  it.each<[string, ActualState | undefined]>([
    ["nothing", undefined],
    ["another slot", { ...actual, slot: { bus: "pci.7", slot: 0, kind: "pcie-acpi" } }],
    ["a host that shows neither UUID nor key", { ...actual, hostUuid: "other" }],
    ["another key on it as well", { ...actual, hostUuid: "other", hostKeyFingerprint: "SHA256:b" }],
    ["nothing attached", { ...actual, attached: [] }],
    ["another function number", { ...actual, attached: first ? [{ ...first, guestFunction: 1 }] : [] }],
    ["nothing held", { ...actual, held: [] }],
  ])("is no where there is %s", (_name, there) => {
    expect(isSameState(state, there)).toBe(false);
  });
});

describe("what the inputs ask for", () => {
  it("has the documented defaults", () => {
    expect(desiredOf(parseCheckedInputs(valid))).toEqual({
      ownerToken: valid.ownerToken,
      selection: { by: "device", device: "0000:01:00", functions: [0, 1, 2, 3] },
      leftovers: "refuse",
      allowDisconnect: false,
      adopt: false,
      allowInUse: false,
      persistent: false,
    });
    expect(desiredOf(parseCheckedInputs({ ...valid, persistent: true })).persistent).toBe(true);
    expect(timeoutsOf(parseCheckedInputs(valid))).toEqual({ attachSeconds: 60, detachSeconds: 60 });
    const some = { ...valid, timeouts: { detachSeconds: 5 } };
    expect(timeoutsOf(parseCheckedInputs(some))).toEqual({ attachSeconds: 60, detachSeconds: 5 });
  });

  it("is what the host uses too, where allowed; nothing else changes it", () => {
    const usual = desiredOf(parseCheckedInputs(valid));
    expect(desiredOf(parseCheckedInputs({ ...valid, allowInUse: true }))).toEqual({
      ...usual,
      allowInUse: true,
    });
    expect(desiredOf(parseCheckedInputs({ ...valid, allowInUse: false }))).toEqual(usual);
  });

  it("is all functions of the device where none are named", () => {
    const { functions: _, ...rest } = valid;
    expect(desiredOf(parseCheckedInputs(rest)).selection).toEqual({ by: "device", device: "0000:01:00" });
  });

  it("has the ROM of each function of the map that tells of one", () => {
    const { device: _device, functions: _functions, ...rest } = valid;
    const functionMap = [
      { hostAddress: "01:00.0", guestFunction: 0, romFile: "/card.rom" },
      { hostAddress: "01:00.1", guestFunction: 1, romBar: false },
    ];
    expect(desiredOf(parseCheckedInputs({ ...rest, functionMap })).selection).toEqual({
      by: "map",
      map: functionMap.map((one) => ({ ...one, hostAddress: `0000:${one.hostAddress}` })),
    });
  });

  it("is looked at by its device or functions, and by what is remembered", () => {
    const prior = {
      functions: [
        { hostAddress: pciAddressOf(slot, 0) },
        { hostAddress: pciAddressOf("0000:02:00" as PciSlotAddress, 1) },
      ],
    };
    expect(addressesOf(parseCheckedInputs(valid), prior)).toEqual([
      "0000:01:00",
      "0000:01:00.0",
      "0000:02:00.1",
    ]);
    const { device: _, functions: __, ...rest } = valid;
    const map = { ...rest, functionMap: [{ hostAddress: "01:00.2", guestFunction: 0 }] };
    expect(addressesOf(parseCheckedInputs(map))).toEqual(["0000:01:00.2"]);
    expect(
      addressesOf(parseCheckedInputs(map), { functions: [{ hostAddress: pciAddressOf(slot, 2) }] }),
    ).toEqual(["0000:01:00.2"]);
  });
});

describe("an unknown value", () => {
  it("is found at any depth, and nowhere else", () => {
    expect(hasUnknown({ a: [{ b: UNKNOWN_VALUE }] })).toBe(true);
    expect(hasUnknown(UNKNOWN_VALUE)).toBe(true);
    expect(hasUnknown({ a: [null, undefined, 0, "", { b: `x${UNKNOWN_VALUE}` }] })).toBe(false);
  });
});
