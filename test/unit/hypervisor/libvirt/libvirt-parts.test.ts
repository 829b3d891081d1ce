import { PassThrough, type Duplex } from "node:stream";
import { causeText, hasCode } from "../../../../provider/errors";
import {
  LibvirtSession,
  type OpenedCommand,
  type StreamFactory,
} from "../../../../provider/hypervisor/libvirt";
import { LibvirtLedger } from "../../../../provider/hypervisor/libvirt/libvirt-ledger";
import { LibvirtMonitor } from "../../../../provider/hypervisor/libvirt/libvirt-monitor";
import { writeLedger } from "../../../../provider/hypervisor/libvirt/xml/ledger-xml";
import { LibvirtClient, LibvirtDisconnectedError, LibvirtErrorCode } from "../../../../provider/libvirt-rpc";
import type { LedgerEntry } from "../../../../provider/plan";
import { QmpError, type QmpListener } from "../../../../provider/qmp";
import { ledgerAnswer } from "../../../support/libvirt-metadata";
import { guest1, libvirtError, ScriptedLibvirt, type CallLine } from "../support/scripted-libvirt";

const { signal } = new AbortController();
const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const into = (heard: unknown[]): QmpListener => ({
  onEvent: (event) => heard.push(event),
  onEnd: (end) => heard.push(end),
});
const entry = (owner: string, digit: string): LedgerEntry => ({
  owner,
  tag: digit.repeat(12),
  slot: { bus: "pci.8", slot: 0, kind: "pcie-acpi" },
  functions: [],
});

const live = ["live"] as const;

describe("the ledger in the guest's metadata", () => {
  /** The ledger after a change, starting from these entries. */
  async function changed(
    present: readonly LedgerEntry[],
    change: (ledger: LibvirtLedger) => Promise<void>,
    written: readonly LedgerEntry[],
  ): Promise<void> {
    const xml = writeLedger(written);
    const libvirt = new ScriptedLibvirt(
      {
        call: "getMetadata",
        having: "urn:pulumi-multifunction-pci:ledger:1",
        reply: ledgerAnswer(writeLedger(present)),
      },
      { call: "setMetadata", having: xml === undefined ? '"key":"mfpci"' : JSON.stringify(xml).slice(1, -1) },
    );
    await change(new LibvirtLedger(libvirt.session, () => guest1));
    libvirt.finish();
  }
  const [a, b, c] = [entry("a", "1"), entry("b", "2"), entry("c", "3")];

  it("gets a first entry where there was none", () =>
    changed([], (ledger) => ledger.record(a, live, signal), [a]));

  it("keeps the entries of others", () =>
    changed([a, b], (ledger) => ledger.record(c, live, signal), [a, b, c]));

  it("replaces the entry of the same owner, and the adopted one of its tag", async () => {
    const mine = entry("a", "9");
    await changed([a, b], (ledger) => ledger.record(mine, live, signal), [b, mine]);
    const adopted = entry("heir", "2");
    await changed([a, b], (ledger) => ledger.record(adopted, live, signal), [a, adopted]);
  });

  it("loses the entry that is erased, and no other", () =>
    changed([a, b], (ledger) => ledger.erase(a, live, signal), [b]));

  describe("of an older libvirt's guest", () => {
    const invalid = libvirtError(LibvirtErrorCode.OPERATION_INVALID);
    const recorded = async (...script: readonly CallLine[]): Promise<unknown> => {
      const libvirt = new ScriptedLibvirt(...script);
      const failure = await failureOf(
        new LibvirtLedger(libvirt.session, () => guest1).record(a, ["domain"], signal),
      );
      libvirt.finish();
      return failure;
    };
    const config = [
      { call: "getMetadata", having: '"target":"config"' },
      { call: "setMetadata", having: '"target":"config"' },
    ];
    const running = [
      { call: "getMetadata", having: '"target":"live"' },
      { call: "setMetadata", having: '"target":"live"' },
    ];

    it("stands in the configuration first, then in the running guest", async () =>
      expect(await recorded(...config, ...running)).toBeUndefined());

    it("stands where there is a place, if the guest is off or transient", async () => {
      const none = (target: string): CallLine => ({
        call: "getMetadata",
        having: `"target":"${target}"`,
        reply: invalid,
      });
      expect(await recorded(...config, none("live"))).toBeUndefined();
      expect(await recorded(none("config"), ...running)).toBeUndefined();
      expect(await recorded(none("config"), none("live"))).toBe(invalid);
    });
  });

  it("is removed whole with its last entry", async () => {
    const libvirt = new ScriptedLibvirt(
      { call: "getMetadata", reply: ledgerAnswer(writeLedger([a])) },
      { call: "setMetadata" },
    );
    await new LibvirtLedger(libvirt.session, () => guest1).erase(a, live, signal);
    libvirt.finish();
  });

  it("is the running guest's, the configuration's, or both, one after the other", async () => {
    const libvirt = new ScriptedLibvirt(
      { call: "getMetadata", having: '"target":"live"', reply: ledgerAnswer(writeLedger([b])) },
      { call: "setMetadata", having: '"target":"live"' },
      { call: "getMetadata", having: '"target":"config"', reply: undefined },
      { call: "setMetadata", having: JSON.stringify(writeLedger([a])).slice(1, -1) },
      { call: "getMetadata", having: '"target":"config"', reply: ledgerAnswer(writeLedger([a])) },
      { call: "setMetadata", having: '"target":"config"' },
    );
    const ledger = new LibvirtLedger(libvirt.session, () => guest1);
    await ledger.record(a, ["live", "configuration"], signal);
    await ledger.erase(a, ["configuration"], signal);
    libvirt.finish();
  });

  it("that is not there has nothing to erase", async () => {
    const libvirt = new ScriptedLibvirt({ call: "getMetadata", reply: undefined });
    await new LibvirtLedger(libvirt.session, () => guest1).erase(a, live, signal);
    libvirt.finish();
  });

  it("is written again while someone else holds the guest's job", async () => {
    const libvirt = new ScriptedLibvirt(
      { call: "getMetadata", reply: undefined },
      { call: "setMetadata", reply: libvirtError(LibvirtErrorCode.OPERATION_TIMEOUT) },
      { call: "setMetadata" },
    );
    await new LibvirtLedger(libvirt.session, () => guest1).record(a, live, signal);
    libvirt.finish();
  });

  it("that cannot be read is not written over", async () => {
    const libvirt = new ScriptedLibvirt({ call: "getMetadata", reply: "no element" });
    const error = await failureOf(new LibvirtLedger(libvirt.session, () => guest1).record(a, live, signal));
    expect(hasCode(error, "XML_UNREADABLE")).toBe(true);
    libvirt.finish();
  });
});

describe("the monitor behind libvirt", () => {
  const monitorOf = (libvirt: ScriptedLibvirt): LibvirtMonitor =>
    new LibvirtMonitor(libvirt.session, () => guest1);

  it("sends commands as JSON without an id, which libvirt adds, and reads the answer", async () => {
    const libvirt = new ScriptedLibvirt(
      {
        call: "monitorCommand",
        having: JSON.stringify('{"execute":"query-status"}'),
        reply: '{"return":{"a":1},"id":"libvirt-1"}',
      },
      {
        call: "monitorCommand",
        having: JSON.stringify('{"execute":"device_del","arguments":{"id":"f0"}}'),
        reply: '{"error":{"class":"DeviceNotFound","desc":"d"}}',
      },
    );
    const monitor = monitorOf(libvirt);
    expect(await monitor.execute("query-status", undefined, signal)).toEqual({ a: 1 });
    expect(await failureOf(monitor.execute("device_del", { id: "f0" }, signal))).toBeInstanceOf(QmpError);
    libvirt.finish();
  });

  it("sends commands in ASCII, and reads answers with or without UTF-8", async () => {
    const romfile = "/usr/share/für-网卡-🙂.rom";
    const escaped = '"romfile":"/usr/share/f\\u00fcr-\\u7f51\\u5361-\\ud83d\\ude42.rom"';
    const libvirt = new ScriptedLibvirt(
      {
        call: "monitorCommand",
        having: JSON.stringify(escaped).slice(1, -1),
        reply: `{"return":{${escaped}}}`,
      },
      { call: "monitorCommand", having: "query", reply: `{"return":{"romfile":"${romfile}"}}` },
    );
    const monitor = monitorOf(libvirt);
    expect(await monitor.execute("device_add", { romfile }, signal)).toEqual({ romfile });
    expect(await monitor.execute("query", undefined, signal)).toEqual({ romfile });
    libvirt.finish();
  });

  it("asks again while the guest's job is busy, and fails with other errors", async () => {
    const other = libvirtError(LibvirtErrorCode.OPERATION_INVALID);
    const libvirt = new ScriptedLibvirt(
      { call: "monitorCommand", reply: libvirtError(LibvirtErrorCode.OPERATION_TIMEOUT) },
      { call: "monitorCommand", reply: '{"return":{}}' },
      { call: "monitorCommand", reply: other },
    );
    const monitor = monitorOf(libvirt);
    await monitor.execute("query-status", undefined, signal);
    expect(await failureOf(monitor.execute("query-status", undefined, signal))).toBe(other);
    libvirt.finish();
  });

  /** A client whose two subscriptions can be told something. */
  function subscribed(lifecycleError?: Error, stopError?: Error) {
    let onMonitor: (event: { event: string; details: unknown }) => void = () => undefined;
    let onLifecycle: (event: { event: string }) => void = () => undefined;
    let end: () => void = () => undefined;
    const stopped: string[] = [];
    const client = {
      closed: new Promise<void>((resolve) => (end = resolve)),
      onMonitorEvent: (_domain: unknown, listener: typeof onMonitor) => {
        onMonitor = listener;
        return Promise.resolve(() => {
          stopped.push("monitor");
          return stopError === undefined ? Promise.resolve() : Promise.reject(stopError);
        });
      },
      onLifecycleEvent: (_domain: unknown, listener: typeof onLifecycle) => {
        onLifecycle = listener;
        if (lifecycleError) return Promise.reject(lifecycleError);
        return Promise.resolve(() => Promise.resolve(void stopped.push("lifecycle")));
      },
    };
    const session = { client: () => Promise.resolve(client) } as unknown as LibvirtSession;
    const say = {
      monitor: (event: string, details?: unknown) => onMonitor({ event, details }),
      lifecycle: (event: string) => onLifecycle({ event }),
      end: () => end(),
    };
    return { monitor: new LibvirtMonitor(session, () => guest1), say, stopped };
  }

  it("passes QEMU's events on, and adds the guest's and the connection's end", async () => {
    const { monitor, say, stopped } = subscribed();
    const heard: unknown[] = [];
    const stop = await monitor.listen(into(heard), signal);
    say.monitor("DEVICE_DELETED", { device: "f0" });
    say.monitor("RESET");
    say.lifecycle("shutdown");
    say.lifecycle("stopped");
    say.lifecycle("crashed");
    say.end();
    await new Promise(setImmediate);
    expect(heard).toEqual([
      { event: "DEVICE_DELETED", data: { device: "f0" } },
      { event: "RESET", data: {} },
      "guest-stopped",
      "guest-stopped",
      "connection-lost",
    ]);
    await stop();
    expect(stopped.sort()).toEqual(["lifecycle", "monitor"]);
  });

  it("fails with a subscription's refusal, even if taking the other back fails too", async () => {
    const refusal = new Error("no lifecycle events");
    const { monitor, stopped } = subscribed(refusal, new Error("the way is gone"));
    expect(await failureOf(monitor.listen(into([]), signal))).toBe(refusal);
    expect(stopped).toEqual(["monitor"]);
  });

  it("does not call the end of a connection a loss once nobody listens", async () => {
    const { monitor, say } = subscribed();
    const heard: unknown[] = [];
    const stop = await monitor.listen(into(heard), signal);
    await stop();
    say.end();
    await new Promise(setImmediate);
    expect(heard).toEqual([]);
  });

  it("that cannot listen to all listens to nothing: what was begun is taken back", async () => {
    const refusal = new Error("no lifecycle events");
    const { monitor, say, stopped } = subscribed(refusal);
    const heard: unknown[] = [];
    expect(await failureOf(monitor.listen(into(heard), signal))).toBe(refusal);
    expect(stopped).toEqual(["monitor"]);
    say.end();
    await new Promise(setImmediate);
    expect(heard).toEqual([]);
  });
});

describe("the way to libvirt", () => {
  const open = jest.spyOn(LibvirtClient, "open");
  afterEach(() => open.mockReset());
  afterAll(() => open.mockRestore());

  const clientOf = (version: number, closed: Promise<undefined> = new Promise(() => undefined)) => {
    const close = jest.fn(() => Promise.resolve());
    return {
      client: { libVersion: () => Promise.resolve(version), closed, close } as unknown as LibvirtClient,
      close,
    };
  };
  /** Streams that open where they are named, and note what was tried. */
  function streams(...good: readonly string[]) {
    const tried: string[] = [];
    const tryOpen = (name: string): Promise<Duplex> => {
      tried.push(name);
      return good.some((one) => name.includes(one))
        ? Promise.resolve(new PassThrough())
        : Promise.reject(new Error(`no ${name}`));
    };
    const openCommand = async (name: string): Promise<OpenedCommand> => ({
      stdio: await tryOpen(name),
      exited: new Promise(() => undefined),
      stderrText: "",
    });
    return { tried, factory: { label: "root@hv1:22", openUnixSocket: tryOpen, openCommand } };
  }

  it("is the monolithic daemon's socket, then the modular one's, then the relay program", async () => {
    const { client } = clientOf(11_003_000);
    open.mockResolvedValue(client);
    const { tried, factory } = streams("virt-ssh-helper");
    expect(await new LibvirtSession(factory, "qemu:///system").client(signal)).toBe(client);
    expect(tried).toEqual([
      "/run/libvirt/libvirt-sock",
      "/run/libvirt/virtqemud-sock",
      "virt-ssh-helper 'qemu:///system'",
    ]);
  });

  it("of a session's own daemon is the relay program alone", async () => {
    open.mockResolvedValue(clientOf(11_003_000).client);
    const { tried, factory } = streams("virt-ssh-helper");
    await new LibvirtSession(factory, "qemu:///session").client(signal);
    expect(tried).toEqual(["virt-ssh-helper 'qemu:///session'"]);
  });

  it("that is none names all that was tried, with each reason", async () => {
    const { factory } = streams();
    const error = await failureOf(new LibvirtSession(factory, "qemu:///system").client(signal));
    expect(hasCode(error, "LIBVIRT_UNREACHABLE")).toBe(true);
    for (const part of [
      "libvirt-sock: no",
      "virtqemud-sock: no",
      "virt-ssh-helper 'qemu:///system': no",
      "root@hv1:22",
    ])
      expect(causeText(error)).toContain(part);
  });

  /** A relay that ends at once: what it prints is none of libvirt's. */
  const ended = (code: number, stderrText: string): StreamFactory => ({
    label: "root@hv1:22",
    openUnixSocket: () => Promise.reject(new Error("no such socket")),
    openCommand: (name) =>
      Promise.resolve({
        stdio: new PassThrough(),
        exited: Promise.resolve({ code: name.startsWith("ls ") ? 2 : code }),
        stderrText,
      }),
  });

  it.each([
    [
      127,
      "bash: line 1: virt-ssh-helper: command not found\n",
      /not installed there \(libvirt-daemon-common/,
    ],
    [1, "error: no access\nmore\n", /it ended with code 1: error: no access(;|\.)/],
  ])("by a relay that ends with code %i says why", async (code, stderrText, expected) => {
    open.mockRejectedValue(new LibvirtDisconnectedError("libvirtd closed the connection"));
    const error = await failureOf(
      new LibvirtSession(ended(code, stderrText), "qemu:///system").client(signal),
    );
    expect(causeText(error)).toMatch(expected);
    expect(causeText(error)).not.toContain("libvirtd closed the connection");
    expect(causeText(error)).not.toContain("KubeVirt");
  });

  it("to a node of KubeVirt says that guests in pods are not served", async () => {
    const streams = ended(127, "");
    const onNode: StreamFactory = {
      ...streams,
      openCommand: async (name) => ({
        ...(await streams.openCommand(name)),
        exited: Promise.resolve({ code: name === "ls -d /var/run/kubevirt" ? 0 : 127 }),
      }),
    };
    open.mockRejectedValue(new LibvirtDisconnectedError("libvirtd closed the connection"));
    const error = await failureOf(new LibvirtSession(onNode, "qemu:///system").client(signal));
    expect(hasCode(error, "LIBVIRT_UNREACHABLE")).toBe(true);
    expect((error as Error).message).toMatch(/run in pods.* are not served/);
    expect((error as Error).message).not.toContain("Check that libvirtd");
  });

  it("that libvirt itself refuses is not tried another way", async () => {
    open.mockRejectedValue(libvirtError(LibvirtErrorCode.AUTH_UNAVAILABLE, "no polkit agent available"));
    const { tried, factory } = streams("libvirt-sock");
    const error = await failureOf(new LibvirtSession(factory, "qemu:///system").client(signal));
    expect(hasCode(error, "LIBVIRT_UNREACHABLE")).toBe(true);
    expect(causeText(error)).toContain("no polkit agent available");
    expect(tried).toHaveLength(1);
  });

  it.each([
    [5_999_999, "5.999.999"],
    [4_005_000, "4.5.0"],
  ])("to a libvirt that is too old (%d) is closed, and the version named", async (version, text) => {
    const { client, close } = clientOf(version);
    open.mockResolvedValue(client);
    const error = await failureOf(
      new LibvirtSession(streams("sock").factory, "qemu:///system").client(signal),
    );
    expect(hasCode(error, "LIBVIRT_TOO_OLD")).toBe(true);
    expect(causeText(error)).toContain(`is ${text};`);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it.each([
    [8_003_000, undefined],
    [8_002_999, "8.2.999"],
    [7_000_000, "7.0.0"],
    [6_000_000, "6.0.0"],
  ])("to libvirt %d is good, and tells the version before 8.3.0", async (version, older) => {
    const { client } = clientOf(version);
    open.mockResolvedValue(client);
    const session = new LibvirtSession(streams("sock").factory, "qemu:///system");
    expect(await session.client(signal)).toBe(client);
    expect(await session.olderVersion(signal)).toBe(older);
  });

  it("tells the host's UUID to all who ask at once by one question", async () => {
    const { client } = clientOf(11_003_000);
    open.mockResolvedValue(client);
    const uuid = "11111111-1111-4111-8111-111111111111";
    let answer!: (xml: string) => void;
    const capabilities = jest.fn(() => new Promise<string>((resolve) => (answer = resolve)));
    Object.assign(client, { capabilities });
    const session = new LibvirtSession(streams("sock").factory, "qemu:///system");
    const caller = new AbortController();
    const asked = [session.hostUuid(signal), session.hostUuid(caller.signal), session.hostUuid()];
    const left = failureOf(asked[1] as Promise<string>);
    await session.client();
    await Promise.resolve();
    caller.abort(new Error("nobody waits any more"));
    expect(causeText(await left)).toBe("nobody waits any more");
    answer(`<capabilities><host><uuid>${uuid}</uuid></host></capabilities>`);
    expect(await Promise.all([asked[0], asked[2], session.hostUuid()])).toEqual([uuid, uuid, uuid]);
    expect(capabilities).toHaveBeenCalledTimes(1);
  });

  it("is opened once for all who ask at once, and again after its loss", async () => {
    let end: (value: undefined) => void = () => undefined;
    const first = clientOf(11_003_000, new Promise((resolve) => (end = resolve)));
    const second = clientOf(11_003_000);
    open.mockResolvedValueOnce(first.client).mockResolvedValueOnce(second.client);
    const session = new LibvirtSession(streams("sock").factory, "qemu:///system");
    expect(await Promise.all([session.client(signal), session.client(signal)])).toEqual([
      first.client,
      first.client,
    ]);
    expect(open).toHaveBeenCalledTimes(1);
    end(undefined);
    await new Promise(setImmediate);
    expect(await session.client(signal)).toBe(second.client);
  });

  it("that could not be opened is tried again by the next who asks", async () => {
    const { client } = clientOf(11_003_000);
    open.mockRejectedValueOnce(libvirtError(LibvirtErrorCode.AUTH_FAILED)).mockResolvedValueOnce(client);
    const session = new LibvirtSession(streams("sock").factory, "qemu:///system");
    await failureOf(session.client(signal));
    expect(await session.client(signal)).toBe(client);
  });

  it("is closed with the session", async () => {
    const { client, close } = clientOf(11_003_000);
    open.mockResolvedValue(client);
    const session = new LibvirtSession(streams("sock").factory, "qemu:///system");
    await session.client(signal);
    await session.close();
    await session.close();
    expect(close).toHaveBeenCalledTimes(1);
  });

  it("ends with the signal's own reason, not with a list of what was tried", async () => {
    const reason = new Error("the time ran out");
    const ended = AbortSignal.abort(reason);
    expect(await failureOf(new LibvirtSession(streams().factory, "qemu:///system").client(ended))).toBe(
      reason,
    );
  });
});
