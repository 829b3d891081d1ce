import { mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { HypervisorPool } from "../../provider/connections/hypervisor-pool";
import { SshTargetResolver } from "../../provider/connections/ssh-target-resolver";
import { MultifunctionPciProvider } from "../../provider/dynamic/provider";
import { plainMonitor } from "../../provider/hypervisor/plain-qemu";
import { HostRequests } from "../../provider/hypervisor/plain-qemu/program/host-requests";
import { inspectHost } from "../../provider/operations/inspect";
import { RunningOperations } from "../../provider/operations/running-operations";
import { publicLine, waitUntil } from "../support/sshd";
import { ACCOUNT, SudoHost } from "./support/sudo-host";

jest.setTimeout(60_000);

const UUID = "33333333-3333-4333-8333-333333333333";

describe("The provider with an account that becomes root by sudo", () => {
  let host: SudoHost;
  let socket: string;
  let inputs: Record<string, unknown>;
  let connections: HypervisorPool;
  let provider: MultifunctionPciProvider;
  let printed: jest.SpyInstance;

  beforeAll(async () => {
    host = await SudoHost.start(["Defaults env_reset", "Defaults use_pty"]);
    mkdirSync(join(host.folder, "qemu"));
    socket = join(host.folder, "qemu/vm1.qmp");
    await host.startQemu(socket, UUID, ["-M", "q35", "-device", "pcie-root-port,id=pci.1"]);
    inputs = {
      connection: {
        host: "127.0.0.1",
        port: host.port,
        user: ACCOUNT,
        privateKey: readFileSync(host.bench.clientKey, "utf8"),
        hostKey: publicLine(host.bench.hostKey),
      },
      guest: { qmpSocket: socket, privilege: "sudo" },
      device: "0000:01:00",
      ownerToken: "organization/net/dev/nic",
    };
  });
  beforeEach(() => {
    printed = jest.spyOn(console, "log").mockImplementation(() => undefined);
    connections = new HypervisorPool(new SshTargetResolver({ environment: {}, say: () => undefined }));
    provider = new MultifunctionPciProvider(new RunningOperations(), connections);
  });
  afterEach(async () => {
    await provider.close();
    printed.mockRestore();
  });
  afterAll(() => host[Symbol.asyncDispose]());

  const linesOf = (): string => printed.mock.calls.flat().join("\n");

  it("previews and inspects with `look` alone", async () => {
    host.allow([`socket ${socket}`, "device 0000:01:00", `look ${ACCOUNT}`]);
    expect((await provider.check({}, inputs)).failures).toEqual([]);
    expect(linesOf()).not.toMatch(/HOST_RULES|HOST_PROGRAM|cannot be looked at/);
    expect(linesOf()).toContain("0000:01:00.0");
    const { connection, guest } = inputs;
    const report = await inspectHost({ connection, guest }, { environment: {} });
    expect(report.guest).toMatchObject({ uuid: UUID });
  });

  it("changes nothing with `look`, and says which line it lacks", async () => {
    host.allow([`socket ${socket}`, "device 0000:01:00", `look ${ACCOUNT}`]);
    await expect(provider.create(inputs)).rejects.toThrow(
      /no line "change operator".*multifunction-pci-host\.conf.*\[HOST_RULES_MISSING\]/s,
    );
    expect(host.sysfs.writes).toEqual([]);
    expect(host.sysfs.ledgerFiles).toEqual([]);
  });

  it("says in the preview which lines are missing, with those to write", async () => {
    host.allow([`change ${ACCOUNT}`]);
    await provider.check({}, inputs);
    expect(linesOf()).toMatch(/HOST_RULES_MISSING/);
    expect(linesOf()).toContain(`socket ${socket}`);
    expect(linesOf()).toContain("device 0000:01:00");
    printed.mockClear();
    host.allow([`socket ${socket}`, "device 0000:01:00.0", `change ${ACCOUNT}`]);
    await provider.close();
    connections = new HypervisorPool(new SshTargetResolver({ environment: {}, say: () => undefined }));
    provider = new MultifunctionPciProvider(new RunningOperations(), connections);
    await provider.check({}, inputs);
    expect(linesOf()).toMatch(/0000:01:00\.1.*HOST_RULES_MISSING/s);
  });

  it.each(["sudo", "forwarding"])(
    "lets another client have its turn between two operations, by %s",
    async (way) => {
      host.allow([`socket ${socket}`, "device 0000:01:00", `change ${ACCOUNT}`]);
      const target = host.sshd.target({ ...host.bench.login, ...(way === "sudo" && { user: ACCOUNT }) });
      const channels = await host.bench.pool().acquire(target);
      const privilege = way === "sudo" ? "sudo" : "login";
      const requests = new HostRequests(channels, privilege);
      const monitor = plainMonitor({ channels, requests, socket, privilege });
      expect(await monitor.execute("query-uuid")).toEqual({ UUID });
      const second = connect(socket);
      let greeting = "";
      second.on("data", (text) => (greeting += String(text)));
      const endedAt = performance.now();
      // an operation asks on within the time, and keeps its turn
      await new Promise((resolve) => setTimeout(resolve, 500));
      await monitor.execute("query-status");
      expect(greeting).toBe("");
      const idleAt = performance.now();
      await waitUntil("QEMU greets the second client", () => greeting.includes('"QMP"'), 5000);
      expect(performance.now() - idleAt).toBeLessThan(1200);
      expect(idleAt - endedAt).toBeGreaterThan(400);
      // and the first waits for its own
      const again = monitor.execute("query-uuid");
      await new Promise((resolve) => setTimeout(resolve, 300));
      second.destroy();
      expect(await again).toEqual({ UUID });
      await monitor.close();
      await requests.helper.close();
    },
  );
});
