import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { ProviderError } from "../../provider/errors";
import { rejectionOf } from "../support/within-bounds";
import { Bench, fingerprint, waitUntil } from "../support/sshd";
import { InProcessServer } from "./support/in-process-server";

jest.setTimeout(60_000);

describe("an agent", () => {
  const bench = new Bench();
  const { workspace, clientKey } = bench;
  const hostKey = bench.login.hostKey ?? "";
  const others = Array.from({ length: 7 }, (_, n) => workspace.generateKey(`other${n}`));
  const agentSocketPath = join(workspace.path, "agent.sock");
  let agent: ChildProcess;
  const sockets: Socket[] = [];
  const servers: Server[] = [];

  beforeAll(async () => {
    agent = spawn("ssh-agent", ["-D", "-a", agentSocketPath], { stdio: "ignore" });
    await waitUntil("the agent listens", () => existsSync(agentSocketPath));
    const options = { env: { ...process.env, SSH_AUTH_SOCK: agentSocketPath }, stdio: "ignore" as const };
    for (const key of [...others, clientKey]) execFileSync("ssh-add", [key], options);
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
    await bench.tearDown();
    agent.kill();
  });

  const listen = async (name: string, onSocket: (socket: Socket) => void): Promise<string> => {
    const path = join(workspace.path, name);
    const server = createServer((socket) => {
      socket.on("error", () => undefined);
      sockets.push(socket);
      onSocket(socket);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return path;
  };
  /** A real agent as far as its keys, that answers no request for a signature. */
  const untouched = (socket: Socket): void => {
    const real = connect(agentSocketPath);
    sockets.push(real);
    real.pipe(socket);
    // the number of the message follows its length
    socket.on("data", (request: Buffer) => request[4] !== 13 && real.write(request));
  };

  it("with the right key last names the cure, and lists only what was sent", async () => {
    const sshd = await bench.startSshd({ config: ["MaxAuthTries 6"] });
    const target = sshd.target({ hostKey, agentSocketPath });
    const error = (await rejectionOf(bench.pool().acquire(target))) as ProviderError;
    expect(error.code).toBe("SSH_AUTH_REFUSED");
    for (const sent of others.slice(0, 6)) expect(error.message).toContain(fingerprint(sent));
    expect(error.message).not.toContain(fingerprint(others[6]!));
    expect(error.message).not.toContain(fingerprint(clientKey));
    expect(error.cure).toContain("2 more key(s)");
    expect(error.cure).toContain("IdentitiesOnly yes");
    expect(error.cure).toContain("connection.privateKey");
    expect(error.message).not.toContain("authorized_keys");
  });

  it("logs in as that cure says", async () => {
    const sshd = await bench.startSshd({ config: ["MaxAuthTries 6"] });
    const identities = { identityFiles: [clientKey], hasIdentitiesOnly: true };
    const target = sshd.target({ hostKey, agentSocketPath, ...identities });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it("is told of the same way by a server that ends without a word", async () => {
    let tries = 0;
    const server = await InProcessServer.listen({
      onLogin: (context, socket) => (++tries > 4 ? socket.destroy() : context.reject(["publickey"])),
    });
    const { password: _, ...target } = server.target({ agentSocketPath });
    const error = (await rejectionOf(server.pool().acquire(target))) as ProviderError;
    expect(error.code).toBe("SSH_AUTH_REFUSED");
    expect(error.cure).toContain("IdentitiesOnly yes");
    await server.close();
  });

  it("of which every key was refused is not told to have more", async () => {
    const sshd = await bench.startSshd({ config: ["MaxAuthTries 20"], authorizedKeys: [] });
    const target = sshd.target({ hostKey, agentSocketPath });
    const error = (await rejectionOf(bench.pool().acquire(target))) as ProviderError;
    expect(error.message).toContain(fingerprint(clientKey));
    expect(error.cure).toContain("authorized_keys");
  });

  it("that accepts and never answers is named after some seconds", async () => {
    const mute = await listen("mute.sock", () => undefined);
    const sshd = await bench.startSshd();
    const startedAt = Date.now();
    const target = sshd.target({ hostKey, agentSocketPath: mute });
    const error = (await rejectionOf(bench.pool().acquire(target))) as ProviderError;
    expect(Date.now() - startedAt).toBeLessThan(15_000);
    expect(error.code).toBe("SSH_AUTH_REFUSED");
    expect(error.message).toContain(`no key (agent at ${mute}): it did not answer within 5 s`);
    expect(error.cure).toContain(`Start the agent at ${mute} anew`);
  });

  it("that never answers does not keep the key files from being tried", async () => {
    const mute = await listen("mute-too.sock", () => undefined);
    const sshd = await bench.startSshd();
    const target = sshd.target({ hostKey, agentSocketPath: mute, identityFiles: [clientKey] });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it("that does not sign before the server ends the login is named", async () => {
    const slow = await listen("slow.sock", untouched);
    const sshd = await bench.startSshd({ config: ["LoginGraceTime 3", "MaxAuthTries 20"] });
    const target = sshd.target({ hostKey, agentSocketPath: slow });
    const error = (await rejectionOf(bench.pool().acquire(target))) as ProviderError;
    expect(error.message).toContain(`the agent at ${slow} was asked for a signature`);
    expect(error.cure).toContain("Touch the security key");
  });
});
