import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { HeldLocks } from "../../provider/host/helper";
import type { SshConnection } from "../../provider/ssh";
import { ClientProcess } from "./support/client-process";
import { isPending, lockFiles, own } from "./support/lock-files";
import { openHelper } from "../support/open-helper";
import { Bench, type Sshd, waitUntil } from "../support/sshd";

jest.setTimeout(40_000);

describe("locks of another process", () => {
  const bench = new Bench();
  const clients: ClientProcess[] = [];
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await bench.startSshd();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.end();
  });
  afterAll(() => bench.tearDown());

  const connect = (): Promise<SshConnection> => bench.pool().acquire(sshd.target(bench.login));
  const startClient = (names: readonly string[], socketPath?: string): ClientProcess => {
    const client = new ClientProcess(sshd.target(bench.login), names, socketPath);
    clients.push(client);
    return client;
  };

  it("are free within a second after it was killed", async () => {
    const client = startClient([own("a")]);
    await client.said(/^locked$/m);
    const connection = await connect();
    const waiting = openHelper(connection).lock([own("a")]);
    expect(await isPending(waiting)).toBe(true);
    const startedAt = Date.now();
    client.signal("SIGKILL");
    const lock: HeldLocks = await waiting;
    expect(Date.now() - startedAt).toBeLessThan(1000);
    await lock.release();
    expect(lockFiles()).toEqual([]);
  });

  it("are handed over in turn", async () => {
    const one = startClient([own("a")]);
    await one.said(/^locked$/m);
    const two = startClient([own("a")]);
    await two.said(/^asking$/m);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(two.output).not.toContain("locked");
    one.say("release");
    await two.said(/^locked$/m, 2000);
    two.say("release");
    await two.said(/^released$/m);
    expect(lockFiles()).toEqual([]);
  });

  it("are free ten seconds after it was stopped; woken, it reaches nothing", async () => {
    const path = join(bench.workspace.path, "witness.sock");
    let received = "";
    let witnessed = 0;
    const witness: Server = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", (chunk) => (received += String(chunk)));
      socket.on("close", () => (witnessed += 1));
    });
    await new Promise<void>((resolve) => witness.listen(path, resolve));
    try {
      const client = startClient([own("a")], path);
      await client.said(/^locked$/m);
      client.say("write before ");
      await waitUntil("the witness hears the first words", () => received === "before ");
      const connection = await connect();
      client.signal("SIGSTOP");
      const startedAt = Date.now();
      const lock = await openHelper(connection).lock([own("a")]);
      const tookMs = Date.now() - startedAt;
      expect(tookMs).toBeGreaterThan(7500);
      expect(tookMs).toBeLessThan(12_000);
      // Fenced first: when the lock is granted, the other's channel is closed already.
      expect(witnessed).toBe(1);
      client.say("write after");
      client.signal("SIGCONT");
      await client.said(/^closed /m);
      await client.said(/^lost /m);
      expect(client.output).toMatch(/stream failed .*SSH_CONNECTION_LOST/);
      expect(received).toBe("before ");
      await lock.release();
      expect(lockFiles()).toEqual([]);
    } finally {
      witness.close();
    }
  });
});
