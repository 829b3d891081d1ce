import { causeText, hasCode } from "../../../../provider/errors";
import { configuredHostdev } from "../../../../provider/hypervisor/libvirt/xml/hostdev-xml";
import { LibvirtHost } from "../../../../provider/hypervisor/libvirt/libvirt-host";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import { LibvirtDisconnectedError, LibvirtErrorCode } from "../../../../provider/libvirt-rpc";
import {
  aliasOf,
  planAttach,
  planDetach,
  tagOf,
  type ConfiguredFunction,
  type Observation,
  type PlugTarget,
} from "../../../../provider/plan";
import type { QmpMonitor } from "../../../../provider/qmp";
import { at, outline, wants } from "../../../support/desired";
import { nothingUsed } from "../../../support/host-facts";
import { emptyMonitor, hostWith, monitorWith, NO_HOST } from "../support/found-host";
import { readRecording } from "../../../support/recordings/guest-recording";
import { guest1, HOST_UUID, libvirtError, recordedLibvirt, type CallLine } from "../support/scripted-libvirt";

const { signal } = new AbortController();
const owner = "organization/quickstart/dev/nic";
const tag = tagOf(owner);
const address = at("0000:01:00.2");
const alias = aliasOf(tag, address);

const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const attached = readRecording("attached").domainXml;
const idle = readRecording("idle").domainXml;
const plugged = attached.replaceAll(
  "<address type='unassigned'/>",
  "<address type='pci' domain='0' bus='5' slot='0' function='0'/>",
);

describe("the guest whose lock is held", () => {
  it("alone is looked at from then on, whoever has its name", async () => {
    const { host, libvirt } = await hostWith([
      { call: "lookupDomain", having: guest1.uuid, reply: { ...guest1, name: "renamed" } },
      { call: "lookupDomain", having: guest1.uuid, reply: libvirtError(LibvirtErrorCode.NO_DOMAIN) },
    ]);
    host.keepTo(guest1.uuid);
    expect(await host.readIdentity({ addresses: [] }, signal)).toMatchObject({ guestUuid: guest1.uuid });
    expect(await host.readIdentity({ addresses: [] }, signal)).toEqual({ iommuGroups: [] });
    libvirt.finish();
  });
});

describe("a hold", () => {
  it("attaches the function live, and looks once whether libvirt kept it unassigned", async () => {
    const { host, libvirt } = await hostWith([
      { call: "attachDevice", having: alias },
      { call: "domainXml", reply: attached },
      { call: "attachDevice", having: "'live'".replaceAll("'", '"') },
    ]);
    await host.hold({ hostAddress: address, alias }, signal);
    await host.hold({ hostAddress: at("0000:01:00.3"), alias: aliasOf(tag, at("0000:01:00.3")) }, signal);
    libvirt.finish();
  });

  it("is awaited whatever the signal says, because libvirt carries it out all the same", async () => {
    const { host, libvirt } = await hostWith([
      { call: "attachDevice" },
      { call: "domainXml", reply: attached },
    ]);
    await host.hold({ hostAddress: address, alias }, signal);
    expect(libvirt.signals[1]).toBeUndefined();
  });

  it("that was cut off before is there already", async () => {
    const { host, libvirt } = await hostWith([
      {
        call: "attachDevice",
        reply: libvirtError(LibvirtErrorCode.CONFIG_UNSUPPORTED, "non unique alias detected"),
      },
      { call: "domainXml", reply: attached },
      { call: "domainXml", reply: attached },
    ]);
    await host.hold({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("of an alias that is taken by something that is not there fails", async () => {
    const { host, libvirt } = await hostWith([
      {
        call: "attachDevice",
        reply: libvirtError(LibvirtErrorCode.CONFIG_UNSUPPORTED, "non unique alias detected"),
      },
      { call: "domainXml", reply: idle },
    ]);
    const error = await failureOf(host.hold({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "HOLD_FAILED")).toBe(true);
    libvirt.finish();
  });

  it("of a function in use names it, the guest, and libvirt's own words", async () => {
    const words = "PCI device 0000:01:00.2 is in use by driver QEMU, domain guest2";
    const { host, libvirt } = await hostWith([
      { call: "attachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_INVALID, words) },
    ]);
    const error = await failureOf(host.hold({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "HOLD_FAILED")).toBe(true);
    expect(causeText(error)).toContain(`0000:01:00.2 for guest guest1: ${words}`);
    libvirt.finish();
  });

  it("is asked for again while someone else holds the guest's job", async () => {
    const busy: CallLine = { call: "attachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_TIMEOUT) };
    const { host, libvirt } = await hostWith([
      busy,
      busy,
      { call: "attachDevice" },
      { call: "domainXml", reply: attached },
    ]);
    await host.hold({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("is not asked for again once its signal has ended", async () => {
    const ended = new AbortController();
    const { host, libvirt } = await hostWith([
      { call: "attachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_TIMEOUT, "held by monitor") },
    ]);
    ended.abort();
    const error = await failureOf(host.hold({ hostAddress: address, alias }, ended.signal));
    expect(causeText(error)).toContain("held by monitor");
    libvirt.finish();
  });

  it("that libvirt plugged instead is detached again, and says so", async () => {
    const { host, libvirt } = await hostWith([
      { call: "attachDevice" },
      { call: "domainXml", reply: plugged },
      { call: "detachDevice", having: alias },
    ]);
    const error = await failureOf(host.hold({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "UNASSIGNED_IGNORED")).toBe(true);
    libvirt.finish();
  });

  it("whose connection is lost fails with that as its reason", async () => {
    const lost = new LibvirtDisconnectedError("the connection was closed");
    const { host, libvirt } = await hostWith([{ call: "attachDevice", reply: lost }]);
    const error = await failureOf(host.hold({ hostAddress: address, alias }, signal));
    expect(causeText(error)).toContain("the connection was closed");
    expect((error as Error).cause).toBe(lost);
    libvirt.finish();
  });
});

describe("a hold of what libvirt has plugged itself meanwhile", () => {
  it("is a failure with libvirt's words; above all, nothing is detached", async () => {
    const { host, libvirt } = await hostWith([
      {
        call: "attachDevice",
        reply: libvirtError(LibvirtErrorCode.CONFIG_UNSUPPORTED, "non unique alias detected"),
      },
      { call: "domainXml", reply: plugged },
    ]);
    const error = await failureOf(host.hold({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "HOLD_FAILED")).toBe(true);
    expect(causeText(error)).toContain("non unique alias detected");
    libvirt.finish();
  });
});

describe("a change of the guest's configuration", () => {
  const aliasAt = (n: number): string => aliasOf(tag, at(`0000:01:00.${n}`));
  const shown = (n: number, bus = "pci.8"): ConfiguredFunction => ({
    hostAddress: at(`0000:01:00.${n}`),
    alias: aliasAt(n),
    guestAddress: { bus, slot: 0, guestFunction: n },
  });
  const held = (n: number): ConfiguredFunction => ({ hostAddress: at(`0000:01:00.${n}`), alias: aliasAt(n) });
  const { persistentXml } = readRecording("idle");

  it("adds each function with its place, by the configuration's bus number, as `config`", async () => {
    const { host, libvirt } = await hostWith([
      { call: "domainXml", having: '"inactive":true', reply: persistentXml },
      { call: "attachDevice", having: JSON.stringify('<address type="unassigned"/>').slice(1, -1) },
      {
        call: "attachDevice",
        having: JSON.stringify('bus="0x08" slot="0x00" function="0x2"/>').slice(1, -1),
      },
      {
        call: "attachDevice",
        having:
          JSON.stringify('bus="0x08" slot="0x00" function="0x0" multifunction="on"/></hostdev>').slice(
            1,
            -1,
          ) + '","config"',
      },
    ]);
    await host.configuration.configure([held(1), shown(2), shown(0)], signal);
    libvirt.finish();
  });

  it("sends all calls before the first answer, for a client that dies between them", async () => {
    let isAnswered = false;
    const sentBefore: boolean[] = [];
    const { host } = recordedHost("idle", {
      attachDevice: async () => {
        sentBefore.push(!isAnswered);
        await new Promise(setImmediate);
        isAnswered = true;
      },
    });
    await host.readIdentity({ addresses: [] }, signal);
    await host.configuration.configure([shown(1), shown(2), shown(3), shown(0)], signal);
    expect(sentBefore).toEqual([true, true, true, true]);
  });

  it("of which libvirt refuses a part names that part, after all are done", async () => {
    const { host, libvirt } = await hostWith([
      { call: "domainXml", reply: persistentXml },
      { call: "attachDevice", reply: libvirtError(27, "Attempted double use of PCI Address") },
      { call: "attachDevice" },
    ]);
    const error = await failureOf(host.configuration.configure([shown(1), shown(0)], signal));
    expect(hasCode(error, "CONFIGURE_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(/did not add 0000:01:00\.1 to .*guest1: Attempted double use/);
    libvirt.finish();
  });

  it("is not begun where the configuration has no such bus", async () => {
    const { host, libvirt } = await hostWith([{ call: "domainXml", reply: persistentXml }]);
    const error = await failureOf(
      host.configuration.configure([shown(1, "pci.99"), shown(0, "pci.99")], signal),
    );
    expect(causeText(error)).toContain("it has no bus pci.99");
    libvirt.finish();
  });

  it("takes each function out, and one that is not there is out already", async () => {
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", having: aliasAt(0) },
      { call: "detachDevice", having: '"config"', reply: libvirtError(LibvirtErrorCode.DEVICE_MISSING) },
    ]);
    await host.configuration.unconfigure([shown(0), held(1)], signal);
    libvirt.finish();
  });

  it("that libvirt refuses to undo names what is left", async () => {
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_INVALID, "some refusal") },
    ]);
    const error = await failureOf(host.configuration.unconfigure([held(1)], signal));
    expect(hasCode(error, "UNCONFIGURE_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(/did not take 0000:01:00\.1 out .*some refusal/);
    libvirt.finish();
  });

  it("is asked for again while the job is busy, and fails with its connection", async () => {
    const lost = new LibvirtDisconnectedError("the connection was closed");
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_TIMEOUT) },
      { call: "detachDevice" },
      { call: "detachDevice", reply: lost },
    ]);
    await host.configuration.unconfigure([held(1)], signal);
    expect(await failureOf(host.configuration.unconfigure([held(1)], signal))).toBe(lost);
    libvirt.finish();
  });
});

describe("what libvirt has for the guest", () => {
  it("is told by alias, of a running guest only", async () => {
    const { host, libvirt } = await hostWith([
      { call: "domainXml", reply: plugged },
      { call: "domainXml", reply: plugged.replace(/<domain ([^>]*) id='1'>/, "<domain $1>") },
    ]);
    expect([...(await host.heldAliases(signal))].sort()).toEqual(
      [0, 1, 2, 3].map((n) => aliasOf(tag, at(`0000:01:00.${n}`))),
    );
    expect([...(await host.heldAliases(signal))]).toEqual([]);
    libvirt.finish();
  });
});

describe("an attach of one function", () => {
  const target: PlugTarget = { hostAddress: address, guestFunction: 0, qemuId: alias };
  const slot = { bus: "pci.8", slot: 0, kind: "pcie-acpi" } as const;
  const textOf = (xml: string): string => JSON.stringify(xml).slice(1, -1);

  it("names its place by the live bus number, with alias, ROM and driver", async () => {
    const expected = configuredHostdev(
      {
        hostAddress: address,
        alias,
        guestAddress: { bus: "pci.8", slot: 0, guestFunction: 0 },
        romFile: "/card.rom",
        vfioDriver: "mlx5_vfio_pci",
      },
      8,
      false,
    );
    const { host, libvirt } = await hostWith([
      { call: "domainXml", reply: idle },
      { call: "attachDevice", having: `${textOf(expected)}","live"` },
    ]);
    await host.singles.attachSingle(
      { target: { ...target, romFile: "/card.rom" }, slot, vfioDriver: "mlx5_vfio_pci" },
      signal,
    );
    libvirt.finish();
  });

  it("goes without any signal, because libvirt carries it out all the same", async () => {
    const { host, libvirt } = await hostWith([{ call: "domainXml", reply: idle }, { call: "attachDevice" }]);
    await host.singles.attachSingle({ target, slot }, signal);
    expect(libvirt.signals.at(-1)).toBeUndefined();
  });

  it("that libvirt refuses names function, slot and libvirt's words", async () => {
    const { host } = await hostWith([
      { call: "domainXml", reply: idle },
      { call: "attachDevice", reply: libvirtError(1, "group 7 is not viable") },
    ]);
    const error = await failureOf(host.singles.attachSingle({ target, slot }, signal));
    expect(hasCode(error, "PLUG_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(/0000:01:00\.2 into guest slot pci\.8: group 7 is not viable/);
  });

  it("is not begun where libvirt knows no such bus", async () => {
    const { host, libvirt } = await hostWith([{ call: "domainXml", reply: idle }]);
    const error = await failureOf(
      host.singles.attachSingle({ target, slot: { ...slot, bus: "by-hand" } }, signal),
    );
    expect(causeText(error)).toContain("libvirt knows of no bus by-hand");
    libvirt.finish();
  });
});

describe("a release", () => {
  it("asks QOM first, and detaches the function by its alias", async () => {
    const { host, libvirt } = await hostWith([{ call: "detachDevice", having: alias }]);
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
    expect(libvirt.signals[1]).toBeUndefined();
  });

  it.each([
    ["as ours", `peripheral/mfpci-${tag}-f2`, `mfpci-${tag}-f2`],
    ["by another owner's id", "peripheral/mfpci-ffffffffffff-f2", "mfpci-ffffffffffff-f2"],
    ["by hand", "peripheral/by-hand", "by-hand"],
    ["by hand, without an id", "peripheral-anon/device[0]", "/machine/peripheral-anon/device[0]"],
  ])("of a function that QEMU has %s is refused, and libvirt is not asked", async (_how, path, named) => {
    const { host, libvirt } = await hostWith([], monitorWith({ [path]: "0000:01:00.2" }));
    const error = await failureOf(host.release({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "STILL_PLUGGED")).toBe(true);
    expect(causeText(error)).toContain(named);
    libvirt.finish();
  });

  it.each([
    "/sys/bus/pci/devices/0000:01:00.2",
    "/sys/bus/pci/devices/0000:01:00.2/",
    "/sys/devices/pci0000:00/0000:00:1c.0/0000:01:00.2",
  ])("of a function that QEMU has by its place in sysfs is refused: %s", async (sysfsdev) => {
    const { host, libvirt } = await hostWith([], monitorWith({ "peripheral/by-hand": { sysfsdev } }));
    const error = await failureOf(host.release({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "STILL_PLUGGED")).toBe(true);
    expect(causeText(error)).toContain("by-hand");
    libvirt.finish();
  });

  it.each(["", "/run/by-hand/nic", "/dev/vfio/devices/vfio0"])(
    "is refused where QEMU has a function and does not tell which: %j",
    async (sysfsdev) => {
      const { host, libvirt } = await hostWith([], monitorWith({ "peripheral/by-hand": { sysfsdev } }));
      const error = await failureOf(host.release({ hostAddress: address, alias }, signal));
      expect(hasCode(error, "FUNCTION_UNIDENTIFIED")).toBe(true);
      expect(causeText(error)).toMatch(/0000:01:00\.2.*guest1.*by-hand.*device_del/s);
      libvirt.finish();
    },
  );

  it("is not stopped by another function's place in sysfs, nor by a mediated device's", async () => {
    const mediated = "/sys/bus/mdev/devices/4b20d080-1b54-4048-85b3-a6a62d165c01";
    const monitor = monitorWith({
      "peripheral/by-hand": { sysfsdev: "/sys/bus/pci/devices/0000:01:00.3" },
      "peripheral/vgpu": { sysfsdev: mediated },
    });
    const { host, libvirt } = await hostWith([{ call: "detachDevice" }], monitor);
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("is not stopped by a device that is no host function", async () => {
    const monitor = monitorWith({
      "peripheral/net0": "0000:01:00.2",
      [`peripheral/mfpci-${tag}-f3`]: "0000:01:00.3",
    });
    const { host, libvirt } = await hostWith([{ call: "detachDevice" }], monitor);
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("of what is not held any more has nothing to do", async () => {
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.DEVICE_MISSING) },
    ]);
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("from a guest that has ended has nothing to do", async () => {
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_INVALID) },
      { call: "domainState", reply: { state: "shutoff", reason: 1 } },
    ]);
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("from a guest that has crashed, and whose QEMU was kept, is none yet", async () => {
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_INVALID, "some refusal") },
      { call: "domainState", reply: { state: "crashed", reason: 1 } },
    ]);
    const error = await failureOf(host.release({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "RELEASE_FAILED")).toBe(true);
    libvirt.finish();
  });

  it("from a guest whose monitor is gone because it ended has nothing to do", async () => {
    const gone: QmpMonitor = {
      ...emptyMonitor,
      execute: () =>
        Promise.reject(libvirtError(LibvirtErrorCode.OPERATION_INVALID, "domain is not running")),
    };
    const { host, libvirt } = await hostWith(
      [{ call: "domainState", reply: { state: "shutoff", reason: 1 } }],
      gone,
    );
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("that libvirt refuses to a running guest is a failure with libvirt's words", async () => {
    const { host, libvirt } = await hostWith([
      { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_INVALID, "some refusal") },
      { call: "domainState", reply: { state: "running", reason: 1 } },
    ]);
    const error = await failureOf(host.release({ hostAddress: address, alias }, signal));
    expect(hasCode(error, "RELEASE_FAILED")).toBe(true);
    expect(causeText(error)).toContain("some refusal");
    libvirt.finish();
  });

  it("is asked for again while someone else holds the guest's job", async () => {
    const busy: CallLine = { call: "detachDevice", reply: libvirtError(LibvirtErrorCode.OPERATION_TIMEOUT) };
    const { host, libvirt } = await hostWith([busy, { call: "detachDevice" }]);
    await host.release({ hostAddress: address, alias }, signal);
    libvirt.finish();
  });

  it("whose connection is lost fails as it is", async () => {
    const lost = new LibvirtDisconnectedError("the connection was closed");
    const { host, libvirt } = await hostWith([{ call: "detachDevice", reply: lost }]);
    expect(await failureOf(host.release({ hostAddress: address, alias }, signal))).toBe(lost);
    libvirt.finish();
  });
});

describe("a driver that is to be bound again", () => {
  it("is bound by libvirt, under its name of the function", async () => {
    const { host, libvirt } = await hostWith([{ call: "nodeDeviceReattach", having: "pci_0000_01_00_2" }]);
    await host.rebind(address, signal);
    libvirt.finish();
  });
});

/** A host that answers as the recorded one did. */
function recordedHost(
  scenario: string,
  replaced: Record<string, unknown> = {},
): { host: LibvirtHost; asked: string[] } {
  const { session, asked } = recordedLibvirt(scenario, replaced);
  const host = new LibvirtHost({
    session,
    monitor: new LibvirtMonitor(session, () => guest1),
    guest: "guest1",
    onDomain: () => undefined,
    readHostFacts: () =>
      Promise.resolve({
        ...nothingUsed,
        interfaces: [
          {
            name: "eth0",
            hostAddress: at("0000:00:02.0"),
            isUp: true,
            lowerInterfaces: [],
            addresses: [],
            routes: [],
          },
        ],
        sshInterfaces: ["eth0"],
      }),
  });
  return { host, asked };
}
const query = { addresses: ["0000:01:00"], forPlug: { buses: [] } };

test("a release is not stopped by what was beside the function in QEMU", async () => {
  const recording = readRecording("attached");
  const list = JSON.stringify({ execute: "qom-list", arguments: { path: "/machine/peripheral" } });
  const { return: devices } = recording.replies[list] as { return: { name: string; type: string }[] };
  let isUnplugged = false;
  const answer = (text: string): unknown => {
    if (text.includes("by-file/") || text.includes('by-file"'))
      return { return: text.includes('"host"') ? NO_HOST : text.includes('"addr"') ? 0 : "" };
    if (text !== list) return recording.replies[text];
    const others = isUnplugged ? devices.filter((one) => !one.type.includes("vfio")) : devices;
    return { return: [...others, { name: "by-file", type: "child<vfio-pci>" }] };
  };
  const released: unknown[] = [];
  const { host } = recordedHost("attached", {
    monitorCommand: (_domain: unknown, text: string) => JSON.stringify(answer(text)),
    detachDevice: (...args: unknown[]) => void released.push(args[1]),
  });
  const { plugged, unidentified } = await host.observe(query, signal);
  expect([plugged.length, unidentified]).toEqual([4, ["by-file"]]);
  isUnplugged = true;
  await host.release({ hostAddress: address, alias }, signal);
  expect(released).toHaveLength(1);
  const another = at("0000:02:00.0");
  const error = await failureOf(host.release({ hostAddress: another, alias: aliasOf(tag, another) }, signal));
  expect(hasCode(error, "FUNCTION_UNIDENTIFIED")).toBe(true);
});

/**
 * The recorded guest with the device attached, as it would be after a cold boot with the same in its
 * configuration: libvirt's aliases are QEMU's ids, and libvirt has given each function its place.
 */
function coldBooted(): { domainXml: string; replies: Record<string, unknown> } {
  const { domainXml, replies } = readRecording("attached");
  const places = domainXml.replace(
    /(<alias name='ua-mfpci-[0-9a-f]+-0000-01-00-(\d)'\/>\s*)<address type='unassigned'\/>/g,
    "$1<address type='pci' domain='0x0000' bus='0x08' slot='0x00' function='0x$2'/>",
  );
  const ids = JSON.stringify(replies).replace(/mfpci-([0-9a-f]{12})-f(\d)/g, "ua-mfpci-$1-0000-01-00-$2");
  return { domainXml: places, replies: JSON.parse(ids) as Record<string, unknown> };
}

/** As libvirt shows the configuration: without the id of a running guest. */
function asInactive(domainXml: string): string {
  return domainXml.replace(/<domain ([^>]*) id='\d+'>/, "<domain $1>");
}

describe("an observation of the recorded host", () => {
  it("has host, guest, functions, ports and uses, enough to plan an attach", async () => {
    const observation = await recordedHost("idle").host.observe(query, signal);
    expect(observation).toMatchObject({
      hostUuid: HOST_UUID,
      guest: { name: "guest1", uuid: guest1.uuid, runState: "running", qemuVersion: "10.0.13" },
      holdings: [],
      plugged: [],
      ledger: [],
      hostUses: [{ hostAddress: "0000:00:02.0" }],
    });
    expect([...observation.functions.keys()].sort()).toEqual([0, 1, 2, 3].map((n) => `0000:01:00.${n}`));
    const plan = planAttach(observation, wants(undefined, { ownerToken: owner }));
    expect(outline(plan)).toHaveLength(10);
    expect(plan.target?.slot).toEqual({ bus: "pci.8", slot: 0, kind: "pcie-acpi" });
  });

  it("with the device attached has nothing to plan, and all to detach", async () => {
    const observation = await recordedHost("attached").host.observe(query, signal);
    expect(planAttach(observation, wants(undefined, { ownerToken: owner })).steps).toEqual([]);
    expect(outline(planDetach(observation, owner))).toEqual([
      "unplug 1 of 4",
      ...[0, 1, 2, 3].map((n) => `release 0000:01:00.${n}`),
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "erase",
    ]);
  });

  it("half plugged is taken back by one request in an ACPI slot", async () => {
    const observation = await recordedHost("half-plugged").host.observe(query, signal);
    expect(outline(planDetach(observation, owner))[0]).toBe("unplug 1 of 3");
  });

  it("has the groups of held functions also where the query names others", async () => {
    const { functions } = await recordedHost("attached").host.observe(
      { addresses: ["0000:00:02.0"] },
      signal,
    );
    expect([...functions.keys()].sort()).toEqual([
      "0000:00:02.0",
      ...[0, 1, 2, 3].map((n) => `0000:01:00.${n}`),
    ]);
  });

  it("asks for what the host needs only before something is taken from it", async () => {
    const { hostUses } = await recordedHost("idle").host.observe({ addresses: ["0000:01:00"] }, signal);
    expect(hostUses).toEqual([]);
  });

  it("of a guest that the host does not have says so", async () => {
    const { host } = recordedHost("idle", {
      lookupDomain: libvirtError(LibvirtErrorCode.NO_DOMAIN),
      listDomains: [],
    });
    const observation = await host.observe(query, signal);
    expect(observation.guest).toEqual({ name: "guest1", uuid: "", runState: "missing", qemuVersion: "" });
    expect(await host.readIdentity(query, signal)).toEqual({ iommuGroups: [23] });
  });

  it("of a guest that does not run says so, and asks no monitor", async () => {
    const { host, asked } = recordedHost("idle", { listDomains: [] });
    const { guest } = await host.observe(query, signal);
    expect(guest).toMatchObject({ uuid: guest1.uuid, runState: "off" });
    expect(asked).not.toContain("monitorCommand");
  });

  it("of a guest that ends meanwhile says that it is off", async () => {
    const { host } = recordedHost("idle", {
      monitorCommand: libvirtError(LibvirtErrorCode.OPERATION_INVALID),
      domainState: { state: "shutoff", reason: 1 },
    });
    expect((await host.observe(query, signal)).guest.runState).toBe("off");
  });

  it.each([
    [{ state: "paused", reason: 2 }, "paused (migrating)"],
    [{ state: "crashed", reason: 1 }, "crashed (panicked)"],
    [{ state: "shutdown", reason: 1 }, "shutdown (user)"],
  ])("of a guest in libvirt's state %j has that for its state", async (domainState, state) => {
    const { host } = recordedHost("idle", { domainState });
    expect((await host.observe(query, signal)).guest.runState).toMatchObject({ by: "libvirt", state });
  });

  it("of a running guest whose monitor refuses is an error, never `off`", async () => {
    const refusal = libvirtError(LibvirtErrorCode.OPERATION_INVALID);
    const { host } = recordedHost("idle", { monitorCommand: refusal });
    expect(await failureOf(host.observe(query, signal))).toBe(refusal);
  });

  it("passes over a guest that is gone between list and look", async () => {
    const other = { name: "guest9", uuid: "99999999-9999-4999-8999-999999999999", id: 9 };
    const xml = readRecording("idle");
    const { host } = recordedHost("idle", {
      listDomains: [guest1, other],
      domainXml: (domain: { name: string }, options?: { inactive?: boolean }) =>
        domain.name === "guest9"
          ? libvirtError(LibvirtErrorCode.NO_DOMAIN)
          : options?.inactive
            ? xml.persistentXml
            : xml.domainXml,
    });
    expect((await host.observe(query, signal)).guest.runState).toBe("running");
  });

  it("of a guest that is shut off has what its configuration gives it", async () => {
    const { domainXml } = coldBooted();
    const { host, asked } = recordedHost("attached", { listDomains: [], domainXml: asInactive(domainXml) });
    const observation = await host.observe({ addresses: [] }, signal);
    expect(asked).not.toContain("monitorCommand");
    expect(observation).toMatchObject({ guest: { runState: "off" }, holdings: [], ledger: [] });
    expect([...observation.functions.keys()].sort()).toEqual([0, 1, 2, 3].map((n) => `0000:01:00.${n}`));
    expect(observation.configuration?.buses).toContain("pci.8");
    const desired = wants(undefined, { ownerToken: owner, persistent: true });
    expect(planAttach(observation, desired).steps).toEqual([]);
    expect(outline(planDetach(observation, owner))).toEqual([
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "erase configuration",
    ]);
  });

  it("of a cold-booted guest recognises the attachment, with nothing to be done", async () => {
    const { domainXml, replies } = coldBooted();
    const { host } = recordedHost("attached", {
      domainXml: (_domain: unknown, options?: { inactive?: boolean }) =>
        options?.inactive ? asInactive(domainXml) : domainXml,
      monitorCommand: (_domain: unknown, text: string) => JSON.stringify(replies[text]),
    });
    const observation = await host.observe(query, signal);
    const desired = wants(undefined, { ownerToken: owner, persistent: true });
    expect(planAttach(observation, desired).steps).toEqual([]);
    expect(outline(planDetach(observation, owner))).toEqual([
      "unconfigure .0@0 .3@3 .2@2 .1@1",
      "unplug 1 of 4",
      "await-reattach .0 .1 .2 .3",
      "restore 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "erase live configuration",
    ]);
  });

  it("of a transient guest has no configuration, though libvirt would show the live one", async () => {
    const { domainXml } = readRecording("attached");
    const { host } = recordedHost("attached", { listDomains: [guest1], domainXml });
    expect((await host.observe(query, signal)).configuration).toBeUndefined();
  });

  it("of a guest that stops before the look says off, and nothing live", async () => {
    const { domainXml } = coldBooted();
    const { host } = recordedHost("attached", { domainXml: asInactive(domainXml) });
    expect(await host.observe(query, signal)).toMatchObject({
      guest: { runState: "off" },
      holdings: [],
      ledger: [],
    });
  });

  it("takes a guest without persistent description, too", async () => {
    const xml = readRecording("idle");
    const { host } = recordedHost("idle", {
      domainXml: (_domain: unknown, options?: { inactive?: boolean }) =>
        options?.inactive ? libvirtError(LibvirtErrorCode.OPERATION_INVALID) : xml.domainXml,
    });
    expect((await host.observe(query, signal)).guest.runState).toBe("running");
  });

  it("never offers a port that the persistent description gives to something", async () => {
    const xml = readRecording("idle");
    const device =
      "<interface><address type='pci' domain='0' bus='0x08' slot='0x00' function='0x0'/></interface></devices>";
    const { host } = recordedHost("idle", {
      domainXml: (_domain: unknown, options?: { inactive?: boolean }) =>
        options?.inactive ? xml.persistentXml.replace("</devices>", device) : xml.domainXml,
    });
    const observation: Observation = await host.observe(query, signal);
    expect(planAttach(observation, wants()).target?.slot.bus).toBe("pci.7");
  });

  it("has a port for a plan if the highest is another's next boot", async () => {
    const xml = readRecording("idle");
    const other = aliasOf(tagOf("someone/else"), at("0000:02:00.0"));
    const guestAddress = { bus: "pci.8", slot: 0, guestFunction: 0 };
    const theirs = configuredHostdev(
      { hostAddress: at("0000:02:00.0"), alias: other, guestAddress },
      8,
      false,
    );
    const configurations = [
      xml.persistentXml.replace("</devices>", `${theirs}</devices>`),
      xml.persistentXml.replace(/<controller type='pci' index='8'[^]*?<\/controller>/, ""),
    ];
    for (const configuration of configurations) {
      const { host } = recordedHost("idle", {
        domainXml: (_domain: unknown, options?: { inactive?: boolean }) =>
          options?.inactive ? configuration : xml.domainXml,
      });
      const observation = await host.observe(query, signal);
      const plan = planAttach(observation, wants(undefined, { persistent: true }));
      expect(plan.target?.slot.bus).toBe("pci.7");
    }
  });

  it("leaves out functions that are not there", async () => {
    const { host } = recordedHost("idle", { nodeDeviceXml: libvirtError(LibvirtErrorCode.NO_NODE_DEVICE) });
    expect((await host.observe(query, signal)).functions.size).toBe(0);
    expect(await host.readFunctions([address], signal)).toEqual([]);
  });

  it("is an error where the host's devices cannot be asked for", async () => {
    const { host } = recordedHost("idle", { nodeDeviceXml: libvirtError(LibvirtErrorCode.OPERATION_DENIED) });
    expect(await failureOf(host.observe(query, signal))).toMatchObject({
      code: LibvirtErrorCode.OPERATION_DENIED,
    });
  });
});

describe("a command to a guest that was never found", () => {
  it("is an error that names it", async () => {
    const { host } = recordedHost("idle", {
      lookupDomain: libvirtError(LibvirtErrorCode.NO_DOMAIN),
      listDomains: [],
    });
    await host.observe(query, signal);
    expect(
      hasCode(await failureOf(host.hold({ hostAddress: address, alias }, signal)), "GUEST_NOT_FOUND"),
    ).toBe(true);
  });
});
