import { Bench, freePort, publicLine, type Sshd } from "../support/sshd";

jest.setTimeout(30_000);

describe("jump host", () => {
  const bench = new Bench();
  const jumpKey = bench.workspace.generateKey("jump_host_key");
  let jumpHost: Sshd;
  let host: Sshd;

  beforeAll(async () => {
    jumpHost = await bench.startSshd({ hostKeys: [jumpKey] });
    host = await bench.startSshd();
  });
  afterAll(() => bench.tearDown());

  const proxy = () => jumpHost.target({ ...bench.login, hostKey: publicLine(jumpKey) });

  it("is gone through, with a host key of its own", async () => {
    const connection = await bench.pool().acquire(host.target({ ...bench.login, proxy: proxy() }));
    expect(connection.label).toBe(`root@127.0.0.1:${host.port}`);
    expect(jumpHost.log).toContain("Accepted publickey");
  });

  it("is shared by the hosts behind it", async () => {
    const second = await bench.startSshd();
    const before = jumpHost.acceptedLogins;
    const pool = bench.pool();
    await Promise.all(
      [host, second].map((sshd) => pool.acquire(sshd.target({ ...bench.login, proxy: proxy() }))),
    );
    expect(jumpHost.acceptedLogins - before).toBe(1);
  });

  it("may stand behind another one", async () => {
    const outer = await bench.startSshd();
    const proxies = { ...proxy(), proxy: outer.target(bench.login) };
    const connection = await bench.pool().acquire(host.target({ ...bench.login, proxy: proxies }));
    expect(connection.isOpen).toBe(true);
    expect(outer.acceptedLogins).toBe(1);
  });

  it("is named when its host key is wrong", async () => {
    const target = host.target({ ...bench.login, proxy: { ...proxy(), hostKey: publicLine(bench.hostKey) } });
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_HOST_KEY_MISMATCH" });
    expect(String(error)).toContain(`the host key of jump host root@127.0.0.1:${jumpHost.port}`);
  });

  it("is not named when the key of the host behind it is wrong", async () => {
    const target = host.target({ ...bench.login, hostKey: publicLine(jumpKey), proxy: proxy() });
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_HOST_KEY_MISMATCH" });
    expect(String(error)).toContain(`the host key of root@127.0.0.1:${host.port}`);
  });

  it("is named when it cannot be reached", async () => {
    const port = await freePort();
    const target = host.target({ ...bench.login, proxy: { ...proxy(), port } });
    await expect(bench.pool().acquire(target)).rejects.toThrow(
      `cannot reach jump host root@127.0.0.1:${port}`,
    );
  });

  it("reports an unreachable host behind it, after as many dials as allowed", async () => {
    const port = await freePort();
    const target = { ...host.target({ ...bench.login, proxy: proxy(), dialErrorLimit: 2 }), port };
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_DIAL_FAILED" });
    expect(String(error)).toContain("after 2 attempt(s)");
    expect(String(error)).toContain(`seen from jump host root@127.0.0.1:${jumpHost.port}`);
  });

  it("that forbids forwarding is final at once", async () => {
    const closed = await bench.startSshd({ config: ["AllowTcpForwarding no"] });
    const target = host.target({ ...bench.login, proxy: closed.target(bench.login), dialErrorLimit: 10 });
    await expect(bench.pool().acquire(target)).rejects.toMatchObject({ code: "SSH_JUMP_REFUSED" });
  });

  it("takes the connections through it along when it ends", async () => {
    const pool = bench.pool();
    const connection = await pool.acquire(host.target({ ...bench.login, proxy: proxy() }));
    const jump = await pool.acquire(proxy());
    (await jump.exec('kill "$PPID"')).stdio.resume();
    expect(await connection.closed).toMatchObject({ code: "SSH_CONNECTION_LOST" });
    const again = await pool.acquire(host.target({ ...bench.login, proxy: proxy() }));
    expect(again.isOpen).toBe(true);
  });
});
