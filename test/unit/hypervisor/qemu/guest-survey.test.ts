import { surveyGuest, type GuestSurvey } from "../../../../provider/hypervisor/qemu";
import { findGuestEnumeration } from "../../../../provider/hypervisor/qemu/guest-enumeration";
import { QmpProtocolError } from "../../../../provider/qmp";
import { tagOf } from "../../../../provider/plan";
import { readRecording, ReplayMonitor } from "../../../support/recordings/guest-recording";

const { signal } = new AbortController();
const tag = tagOf("organization/quickstart/dev/nic");
const id = (n: number): string => `mfpci-${tag}-f${n}`;

const everyPort = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `pci.${n}`);

function survey(
  scenario: string,
  changed: Record<string, unknown> = {},
  reserved: Record<string, readonly number[]> = {},
  plugBuses: readonly string[] | null = everyPort,
): Promise<GuestSurvey> {
  return surveyGuest(
    new ReplayMonitor(readRecording(scenario), changed),
    { reservedSlots: (bus) => reserved[bus] ?? [], ...(plugBuses !== null && { plugBuses }) },
    signal,
  );
}
const busOf = (found: GuestSurvey, name: string) => found.buses.find((one) => one.bus === name);
const get = (path: string, property: string): string =>
  JSON.stringify({ execute: "qom-get", arguments: { path, property } });
const list = (path: string): string => JSON.stringify({ execute: "qom-list", arguments: { path } });
/** What the recorded guest lists as devices with an id. */
const ports = (scenario: string): { readonly name: string; readonly type: string }[] =>
  (
    readRecording(scenario).replies[list("/machine/peripheral")] as {
      return: { readonly name: string; readonly type: string }[];
    }
  ).return;

describe("the survey of a recorded guest (QEMU 10.0.13, q35, eight root ports)", () => {
  it("names QEMU's version and state", async () => {
    expect(await survey("idle")).toMatchObject({ runState: "running", qemuVersion: "10.0.13", plugged: [] });
  });

  it.each(["intel-iommu", "amd-iommu", "virtio-iommu-pci", "arm-smmuv3"])(
    "finds a virtual IOMMU, with an id or without: %s",
    async (type) => {
      const device = { name: "iommu0", type: `child<${type}>` };
      const named = { return: [...ports("idle"), device] };
      const anonymous = { return: [{ ...device, name: "device[0]" }] };
      for (const changed of [
        { [list("/machine/peripheral")]: named },
        { [list("/machine/peripheral-anon")]: anonymous },
      ])
        expect((await survey("idle", changed)).virtualIommu).toBe(type);
    },
  );

  it("finds none in a guest that has none", async () => {
    expect((await survey("idle")).virtualIommu).toBeUndefined();
  });

  it("finds each port, its number, and that it is served by ACPI", async () => {
    const { buses } = await survey("idle");
    expect(buses.map((one) => [one.bus, one.index])).toEqual(
      expect.arrayContaining([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`pci.${n}`, n])),
    );
    expect(buses).toHaveLength(8);
    for (const one of buses.filter((bus) => bus.occupants.length === 0))
      expect(one.hotplug).toEqual({ possible: true, kind: "pcie-acpi", slots: { first: 0, last: 0 } });
  });

  it("sees libvirt's own USB controller on the first port, and never offers that one", async () => {
    const bus = busOf(await survey("idle"), "pci.1");
    expect(bus?.occupants).toEqual([{ slot: 0, guestFunction: 0, id: "usb" }]);
  });

  it("passes on what the configuration reserves", async () => {
    const bus = busOf(await survey("idle", {}, { "pci.8": [0] }), "pci.8");
    expect(bus?.reservedSlots).toEqual([0]);
  });

  it("keeps apart what is reserved now and what is at the next boot", async () => {
    const scope = {
      reservedSlots: (bus: string) => (bus === "pci.7" ? [0] : []),
      reservedAtBoot: (bus: string) => (bus === "pci.8" ? [0] : []),
      plugBuses: everyPort,
    };
    const found = await surveyGuest(new ReplayMonitor(readRecording("attached"), {}), scope, signal);
    expect(busOf(found, "pci.8")).toMatchObject({ reservedSlots: [], reservedAtBoot: [0] });
    expect(busOf(found, "pci.7")).toMatchObject({ reservedSlots: [0], reservedAtBoot: [] });
    // what has ours is asked how it takes hotplug all the same; an empty port that is given away is not
    // offered
    expect(busOf(found, "pci.8")?.hotplug.possible).toBe(true);
    expect(busOf(found, "pci.7")?.hotplug.possible).toBe(false);
  });

  it("finds our functions with slot, number and host address", async () => {
    const { plugged, buses } = await survey("attached");
    expect([...plugged].sort((a, b) => a.guestFunction - b.guestFunction)).toEqual(
      [0, 1, 2, 3].map((n) => ({
        qemuId: id(n),
        hostAddress: `0000:01:00.${n}`,
        bus: "pci.8",
        slot: 0,
        guestFunction: n,
      })),
    );
    expect(buses.find((one) => one.bus === "pci.8")).toMatchObject({
      hotplug: { possible: true, kind: "pcie-acpi" },
    });
    expect(buses.find((one) => one.bus === "pci.8")?.occupants).toHaveLength(4);
  });

  it("finds a function that someone else has plugged, with an id or without", async () => {
    const bus = "/machine/peripheral/pci.5/pci.5";
    const byHand = "/machine/peripheral/by-hand";
    const unnamed = "/machine/peripheral-anon/device[0]";
    const type = "child<vfio-pci>";
    const { plugged } = await survey("idle", {
      [list("/machine/peripheral")]: { return: [...ports("idle"), { name: "by-hand", type }] },
      [list("/machine/peripheral-anon")]: { return: [{ name: "device[0]", type }] },
      [get(byHand, "parent_bus")]: { return: bus },
      [get(byHand, "addr")]: { return: 0 },
      [get(byHand, "host")]: { return: "0000:01:00.3" },
      [get(unnamed, "parent_bus")]: { return: bus },
      [get(unnamed, "addr")]: { return: 1 },
      [get(unnamed, "host")]: { return: "0000:01:00.2" },
    });
    const place = { bus: "pci.5", slot: 0 };
    expect(plugged).toEqual([
      { ...place, guestFunction: 0, qemuId: "by-hand", hostAddress: "0000:01:00.3" },
      { ...place, guestFunction: 1, qemuId: unnamed, hostAddress: "0000:01:00.2" },
    ]);
  });

  it("finds a function plugged by its place in sysfs, and names unknown ones", async () => {
    const bus = "/machine/peripheral/pci.5/pci.5";
    const type = "child<vfio-pci>";
    const places: Readonly<Record<string, string>> = {
      "by-sysfs": "/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.3",
      "by-file": "",
      vgpu: "/sys/bus/mdev/devices/4b20d080-1b54-4048-85b3-a6a62d165c01",
    };
    const answers = Object.entries(places).flatMap(([name, place], devfn) => {
      const path = `/machine/peripheral/${name}`;
      return [
        [get(path, "parent_bus"), { return: bus }],
        [get(path, "addr"), { return: devfn }],
        [get(path, "host"), { return: "ffff:ff:ff.f" }],
        [get(path, "sysfsdev"), { return: place }],
      ];
    });
    const named = Object.keys(places).map((name) => ({ name, type }));
    const { plugged, unidentified } = await survey("idle", {
      ...(Object.fromEntries(answers) as Record<string, unknown>),
      [list("/machine/peripheral")]: { return: [...ports("idle"), ...named] },
    });
    expect(plugged).toEqual([
      { bus: "pci.5", slot: 0, guestFunction: 0, qemuId: "by-sysfs", hostAddress: "0000:01:00.3" },
    ]);
    expect(unidentified).toEqual(["by-file"]);
  });

  it.each([
    ["/usr/share/vgabios/card.rom", -1, { romFile: "/usr/share/vgabios/card.rom" }],
    ["/usr/share/vgabios/card.rom", 1, { romFile: "/usr/share/vgabios/card.rom", romBar: true }],
    ["", 0, { romBar: false }],
    ["", 1, { romBar: true }],
  ])("asks for the ROM of a function whose id tells of one: %j, %d", async (file, bar, rom) => {
    const bus = "/machine/peripheral/pci.5/pci.5";
    const name = `${id(0)}-rom`;
    const path = `/machine/peripheral/${name}`;
    const { plugged } = await survey("idle", {
      [list("/machine/peripheral")]: { return: [...ports("idle"), { name, type: "child<vfio-pci>" }] },
      [list(bus)]: { return: [{ name: "child[0]", type: "link<vfio-pci>" }] },
      [get(bus, "child[0]")]: { return: path },
      [get(path, "parent_bus")]: { return: bus },
      [get(path, "addr")]: { return: 0 },
      [get(path, "host")]: { return: "0000:01:00.3" },
      [get(path, "romfile")]: { return: file },
      [get(path, "rombar")]: { return: bar },
    });
    const place = { bus: "pci.5", slot: 0, guestFunction: 0 };
    expect(plugged).toEqual([{ ...place, qemuId: name, hostAddress: "0000:01:00.3", ...rom }]);
  });

  it("sees a half plugged slot, of which the guest knows nothing", async () => {
    const { plugged, buses } = await survey("half-plugged");
    expect(plugged.map((one) => one.guestFunction).sort()).toEqual([1, 2, 3]);
    expect(buses.find((one) => one.bus === "pci.8")?.occupants).toHaveLength(3);
  });

  it("leaves out a function that goes away between the list and the look", async () => {
    const gone = { error: { class: "DeviceNotFound", desc: "Device not found" } };
    const path = `/machine/peripheral/${id(2)}`;
    const { plugged } = await survey("attached", { [get(path, "host")]: gone, [get(path, "addr")]: gone });
    expect(plugged.map((one) => one.guestFunction).sort()).toEqual([0, 1, 3]);
  });

  it("takes a port that is its own handler for a native one", async () => {
    const port = "/machine/peripheral/pci.5";
    const found = await survey("idle", { [get(`${port}/pci.5`, "hotplug-handler")]: { return: port } });
    expect(busOf(found, "pci.5")?.hotplug).toMatchObject({ possible: true, kind: "pcie-native" });
  });

  it("refuses a port without handler, and one whose handler has no selector", async () => {
    const port = "/machine/peripheral/pci.5";
    const without = await survey("idle", { [get(`${port}/pci.5`, "hotplug-handler")]: { return: "" } });
    expect(busOf(without, "pci.5")?.hotplug.possible).toBe(false);
    const notFound = { error: { class: "GenericError", desc: "Property 'PCIE.acpi-pcihp-bsel' not found" } };
    const closed = await survey("idle", { [get(`${port}/pci.5`, "acpi-pcihp-bsel")]: notFound });
    expect(busOf(closed, "pci.5")?.hotplug.possible).toBe(false);
  });

  it.each([
    [{ status: "prelaunch", running: false }, "prelaunch"],
    [{ status: "paused", running: false }, "paused"],
    [{ status: "shutdown", running: false }, expect.objectContaining({ by: "QEMU", state: "shutdown" })],
    [{ status: "running", running: true }, "running"],
  ])("takes the status %j for %s", async (status, runState) => {
    expect((await survey("idle", { '{"execute":"query-status"}': { return: status } })).runState).toEqual(
      runState,
    );
  });

  it.each(["query-status", "query-version"])("refuses an answer to %s that is none", async (command) => {
    const changed = { [JSON.stringify({ execute: command })]: { return: "x" } };
    await expect(survey("idle", changed)).rejects.toThrow(QmpProtocolError);
  });

  it("ends with its signal", async () => {
    const ended = AbortSignal.abort(new Error("the time ran out"));
    const monitor = new ReplayMonitor(readRecording("idle"));
    await expect(surveyGuest(monitor, { reservedSlots: () => [] }, ended)).rejects.toThrow(
      "the time ran out",
    );
    expect(monitor.asked).toEqual([]);
  });

  it("finds slot and function of what stands on a conventional bus", async () => {
    const bridge = "/machine/peripheral/pci.5";
    const bus = `${bridge}/pci.5`;
    const device = "/machine/peripheral-anon/device[0]";
    const found = await survey("idle", {
      [list("/machine/peripheral")]: {
        return: ports("idle").map((one) =>
          one.name === "pci.5" ? { ...one, type: "child<pci-bridge>" } : one,
        ),
      },
      [list(bus)]: { return: [{ name: "child[0]", type: "link<e1000e>" }] },
      [get(bus, "child[0]")]: { return: device },
      [get(device, "addr")]: { return: 18 * 8 + 3 },
    });
    expect(busOf(found, "pci.5")).toMatchObject({
      hotplug: { possible: true, kind: "pci-acpi", slots: { first: 1, last: 31 } },
      occupants: [{ slot: 18, guestFunction: 3, id: device }],
    });
  });

  it("of a port with ours beside a stranger knows how ours is unplugged", async () => {
    const child = "/machine/peripheral/pci.8/pci.8";
    const stranger = "/machine/peripheral/net9";
    const recorded = readRecording("half-plugged").replies[list(child)] as { return: object[] };
    const found = await survey("half-plugged", {
      [list(child)]: { return: [...recorded.return, { name: "child[9]", type: "link<e1000e>" }] },
      [get(child, "child[9]")]: { return: stranger },
      [get(stranger, "addr")]: { return: 7 },
    });
    expect(busOf(found, "pci.8")?.occupants.map((one) => one.id)).toContain("net9");
    expect(busOf(found, "pci.8")?.hotplug.possible).toBe(true);
  });
});

describe("which ports the survey looks at", () => {
  const askedPorts = async (
    scenario: string,
    plugBuses: readonly string[] | null,
    changed: Record<string, unknown> = {},
  ): Promise<string[]> => {
    const { buses } = await survey(scenario, changed, {}, plugBuses);
    return buses.filter((one) => one.hotplug.possible).map((one) => one.bus);
  };
  const handlerOf = (n: number): string => get(`/machine/peripheral/pci.${n}/pci.${n}`, "hotplug-handler");

  it("is none of the free ones where nothing is to be plugged", async () => {
    expect(await askedPorts("idle", null)).toEqual([]);
  });

  it("is the one that has ours, whatever is to be done", async () => {
    expect(await askedPorts("attached", null)).toEqual(["pci.8"]);
  });

  it("is the highest free one, where one is to be chosen", async () => {
    expect(await askedPorts("idle", [])).toEqual(["pci.8"]);
  });

  it("goes on downwards where the highest takes none", async () => {
    const changed = { [handlerOf(8)]: { return: "" }, [handlerOf(7)]: { return: "" } };
    expect(await askedPorts("idle", [], changed)).toEqual(["pci.6"]);
  });

  it("is every port that the plug may be for, beside the one to choose", async () => {
    expect((await askedPorts("idle", ["pci.3"])).sort()).toEqual(["pci.3", "pci.8"]);
  });

  it("is every one if all are wanted, also beside one of ours", async () => {
    const every = async (scenario: string): Promise<string[]> => {
      const monitor = new ReplayMonitor(readRecording(scenario));
      const scope = { reservedSlots: () => [], plugBuses: [], everyBus: true };
      const { buses, machine } = await surveyGuest(monitor, scope, signal);
      expect(machine).toBe("pc-q35-10.0");
      expect(buses.map((one) => one.bus).sort()).toEqual(everyPort);
      return buses
        .filter((one) => one.hotplug.possible)
        .map((one) => one.bus)
        .sort();
    };
    // libvirt's USB controller has the first
    expect(await every("idle")).toEqual(everyPort.slice(1));
    expect(await every("attached")).toEqual(everyPort.slice(1));
  });

  it("is none of those that the configuration gives away, while another is free", async () => {
    const monitor = new ReplayMonitor(readRecording("idle"));
    const reservedSlots = (bus: string): readonly number[] => (bus === "pci.8" ? [0] : []);
    const { buses } = await surveyGuest(monitor, { reservedSlots, plugBuses: [] }, signal);
    expect(monitor.asked.filter((one) => one.includes("pci.8"))).toEqual([]);
    expect(buses.filter((one) => one.hotplug.possible).map((one) => one.bus)).toEqual(["pci.7"]);
  });

  it("is each of them if none is free, for the error to say why", async () => {
    const taken = Object.fromEntries(everyPort.map((bus) => [bus, [0]]));
    const { buses } = await survey("idle", {}, taken, []);
    expect(buses.find((one) => one.bus === "pci.1")?.hotplug).toEqual({
      possible: false,
      reason: "it is taken by usb",
    });
    expect(buses.find((one) => one.bus === "pci.8")?.hotplug).toEqual({
      possible: false,
      reason: "it is taken by libvirt's configuration",
    });
  });

  it("costs six questions, three for each host function, and more for the port", async () => {
    const countOf = async (scenario: string, plugBuses?: readonly string[]): Promise<number> => {
      const monitor = new ReplayMonitor(readRecording(scenario));
      const scope = { reservedSlots: () => [], ...(plugBuses && { plugBuses }) };
      await surveyGuest(monitor, scope, signal);
      return monitor.asked.length;
    };
    expect(await countOf("idle")).toBe(6);
    expect(await countOf("idle", [])).toBe(6 + 3);
    // and how the port of ours takes hotplug; before a plug, what else is on it
    expect(await countOf("attached")).toBe(6 + 3 * 4 + 2);
    expect(await countOf("attached", ["pci.8"])).toBe(6 + 3 * 4 + 2 + (1 + 4) + 3);
  });
});

describe("the guest's own view", () => {
  const queryPci = (scenario: string): unknown =>
    (readRecording(scenario).replies['{"execute":"query-pci"}'] as { return: unknown }).return;

  /** The recorded guest has no driver for the card; one that has maps its memory, not ROM and I/O ports. */
  const withMapped = (isMapped: (bar: number, qdevId: string) => boolean): unknown =>
    JSON.parse(JSON.stringify(queryPci("attached")), (_key, device: Record<string, unknown> | null) => {
      if (typeof device?.["qdev_id"] !== "string" || !Array.isArray(device["regions"])) return device;
      const regions = (device["regions"] as { bar: number }[]).map((one) => ({
        ...one,
        address: isMapped(one.bar, device["qdev_id"] as string) ? 4253024256 : -1,
      }));
      return { ...device, regions };
    });

  it("has the bus number that the guest gave to the port", () => {
    expect(findGuestEnumeration(queryPci("attached"), [0, 1, 2, 3].map(id))).toEqual({
      guestAddress: "0000:08:00",
      guestConfigured: false,
    });
    expect(findGuestEnumeration(queryPci("idle"), ["usb"])).toEqual({
      guestAddress: "0000:01:00",
      guestConfigured: true,
    });
  });

  it("is configured where all memory is mapped, whatever of ROM and I/O ports", () => {
    const mapped = withMapped((bar) => bar !== 2 && bar !== 6);
    expect(findGuestEnumeration(mapped, [0, 1, 2, 3].map(id)).guestConfigured).toBe(true);
  });

  it("is not there yet for functions unknown to the guest, and for none", () => {
    expect(findGuestEnumeration(queryPci("idle"), [id(0)])).toEqual({ guestConfigured: false });
    expect(findGuestEnumeration(queryPci("attached"), [id(0), id(7)])).toEqual({ guestConfigured: false });
    expect(findGuestEnumeration(queryPci("attached"), [])).toEqual({ guestConfigured: false });
  });

  it("of a half plugged slot is of functions without mapped regions", () => {
    expect(findGuestEnumeration(queryPci("half-plugged"), [1, 2, 3].map(id)).guestConfigured).toBe(false);
  });

  it("is not configured while one region of one function is not mapped", () => {
    const mapped = withMapped((bar, qdevId) => qdevId !== id(2) || bar !== 3);
    expect(findGuestEnumeration(mapped, [0, 1, 2, 3].map(id)).guestConfigured).toBe(false);
    expect(findGuestEnumeration(mapped, [0, 1, 3].map(id)).guestConfigured).toBe(true);
  });

  it.each([undefined, null, 7, "x", {}, [7], [{ devices: 3 }], [{ devices: [null, { pci_bridge: 1 }] }]])(
    "of an answer like %j is not yet there, and throws nothing",
    (answer) => {
      expect(findGuestEnumeration(answer, [id(0)])).toEqual({ guestConfigured: false });
    },
  );

  it("of a bus without number has no address", () => {
    const devices = [{ bus: 0, slot: 0, qdev_id: id(0), regions: [] }];
    expect(findGuestEnumeration([{ bus: 0, devices }], [id(0)])).toEqual({ guestConfigured: true });
  });
});
