import { HOST_FOLDERS } from "../../../../provider/hypervisor/plain-qemu";
import type { HostRecord } from "../../../../provider/hypervisor/plain-qemu/program/host-record";
import { uuidOfSocket } from "../../../../provider/hypervisor/plain-qemu/guest-uuid";
import { writeLedgerFile } from "../../../../provider/hypervisor/plain-qemu/ledger-file";
import type { MadeIn } from "../../../../provider/hypervisor/plain-qemu/socket-guest";
import { RecentGuests } from "../../../../provider/hypervisor/plain-qemu/recent-guests";
import { PlainHost } from "../../../../provider/hypervisor/plain-qemu/plain-host";
import { planAttach, planDetach, tagOf, type GuestIdentity } from "../../../../provider/plan";
import { QmpDisconnectedError, type QmpMonitor } from "../../../../provider/qmp";
import { causeText, providerError } from "../../../../provider/errors";
import { OWNER } from "../../../support/scenarios";
import { nothingUsed } from "../../../support/host-facts";
import { at, wants } from "../../../support/desired";

const { signal } = new AbortController();
const SOCKET = "/run/vm.qmp";
const HOST = "01234567-89ab-cdef-0123-456789abcdef";
const OWN = "33333333-3333-4333-8333-333333333333";
const OTHER = "44444444-4444-4444-8444-444444444444";
const query = { addresses: ["0000:01:00"], forPlug: { buses: [] } };

const ledgerOf = (uuid: string, socket = SOCKET): string =>
  `ledger guest-${uuid}.json ${writeLedgerFile({
    guest: { uuid, name: socket },
    socket,
    entries: [
      {
        owner: OWNER,
        tag: tagOf(OWNER),
        slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
        functions: [{ hostAddress: at("0000:01:00.0"), guestFunction: 0, hostDriver: "e1000e" }],
      },
    ],
  })}`;

interface Scene {
  readonly socket?: "absent" | "dead" | "listening";
  readonly driver?: string;
  readonly more?: readonly string[];
  /** What QEMU says of itself; undefined where it has just ended. */
  readonly uuid?: string | (() => string) | undefined;
  readonly guestUuid?: string;
  readonly madeIn?: MadeIn;
  /** Where the path of a socket leads to; of others the host says nothing. */
  readonly paths?: Readonly<Record<string, string>>;
  readonly answers?: Readonly<Record<string, readonly HostRecord[]>>;
  /** QEMU has ended when so many requests have been answered. */
  readonly endsAfter?: number;
  /** The host itself is looked at as well, and that fails. */
  readonly failsSurvey?: boolean;
}

function scene({
  socket = "listening",
  driver = "e1000e",
  more = [],
  uuid = OWN,
  guestUuid,
  madeIn,
  paths = {},
  answers = {},
  endsAfter = Infinity,
  failsSurvey = false,
}: Scene) {
  const asked: string[] = [];
  const guests: GuestIdentity[] = [];
  const ledgers: string[] = [];
  const lines = (asking: string | undefined): string[] => [
    ...(paths[asking ?? ""] === undefined ? [] : [`path ${paths[asking ?? ""]}`]),
    `host - ${HOST.replaceAll("-", "")}`,
    `socket ${asked.length > endsAfter ? "dead" : socket}`,
    `function 0000:01:00.0 0x8086 0x10d3 0x020000 ${driver} 5`,
    ...more,
  ];
  const records = (request: string): HostRecord[] =>
    lines(request.split(" ")[2]).map((line) => ({
      kind: line.split(" ")[0]!,
      text: line.slice(line.indexOf(" ") + 1),
    }));
  const answer = async (request: string): Promise<HostRecord[]> => {
    asked.push(request);
    if (failsSurvey && request.startsWith("look host"))
      throw providerError("SSH_HELPER_TOOL_MISSING", {
        target: "hv1",
        tool: "ip",
        debianPackage: "iproute2",
      });
    return [...(answers[request.split(" ")[0]!] ?? records(request))];
  };
  const monitor: QmpMonitor = {
    execute: async (command, args) => {
      if (command === "query-uuid" && asked.length >= endsAfter)
        throw new QmpDisconnectedError("QEMU has closed it");
      switch (command) {
        case "query-uuid":
          return { UUID: typeof uuid === "function" ? uuid() : uuid };
        case "query-status":
          return { status: "running", running: true };
        case "query-version":
          return { qemu: { major: 7, minor: 2, micro: 22 } };
        case "query-target":
          return { arch: "x86_64" };
        case "query-memory-size-summary":
          return { "base-memory": 1024, "plugged-memory": 512 };
        case "qom-list":
          return [];
        default:
          return args?.["property"] === "type" ? "pc-q35-7.2-machine" : "";
      }
    },
    listen: () => Promise.reject(new Error("not asked for")),
  };
  const host = new PlainHost({
    requests: { label: "root@hv1:22", look: answer, change: answer },
    recent: new RecentGuests(),
    monitor,
    socket: SOCKET,
    folders: HOST_FOLDERS,
    label: "root@hv1:22",
    onGuest: ({ guest }) => guests.push(guest),
    onLedger: ({ guest: { uuid: own }, files }) =>
      ledgers.push([own, ...files.map((file) => file.text)].join(" ")),
    ...(!failsSurvey && { readHostFacts: async () => nothingUsed }),
    ...(guestUuid !== undefined && { guestUuid }),
    ...(madeIn && { madeIn }),
  });
  return { host, asked, guests, ledgers };
}

describe("what the ledger holds of this guest", () => {
  it("is told by a look at everything, and by no short one", async () => {
    const { host, ledgers } = scene({ more: [ledgerOf(OWN), ledgerOf(OTHER)] });
    await host.readIdentity(query, signal);
    expect(ledgers).toEqual([]);
    await host.observe(query, signal);
    expect(ledgers).toEqual([ledgerOf(OWN).replace(/^ledger guest-(\S+)\.json/, "$1")]);
  });

  it("is looked at before the locks, and with who has what under them", async () => {
    const { host, asked } = scene({ more: [ledgerOf(OWN), ledgerOf(OTHER, "/run/other.qmp")] });
    await host.readIdentity(query, signal);
    await host.observe(query, signal);
    await host.observe({ addresses: [] }, signal);
    expect(asked).toEqual([
      `look - ${SOCKET} 0000:01:00`,
      `look guests,qemu ${SOCKET} 0000:01:00 ${OWN}`,
      `look open ${SOCKET} ${OWN}`,
    ]);
  });

  it("is looked at once if the state knows the guest", async () => {
    const { host, asked } = scene({ more: [ledgerOf(OWN)], guestUuid: OWN });
    await host.observe(query, signal);
    expect(asked).toEqual([`look guests,qemu ${SOCKET} 0000:01:00 ${OWN}`]);
  });

  it("is looked at for an unplug with the way of this connection", async () => {
    const unplug = { addresses: ["0000:01:00"], forUnplug: true };
    const { host, asked } = scene({ more: [ledgerOf(OWN)], guestUuid: OWN });
    const { wayThroughGuest, hostUses } = await host.observe(unplug, signal);
    expect(asked).toEqual([`look qemu ${SOCKET} 0000:01:00 ${OWN}`]);
    expect([wayThroughGuest, hostUses]).toEqual([{ certainty: "unknown", interfaces: [] }, []]);
    const told = scene({ more: [ledgerOf(OWN), "taps vnet3"], guestUuid: OWN });
    expect(await told.host.observe(unplug, signal)).not.toHaveProperty("wayThroughGuest");
  });

  it("is looked at for an unplug without the host itself, where that fails", async () => {
    const more = [ledgerOf(OWN), "taps vnet3"];
    const { host, asked } = scene({ more, guestUuid: OWN, failsSurvey: true });
    const { wayThroughGuest } = await host.observe({ addresses: [], forUnplug: true }, signal);
    expect(asked).toEqual([`look qemu ${SOCKET} ${OWN}`]);
    expect(wayThroughGuest).toEqual({ certainty: "unknown", interfaces: [] });
    await expect(host.observe(query, signal)).rejects.toMatchObject({ code: "SSH_HELPER_TOOL_MISSING" });
  });

  it("is asked for when QEMU has said which guest it is, and then seen", async () => {
    const none = scene({ answers: { ledger: [] } });
    await none.host.observe({ addresses: [] }, signal);
    expect(none.asked).toEqual([`look open ${SOCKET}`, `ledger ${OWN}`]);
    const elsewhere = ledgerOf(OWN, "/run/before.qmp").replace(/^ledger /, "");
    const moved = scene({ answers: { ledger: [{ kind: "ledger", text: elsewhere }] } });
    await moved.host.observe({ addresses: [] }, signal);
    expect(moved.asked).toEqual([`look open ${SOCKET}`, `ledger ${OWN}`, `look open ${SOCKET} ${OWN}`]);
  });

  it("is asked for again if another guest answers than the state's", async () => {
    const { host, asked } = scene({
      uuid: OTHER,
      guestUuid: OWN,
      more: [ledgerOf(OWN)],
      answers: { ledger: [] },
    });
    await host.observe({ addresses: [] }, signal);
    expect(asked).toEqual([`look open ${SOCKET} ${OWN}`, `ledger ${OTHER}`]);
  });

  it("is nothing where there is no file", async () => {
    const { host, ledgers } = scene({ more: [ledgerOf(OTHER)] });
    await host.observe(query, signal);
    expect(ledgers).toEqual([OWN]);
  });

  const notUnderstood = (uuid: string): string => ledgerOf(uuid).replace("pcie-acpi", "pcie-later");

  it.each([OWN, OTHER])(
    "is refused if an entry (of guest %s) with a wanted function is unreadable",
    async (uuid) => {
      const { host } = scene({ driver: "vfio-pci", more: [notUnderstood(uuid)] });
      await expect(host.observe(query, signal)).rejects.toMatchObject({ code: "LEDGER_UNREADABLE" });
      expect((await host.observe({ addresses: ["0000:02:00"] }, signal)).ledger).toEqual([]);
    },
  );

  it("is no reason not to list what is there: who has it is told", async () => {
    const { host } = scene({ driver: "vfio-pci", more: [notUnderstood(OTHER)] });
    const { holdings } = await host.observe({ ...query, forPlug: { buses: [], everyBus: true } }, signal);
    expect(holdings).toMatchObject([
      { guest: { uuid: OTHER }, hostAddress: "0000:01:00.0", isUnassigned: false },
    ]);
  });
});

describe("what a look has shown a moment ago", () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  it("is the identity of the next operation, once, and for some seconds", async () => {
    const { host, asked } = scene({ more: [ledgerOf(OWN)] });
    await host.observe(query, signal);
    asked.length = 0;
    const identity = { guestUuid: OWN, iommuGroups: [5] };
    expect(await host.readIdentity(query, signal)).toEqual(identity);
    expect(asked).toEqual([]);
    expect(await host.readIdentity(query, signal)).toEqual(identity);
    expect(await host.readIdentity({ addresses: ["0000:02:00"] }, signal)).toMatchObject({ iommuGroups: [] });
    expect(asked).toEqual([`look - ${SOCKET} 0000:01:00 ${OWN}`, `look - ${SOCKET} 0000:02:00 ${OWN}`]);
    await host.observe(query, signal);
    jest.advanceTimersByTime(10_000);
    asked.length = 0;
    await host.readIdentity(query, signal);
    expect(asked).toHaveLength(1);
  });

  it("of QEMU's process is asked for, and looked for anew if it is another's", async () => {
    const holds = ["qemu 4711 0 1ff unlimited qemu", "holder 4711"];
    const { host, asked } = scene({ more: [ledgerOf(OWN), ...holds] });
    await host.observe(query, signal);
    await host.observe(query, signal);
    expect(asked).toEqual([
      `look guests,qemu ${SOCKET} 0000:01:00`,
      `look guests,qemu ${SOCKET} qemu=4711 0000:01:00 ${OWN}`,
    ]);
    const other = scene({ more: [ledgerOf(OWN), holds[0]!, "holder 12"] });
    await other.host.observe(query, signal);
    await other.host.observe(query, signal);
    expect(other.asked.slice(1)).toEqual([
      `look guests,qemu ${SOCKET} qemu=4711 0000:01:00 ${OWN}`,
      `look guests,qemu ${SOCKET} 0000:01:00 ${OWN}`,
    ]);
  });
});

describe("which guest it is", () => {
  it("QEMU says by its UUID, and how much memory it has", async () => {
    const { host, guests } = scene({ more: [ledgerOf(OWN)] });
    const { guest, hostUuid, ledgerLocation } = await host.observe(query, signal);
    expect(guest).toEqual({
      name: SOCKET,
      uuid: OWN,
      runState: "running",
      qemuVersion: "7.2.22",
      machine: "pc-q35-7.2",
      memoryBytes: 1536,
    });
    expect([hostUuid, ledgerLocation, guests.at(-1)?.uuid]).toEqual([HOST, "host", OWN]);
  });

  it("host and socket say where QEMU has none", async () => {
    const { host } = scene({ uuid: "00000000-0000-0000-0000-000000000000" });
    const own = uuidOfSocket(HOST, SOCKET);
    expect(await host.readIdentity(query, signal)).toEqual({ guestUuid: own, iommuGroups: [5] });
  });

  it.each(["absent", "dead"] as const)(
    "the ledger says of one that has ended (socket %s)",
    async (socket) => {
      const { host } = scene({
        socket,
        driver: "vfio-pci",
        more: [ledgerOf(OTHER, "/run/other.qmp"), ledgerOf(OWN)],
      });
      const observation = await host.observe(query, signal);
      expect(observation.guest).toMatchObject({ uuid: OWN, runState: "off" });
      expect(() => planAttach(observation, wants())).toThrow(/GUEST_NOT_RUNNING/);
      expect(planDetach(observation, OWNER).steps.map((one) => one.kind)).toEqual([
        "release",
        "restore",
        "erase",
      ]);
    },
  );

  it("nothing says of one that has ended and left nothing", async () => {
    const { host } = scene({ socket: "absent" });
    expect(await host.readIdentity(query, signal)).toEqual({ iommuGroups: [5] });
    expect((await host.observe(query, signal)).guest).toMatchObject({ uuid: "", runState: "off" });
  });

  it("the state's guest is missing if another answers; what it left stays its own", async () => {
    const { host } = scene({ uuid: OTHER, guestUuid: OWN, driver: "vfio-pci", more: [ledgerOf(OWN)] });
    const observation = await host.observe(query, signal);
    expect(observation.guest).toMatchObject({ uuid: OWN, runState: "missing" });
    expect(planDetach(observation, OWNER).steps.map((one) => one.kind)).toEqual([
      "release",
      "restore",
      "erase",
    ]);
  });

  it("QEMU ending in the middle of the look is no failure of it", async () => {
    const { host } = scene({ more: [ledgerOf(OWN)], endsAfter: 1 });
    expect((await host.observe(query, signal)).guest).toMatchObject({ uuid: OWN, runState: "off" });
  });
});

describe("a QEMU without UUID, reached by another spelling of its path", () => {
  const NONE = "00000000-0000-0000-0000-000000000000";
  const [REAL, LINK] = ["/data/vm.qmp", "/srv/link.qmp"];
  const [asWritten, real, byLink] = [SOCKET, REAL, LINK].map((path) => uuidOfSocket(HOST, path)) as [
    string,
    string,
    string,
  ];
  const paths = { [SOCKET]: REAL, [LINK]: REAL };

  it("is known by the path without links, and by the one that was written", async () => {
    const { host } = scene({ uuid: NONE, paths });
    expect(await host.readIdentity(query, signal)).toEqual({
      guestUuid: real,
      otherUuids: [asWritten],
      iommuGroups: [5],
    });
    expect((await host.observe(query, signal)).guest).toMatchObject({ uuid: real, knownBy: "host" });
  });

  it("has what 0.1.0 recorded under the path as written, held functions included", async () => {
    const { host, ledgers } = scene({
      ...{ uuid: NONE, paths, driver: "vfio-pci", guestUuid: asWritten },
      more: [ledgerOf(asWritten)],
    });
    const observation = await host.observe(query, signal);
    expect(observation.guest).toMatchObject({ uuid: asWritten, otherUuids: [real], runState: "running" });
    expect(planDetach(observation, OWNER).steps.map((one) => one.kind)).toEqual([
      "release",
      "restore",
      "erase",
    ]);
    expect(ledgers).toEqual([expect.stringMatching(new RegExp(`^${asWritten} .*"owner":"${OWNER}"`))]);
  });

  it("has what was recorded under a link that is not spoken of any more", async () => {
    const more = [ledgerOf(byLink, LINK), `same guest-${byLink}.json`];
    const { host, asked } = scene({ uuid: NONE, paths, driver: "vfio-pci", more });
    const { guest, ledger, holdings } = await host.observe(query, signal);
    expect([guest.uuid, guest.otherUuids]).toEqual([real, [asWritten, byLink]]);
    expect(ledger.map((line) => line.guest.uuid)).toEqual([real]);
    expect(holdings.map((one) => one.guest.uuid)).toEqual([real]);
    expect(asked).toEqual([`look guests,qemu ${SOCKET} 0000:01:00`]);
  });

  it("says which path of a state leads to it too, and asks no other", async () => {
    const madeIn = { guestUuid: byLink, socket: LINK };
    const respelled = scene({ uuid: NONE, paths, madeIn });
    const { guest } = await respelled.host.observe({ addresses: [] }, signal);
    expect(guest).toMatchObject({ uuid: real, otherUuids: [asWritten, byLink], otherNames: [LINK] });
    const [first, other, ...rest] = respelled.asked;
    expect([first, other]).toEqual([`look open ${SOCKET} ${byLink}`, `look - ${LINK}`]);
    expect(rest).toEqual([]);

    const elsewhere = scene({ uuid: NONE, paths: { [SOCKET]: REAL, [LINK]: "/data/other.qmp" }, madeIn });
    const found = (await elsewhere.host.observe({ addresses: [] }, signal)).guest;
    expect([found.otherUuids, found.otherNames]).toEqual([[asWritten], undefined]);

    const unchanged = scene({ uuid: NONE, paths, madeIn: { guestUuid: asWritten, socket: SOCKET } });
    await unchanged.host.observe({ addresses: [] }, signal);
    expect(unchanged.asked).toEqual([`look open ${SOCKET} ${asWritten}`]);
  });

  it("is told from one that has only left a record", async () => {
    const { host } = scene({ socket: "absent", more: [ledgerOf(asWritten)] });
    expect((await host.observe(query, signal)).guest).toMatchObject({ uuid: asWritten, knownBy: "record" });
    const other = scene({ uuid: OTHER, guestUuid: OWN, more: [ledgerOf(OWN)] });
    expect((await other.host.observe(query, signal)).guest).toMatchObject({
      ...{ uuid: OWN, runState: "missing", knownBy: "record" },
    });
    const own = scene({ more: [ledgerOf(OWN)] });
    expect((await own.host.observe(query, signal)).guest.knownBy).toBeUndefined();
  });
});

describe("the guest whose lock is held", () => {
  it("is missing once another answers at its socket; what it left is its own", async () => {
    let present = OWN;
    const { host } = scene({ uuid: () => present, driver: "vfio-pci", more: [ledgerOf(OWN)] });
    host.keepTo((await host.observe(query, signal)).guest.uuid);
    present = OTHER;
    const observation = await host.observe(query, signal);
    expect(observation.guest).toMatchObject({ uuid: OWN, runState: "missing" });
    expect(planDetach(observation, OWNER).steps.map((one) => one.kind)).toContain("release");
  });

  it("alone is changed: QEMU is asked which it is before that", async () => {
    let present = OWN;
    const { host } = scene({ uuid: () => present });
    await host.observe(query, signal);
    host.keepTo(OWN);
    await host.requireSameGuest(signal);
    for (present of [OTHER, "00000000-0000-0000-0000-000000000000"])
      await expect(host.requireSameGuest(signal)).rejects.toMatchObject({ code: "ANOTHER_GUEST" });
  });
});

describe("what is held", () => {
  it("is what the ledger names and vfio-pci has", async () => {
    const bound = await scene({ driver: "vfio-pci", more: [ledgerOf(OWN)] }).host.observe(query, signal);
    expect(bound.holdings).toEqual([
      {
        guest: { name: SOCKET, uuid: OWN },
        hostAddress: "0000:01:00.0",
        alias: `ua-mfpci-${tagOf(OWNER)}-0000-01-00-0`,
        isUnassigned: true,
      },
    ]);
    const begun = await scene({ more: [ledgerOf(OWN)] }).host.observe(query, signal);
    expect(begun.holdings).toEqual([]);
  });

  it("by another guest is told, though its functions are none of this one's", async () => {
    const more = [
      "function 0000:02:00.0 0x8086 0x10d3 0x020000 vfio-pci 6",
      ledgerOf(OTHER, "/run/other.qmp").replace("0000:01:00.0", "0000:02:00.0"),
    ];
    const { holdings, functions } = await scene({ more }).host.observe(query, signal);
    expect(holdings).toMatchObject([
      { guest: { uuid: OTHER, name: "/run/other.qmp" }, hostAddress: "0000:02:00.0" },
    ]);
    expect([...functions.keys()]).toEqual(["0000:01:00.0"]);
  });

  it("is also what a process has open that is not the guest's QEMU", async () => {
    const more = ["qemu 4711 0 1ff unlimited qemu", "open 4711 5 qemu", "open 99 5 kvm"];
    const { holdings } = await scene({ driver: "vfio-pci", more }).host.observe(query, signal);
    expect(holdings).toMatchObject([{ guest: { name: "of process 99 (kvm)" }, alias: "VFIO group 5" }]);
    const own = await scene({ driver: "vfio-pci", more: more.slice(0, 2) }).host.observe(query, signal);
    expect(own.holdings).toEqual([]);
    // what has started QEMU has its monitor open, and may have the group
    const starter = await scene({ driver: "vfio-pci", more: [...more, "holder 99"] }).host.observe(
      query,
      signal,
    );
    expect(starter.holdings).toEqual([]);
  });
});

describe("a list of what the account may take", () => {
  it("is told with what it lacks, and not at all otherwise", async () => {
    const refused = await scene({ more: ["unlisted 0000:01:00.0"] }).host.observe(query, signal);
    expect(refused.hostList).toEqual({
      ...{ target: "root@hv1:22", account: "root", socket: SOCKET },
      unlisted: new Set(["0000:01:00.0"]),
    });
    const listed = await scene({}).host.observe(query, signal);
    expect(listed.hostList).toBeUndefined();
  });
});

describe("commands to the host", () => {
  const addresses = [0, 1, 2, 3].map((n) => at(`0000:01:00.${n}`));

  it("are one for all that is held, and one for all that is released", async () => {
    const { host, asked } = scene({ more: [ledgerOf(OWN)], answers: { bind: [], release: [] } });
    await host.observe(query, signal);
    asked.length = 0;
    await Promise.all(
      addresses.map((address) => host.hold({ hostAddress: address, alias: "alias" }, signal)),
    );
    await Promise.all(
      addresses.slice(0, 2).map((address) => host.release({ hostAddress: address, alias: "alias" }, signal)),
    );
    await host.rebind(addresses[3]!, signal);
    expect(asked).toEqual([
      "bind go 0000:01:00.0 0000:01:00.1 0000:01:00.2 0000:01:00.3",
      "release 0000:01:00.0=e1000e 0000:01:00.1=?",
      "release 0000:01:00.3=?",
    ]);
  });

  it("give back the driver_override that the ledger has, with whatever driver", async () => {
    const more = [
      ledgerOf(OWN).replace('"hostDriver":"e1000e"', '"hostDriver":"e1000e","driverOverride":"e1000e"'),
    ];
    const { host, asked } = scene({ more, answers: { release: [] } });
    await host.observe(query, signal);
    asked.length = 0;
    await host.release({ hostAddress: addresses[0]!, alias: "alias" }, signal);
    await host.rebind(addresses[0]!, signal);
    expect(asked).toEqual(["release 0000:01:00.0=e1000e=e1000e", "release 0000:01:00.0=?=e1000e"]);
  });

  it("that fail do so for each of its functions, and name all", async () => {
    const cause = providerError("HOST_PROGRAM_FAILED", { target: "root@hv1:22", reason: "no" });
    const host = new PlainHost({
      requests: {
        label: "root@hv1:22",
        look: () => Promise.reject(cause),
        change: () => Promise.reject(cause),
      },
      recent: new RecentGuests(),
      monitor: { execute: () => Promise.reject(cause), listen: () => Promise.reject(cause) },
      socket: SOCKET,
      folders: HOST_FOLDERS,
      label: "root@hv1:22",
      onGuest: () => undefined,
      onLedger: () => undefined,
      readHostFacts: () => Promise.reject(cause),
    });
    const held = await Promise.allSettled(
      addresses.slice(0, 2).map((one) => host.hold({ hostAddress: one, alias: "alias" }, signal)),
    );
    for (const one of held)
      expect(one.status === "rejected" && causeText(one.reason)).toMatch(
        /01:00\.0, 0000:01:00\.1 .*\[BIND_FAILED\]$/,
      );
    await expect(host.release({ hostAddress: addresses[0]!, alias: "alias" }, signal)).rejects.toMatchObject({
      code: "UNBIND_FAILED",
    });
  });

  it("do not release what a process has open", async () => {
    const busy = [{ kind: "busy", text: "0000:01:00.0 99 my kvm" }];
    const { host } = scene({ more: [ledgerOf(OWN)], answers: { release: busy } });
    await expect(host.release({ hostAddress: addresses[0]!, alias: "alias" }, signal)).rejects.toThrow(
      /0000:01:00\.0 is not given back.*process 99 \(my kvm\).*\[FUNCTION_STILL_OPEN\]/,
    );
  });

  it("refuse a QEMU of libvirt's, by its path or its process", async () => {
    for (const more of [
      ["path /var/lib/libvirt/qemu/domain-1-x/monitor.sock"],
      ["qemu 1 0 0 1 qemu", "libvirt "],
    ])
      await expect(scene({ more }).host.observe(query, signal)).rejects.toMatchObject({
        code: "QEMU_IS_LIBVIRTS",
      });
  });
});
