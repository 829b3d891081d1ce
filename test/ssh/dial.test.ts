import { connect, createServer, type Server, type Socket } from "node:net";
import { Bench, freePort, type Sshd, waitUntil } from "../support/sshd";

jest.setTimeout(30_000);

describe("dial", () => {
  const bench = new Bench();
  const listeners: Server[] = [];
  let sshd: Sshd;

  beforeAll(async () => {
    sshd = await bench.startSshd();
  });
  afterAll(async () => {
    for (const listener of listeners) listener.close();
    await bench.tearDown();
  });

  /** A listener of which each connection is handled by the function. */
  const listen = async (onConnection: (socket: Socket, count: number) => void): Promise<number> => {
    const port = await freePort();
    let count = 0;
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      onConnection(socket, ++count);
    });
    listeners.push(server);
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    return port;
  };

  it("dials again until the server is there", async () => {
    const port = await freePort();
    const target = { ...sshd.target({ ...bench.login, dialErrorLimit: 10 }), port };
    const acquiring = bench.pool().acquire(target);
    await new Promise((resolve) => setTimeout(resolve, 600));
    await bench.startSshd({ port });
    expect((await acquiring).isOpen).toBe(true);
  });

  it("dials again where connections are dropped before the banner", async () => {
    let dropped = 0;
    const port = await listen((socket, count) => {
      if (count <= 2) {
        dropped += 1;
        socket.resetAndDestroy();
        return;
      }
      const upstream = connect(sshd.port, "127.0.0.1");
      upstream.on("error", () => undefined);
      socket.pipe(upstream).pipe(socket);
    });
    const target = { ...sshd.target({ ...bench.login, dialErrorLimit: 3 }), port };
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
    expect(dropped).toBe(2);
  });

  it("gives up after dialErrorLimit dials and says why", async () => {
    let count = 0;
    const port = await listen((socket) => {
      count += 1;
      socket.end("Exceeded MaxStartups\r\n");
    });
    const target = { ...sshd.target({ ...bench.login, dialErrorLimit: 3 }), port };
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_DIAL_FAILED" });
    expect(String(error)).toContain("after 3 attempt(s)");
    expect(count).toBe(3);
  });

  it("says that a connection was refused, and by which address", async () => {
    const port = await freePort();
    const target = { ...sshd.target(bench.login), port };
    const acquired = bench.pool().acquire(target);
    await expect(acquired).rejects.toThrow(
      `cannot reach root@127.0.0.1:${port} over SSH after 1 attempt(s): connection refused (127.0.0.1 port ${port})`,
    );
  });

  it("says that a name is not found", async () => {
    const target = sshd.target({ ...bench.login, host: "no-such-host.invalid" });
    await expect(bench.pool().acquire(target)).rejects.toThrow(/host name (not found|lookup failed)/);
  });

  it("bounds a dial to a listener that never speaks", async () => {
    const port = await listen(() => undefined);
    const startedAt = Date.now();
    const target = { ...sshd.target({ ...bench.login, perDialTimeoutSeconds: 1 }), port };
    await expect(bench.pool().acquire(target)).rejects.toThrow(/no answer within 1 s/);
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(950);
    expect(Date.now() - startedAt).toBeLessThan(3000);
  });

  it("does not dial again where the other side does not speak SSH", async () => {
    let count = 0;
    const port = await listen((socket) => {
      count += 1;
      socket.end("SSH-1.5-old\r\n");
    });
    const target = { ...sshd.target({ ...bench.login, dialErrorLimit: 10 }), port };
    await expect(bench.pool().acquire(target)).rejects.toMatchObject({ code: "SSH_HANDSHAKE_FAILED" });
    expect(count).toBe(1);
  });

  it("ends at once with the signal's reason, dialling or between dials", async () => {
    const silentPort = await listen(() => undefined);
    const closedPort = await freePort();
    for (const port of [silentPort, closedPort]) {
      const stop = new AbortController();
      const target = { ...sshd.target({ ...bench.login, dialErrorLimit: -1 }), port };
      const acquiring = bench.pool().acquire(target, stop.signal);
      setTimeout(() => stop.abort(new Error("the user pressed Ctrl-C")), 400);
      const startedAt = Date.now();
      await expect(acquiring).rejects.toThrow("the user pressed Ctrl-C");
      expect(Date.now() - startedAt).toBeLessThan(700);
    }
  });

  it("closes the connection of a dial that everybody has left", async () => {
    let isClosed = false;
    const port = await listen((socket) => socket.resume().on("close", () => (isClosed = true)));
    const target = { ...sshd.target(bench.login), port };
    const pool = bench.pool();
    const [one, two] = [new AbortController(), new AbortController()];
    const both = [pool.acquire(target, one.signal), pool.acquire(target, two.signal)];
    one.abort();
    await expect(both[0]).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isClosed).toBe(false);
    two.abort();
    await expect(both[1]).rejects.toThrow();
    await waitUntil("the listener sees the end", () => isClosed);
  });
});

describe("pool", () => {
  const bench = new Bench();
  let sshd: Sshd;
  beforeAll(async () => {
    sshd = await bench.startSshd();
  });
  afterAll(() => bench.tearDown());

  it("shares one handshake among 16 who ask at once, and later ones", async () => {
    const pool = bench.pool();
    const before = sshd.acceptedLogins;
    const target = () => sshd.target(bench.login);
    const connections = await Promise.all(Array.from({ length: 16 }, () => pool.acquire(target())));
    connections.push(await pool.acquire(target()));
    expect(new Set(connections).size).toBe(1);
    expect(sshd.acceptedLogins - before).toBe(1);
  });

  it("keeps logins with other credentials apart", async () => {
    const pool = bench.pool();
    const good = await pool.acquire(sshd.target(bench.login));
    const { hostKey } = bench.login;
    const other = pool.acquire(sshd.target({ hostKey: hostKey ?? "", password: "wrong" }));
    await expect(other).rejects.toMatchObject({ code: "SSH_AUTH_REFUSED" });
    expect(good.isOpen).toBe(true);
  });

  it("replaces a connection that has ended", async () => {
    const pool = bench.pool();
    const first = await pool.acquire(sshd.target(bench.login));
    const killer = await first.exec('kill "$PPID"');
    killer.stdio.resume();
    expect(await first.closed).toMatchObject({ code: "SSH_CONNECTION_LOST" });
    expect(first.isOpen).toBe(false);
    const second = await pool.acquire(sshd.target(bench.login));
    expect(second).not.toBe(first);
    expect(second.isOpen).toBe(true);
    await expect(first.exec("true")).rejects.toMatchObject({ code: "SSH_CONNECTION_LOST" });
  });

  it("does not remember a failed dial", async () => {
    const pool = bench.pool();
    const port = await freePort();
    const target = { ...sshd.target(bench.login), port };
    await expect(pool.acquire(target)).rejects.toMatchObject({ code: "SSH_DIAL_FAILED" });
    await bench.startSshd({ port });
    expect((await pool.acquire(target)).isOpen).toBe(true);
  });

  it("ends its connections and its dials when it is closed", async () => {
    const pool = bench.pool();
    const connection = await pool.acquire(sshd.target(bench.login));
    const dialling = pool.acquire({
      ...sshd.target({ ...bench.login, dialErrorLimit: -1 }),
      port: await freePort(),
    });
    const outcome = dialling.catch((reason: unknown) => reason);
    await pool.close();
    expect(await outcome).toMatchObject({ code: "SSH_CONNECTION_LOST" });
    expect(await connection.closed).toMatchObject({ code: "SSH_CONNECTION_LOST" });
    await expect(pool.acquire(sshd.target(bench.login))).rejects.toMatchObject({
      code: "SSH_CONNECTION_LOST",
    });
  });
});
