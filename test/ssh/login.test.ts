import { spawn, execFileSync, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Bench, fingerprint, type Sshd, waitUntil } from "../support/sshd";
import { existsSync } from "node:fs";

jest.setTimeout(30_000);

describe("login", () => {
  const bench = new Bench();
  const { workspace } = bench;
  const strangerKey = workspace.generateKey("stranger");
  let sshd: Sshd;
  let agent: ChildProcess;
  const agentSocketPath = join(workspace.path, "agent.sock");

  beforeAll(async () => {
    sshd = await bench.startSshd();
    agent = spawn("ssh-agent", ["-D", "-a", agentSocketPath], { stdio: "ignore" });
    await waitUntil("the agent listens", () => existsSync(agentSocketPath));
  });

  afterAll(async () => {
    agent.kill();
    await bench.tearDown();
  });

  const fillAgent = (...keys: readonly string[]): void => {
    const options = { env: { ...process.env, SSH_AUTH_SOCK: agentSocketPath }, stdio: "ignore" as const };
    execFileSync("ssh-add", ["-D"], options);
    for (const key of keys) execFileSync("ssh-add", [key], options);
  };

  it("logs in with a private key", async () => {
    const connection = await bench.pool().acquire(sshd.target(bench.login));
    expect(connection.isOpen).toBe(true);
    expect(connection.label).toBe(`root@127.0.0.1:${sshd.port}`);
  });

  it.each([
    ["RSA in PEM form", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
    ["ECDSA", ["-t", "ecdsa", "-b", "384"]],
  ])("logs in with a key of type %s", async (name, options) => {
    const key = workspace.generateKey(`client-${name.split(" ")[0]}`, ...options);
    const own = await bench.startSshd({ authorizedKeys: [key] });
    const target = own.target({ ...bench.login, privateKey: readFileSync(key, "utf8") });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  describe("with an encrypted key", () => {
    const key = workspace.generateKey("encrypted", "-N", "correct horse");
    const privateKey = readFileSync(key, "utf8");
    let own: Sshd;
    beforeAll(async () => {
      own = await bench.startSshd({ authorizedKeys: [key] });
    });
    const acquire = (privateKeyPassword: string | undefined) =>
      bench.pool().acquire(
        own.target({
          ...bench.login,
          privateKey,
          ...(privateKeyPassword === undefined ? {} : { privateKeyPassword }),
        }),
      );

    it("logs in with the right password", async () => {
      expect((await acquire("correct horse")).isOpen).toBe(true);
    });

    it("says that the password is wrong, before dialling and without showing it", async () => {
      const logins = own.log;
      const error = await acquire("wrong battery").catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "SSH_KEY_UNUSABLE" });
      expect(String(error)).toContain("privateKeyPassword does not open it");
      expect(String(error)).not.toContain("battery");
      expect(own.log).toBe(logins);
    });

    it("says that the password is missing, before dialling", async () => {
      await expect(acquire(undefined)).rejects.toThrow(
        /encrypted and connection.privateKeyPassword is not given/,
      );
    });
  });

  it("says what is wrong with a private key that is a file name", async () => {
    const target = sshd.target({ ...bench.login, privateKey: "/root/.ssh/id_secret" });
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_KEY_UNUSABLE" });
    expect(String(error)).toContain("not the name of a file");
    expect(String(error)).not.toContain("id_secret");
  });

  it("logs in with a key of the agent", async () => {
    fillAgent(strangerKey, bench.clientKey);
    const { hostKey } = bench.login;
    const target = sshd.target({ hostKey: hostKey ?? "", agentSocketPath });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it("tries the agent after a key that is refused", async () => {
    fillAgent(bench.clientKey);
    const privateKey = readFileSync(strangerKey, "utf8");
    const target = sshd.target({ ...bench.login, privateKey, agentSocketPath });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it("names every key offered, and what the server accepts, if all are refused", async () => {
    const own = await bench.startSshd({ config: ["PasswordAuthentication no"] });
    const agentKey = workspace.generateKey("agent-only");
    fillAgent(agentKey);
    const privateKey = readFileSync(strangerKey, "utf8");
    const startedAt = Date.now();
    const target = own.target({ ...bench.login, privateKey, agentSocketPath, dialErrorLimit: 10 });
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_AUTH_REFUSED" });
    expect(String(error)).toContain(
      `publickey ssh-ed25519 ${fingerprint(strangerKey)} (connection.privateKey)`,
    );
    expect(String(error)).toContain(
      `publickey ssh-ed25519 ${fingerprint(agentKey)} (agent at ${agentSocketPath})`,
    );
    expect(String(error)).toContain("The server accepts: publickey");
    // Final at once: one connection, no second dial.
    expect(own.log.match(/Connection from/g)).toHaveLength(1);
    expect(Date.now() - startedAt).toBeLessThan(5000);
  });

  it("refuses a wrong password once, naming the methods and not the password", async () => {
    const own = await bench.startSshd({ config: ["PasswordAuthentication yes"] });
    const { hostKey } = bench.login;
    const target = own.target({ hostKey: hostKey ?? "", password: "hunter2-secret", dialErrorLimit: 10 });
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_AUTH_REFUSED" });
    expect(String(error)).toMatch(/Offered: password/);
    expect(String(error)).toMatch(/The server accepts: .*password/);
    expect(String(error)).not.toContain("hunter2");
    expect(own.log.match(/Failed password/g)).toHaveLength(1);
  });

  it("says that nothing was offered when there is no credential", async () => {
    const { hostKey } = bench.login;
    const acquired = bench.pool().acquire(sshd.target({ hostKey: hostKey ?? "" }));
    await expect(acquired).rejects.toThrow(/Offered: no credential at all\. The server accepts: publickey/);
  });

  it("says so when the agent cannot be asked, and goes on with the password", async () => {
    const { hostKey } = bench.login;
    const gone = join(workspace.path, "no-agent.sock");
    const target = sshd.target({ hostKey: hostKey ?? "", agentSocketPath: gone, password: "wrong" });
    const error = await bench
      .pool()
      .acquire(target)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "SSH_AUTH_REFUSED" });
    expect(String(error)).toContain(`no key (agent at ${gone}): it cannot be asked`);
    expect(String(error)).toContain("password");
  });
});
