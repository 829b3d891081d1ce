import { readdirSync } from "node:fs";
import { readRecording, recordingsFolder, ReplayPeer } from "../../support/recordings/rpc-recording";
import { scenarios, type ScenarioName } from "../../support/recordings/rpc-scenarios";

/** Plays a recording; says what the client made of it, after every byte of the client has been compared. */
async function replay<N extends ScenarioName>(
  name: N,
): Promise<Awaited<ReturnType<(typeof scenarios)[N]["run"]>>> {
  const peer = new ReplayPeer(readRecording(name).frames);
  const outcome = await scenarios[name].run(peer.stream).catch((error: unknown) => error);
  expect(peer.findDifferences()).toEqual([]);
  if (outcome instanceof Error) throw outcome;
  return outcome as Awaited<ReturnType<(typeof scenarios)[N]["run"]>>;
}

const guest2 = { name: "guest2", uuid: "22222222-2222-4222-8222-222222222222", id: 2 };

describe("Over what libvirtd 11.3 was recorded to say, the client", () => {
  test("has a test for every recording, and a recording for every scenario", () => {
    const files = readdirSync(recordingsFolder).map((file) => file.replace(/\.json$/, ""));
    expect(files.sort()).toEqual(Object.keys(scenarios).sort());
  });

  test("finds each recording labelled with its command, host and versions", () => {
    for (const name of Object.keys(scenarios)) {
      expect(readRecording(name)).toMatchObject({
        scenario: name,
        recordedWith: {
          command: `npx tsx tools/record/rpc.ts ${name}`,
          host: expect.stringContaining("Debian GNU/Linux") as string,
          libvirt: expect.stringMatching(/libvirt\) \d+\.\d+\.\d+/) as string,
          qemu: expect.stringContaining("QEMU emulator version") as string,
        },
      });
    }
  });

  test("opens as root, to whom no authentication is offered, and asks for the version", async () => {
    expect(await replay("open-as-root")).toEqual({ version: 11_003_000, closedWith: undefined });
  });

  test("opens as a member of the group libvirt, to whom polkit is offered", async () => {
    expect(await replay("open-as-group-member")).toEqual({ version: 11_003_000, closedWith: undefined });
  });

  test("is refused with AUTH_UNAVAILABLE as a user outside of the group", async () => {
    expect(await replay("open-not-authorised")).toMatchObject({ code: 94, domain: 60 });
  });

  test("is refused with NO_CONNECT for a driver that does not exist", async () => {
    expect(await replay("open-unknown-driver")).toMatchObject({ code: 5 });
  });

  test("finds a guest by name and by UUID, and refuses unknown ones: NO_DOMAIN", async () => {
    const outcome = await replay("lookup");
    expect(outcome.byName).toEqual(guest2);
    expect(outcome.byUuid).toEqual(guest2);
    expect(outcome.unknownName).toMatchObject({ code: 42, domain: 10 });
    expect(outcome.unknownUuid).toMatchObject({ code: 42, domain: 10 });
    expect(outcome.all).toContainEqual(guest2);
  });

  test("reads state, live and persistent XML of a guest, and the host's capabilities", async () => {
    const outcome = await replay("describe");
    expect(outcome.state).toEqual({ state: "running", reason: 1 });
    expect(outcome.liveXml).toMatch(/^<domain type='qemu' id='2'>\n[\s\S]*<\/domain>\n$/);
    expect(outcome.inactiveXml).toMatch(/^<domain type='qemu'>\n[\s\S]*<\/domain>\n$/);
    expect(outcome.capabilities).toMatch(
      /^<capabilities>\n\n {2}<host>\n {4}<uuid>[\s\S]*<\/capabilities>\n$/,
    );
  });

  test("lists the host's PCI functions, reads one, and refuses unknown ones: NO_NODE_DEVICE", async () => {
    const outcome = await replay("node-devices");
    for (const hostFunction of [0, 1, 2, 3]) {
      expect(outcome.pci).toContainEqual({ name: `pci_0000_02_00_${hostFunction}` });
    }
    expect(outcome.xml).toContain("<iommuGroup number='8'>");
    expect(outcome.unknown).toMatchObject({ code: 53 });
  });

  test("reads absent metadata as undefined, and writes, reads and removes it, live and persistent", async () => {
    expect(await replay("metadata")).toEqual({
      "live before": undefined,
      "live set": '<owner token="live">é</owner>',
      "live removed": undefined,
      "config before": undefined,
      "config set": '<owner token="config">é</owner>',
      "config removed": undefined,
    });
  });

  test("holds and releases a function, and is told apart every reason why libvirt refuses", async () => {
    const outcome = await replay("hold-and-release");
    expect(outcome.xml).toMatch(/<alias name='ua-recording-1'\/>\s*<address type='unassigned'\/>/);
    expect(outcome.sameAlias).toMatchObject({ code: 67 });
    expect(outcome.inUse).toMatchObject({ code: 55 });
    expect(outcome.reattachWhileHeld).toMatchObject({ code: 55 });
    expect(outcome.detachAgain).toMatchObject({ code: 99 });
    expect(outcome.secondFunction).toMatchObject({ code: 1, domain: 20 });
    expect(outcome.unknownGuest).toMatchObject({ code: 42 });
  });

  test("passes QMP answers through as they stand, errors of QMP too", async () => {
    const outcome = await replay("monitor-command");
    expect(JSON.parse(outcome.status)).toMatchObject({ return: { status: "running" } });
    expect(JSON.parse(outcome.error)).toMatchObject({ error: { class: "DeviceNotFound" } });
  });

  test("is refused with OPERATION_INVALID for monitor and live metadata of a stopped guest", async () => {
    const outcome = await replay("guest-shut-off");
    expect(outcome.guest.id).toBe(-1);
    expect(outcome.state).toEqual({ state: "shutoff", reason: 0 });
    expect(outcome.command).toMatchObject({ code: 55 });
    expect(outcome.metadata).toMatchObject({ code: 55 });
  });

  test("sees QEMU's and libvirt's events in order, also before their command's reply", async () => {
    const outcome = await replay("events");
    expect(outcome.monitor.map(({ event, details }) => [event, details])).toEqual([
      ["STOP", undefined],
      ["RESUME", undefined],
      ["DEVICE_DELETED", { path: "/machine/peripheral/rec0/virtio-backend" }],
      ["DEVICE_DELETED", { device: "rec0", path: "/machine/peripheral/rec0" }],
    ]);
    const times = outcome.monitor.map(({ seconds, micros }) => seconds * 1_000_000 + micros);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(outcome.lifecycle.map(({ event }) => event)).toEqual(["suspended", "resumed"]);
    expect(outcome.removed).toEqual([]); // libvirt does not know what QMP plugged
  });

  test("sees libvirt's event for a device that libvirt itself plugged", async () => {
    expect(await replay("device-removed-event")).toEqual([{ alias: "ua-recording-rng" }]);
  });

  test("makes six calls at once, four in flight, and gives each its answer", async () => {
    expect(await replay("six-calls-at-once")).toEqual([
      ["status", "running"],
      ["enabled", "present"],
      ["name"],
      ["UUID"],
      ["qemu", "package"],
      ["arch"],
    ]);
  });

  test("answers libvirtd's pings", async () => {
    expect(await replay("keepalive")).toEqual({ supported: 1, pings: [1, 1], closedWith: undefined });
  });
});
