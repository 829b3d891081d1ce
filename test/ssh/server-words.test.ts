import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { utils, type Connection } from "ssh2";
import { ProviderError } from "../../provider/errors";
import { SshPool, type SshTarget } from "../../provider/ssh";
import { rejectionOf } from "../support/within-bounds";
import { Bench } from "../support/sshd";
import { InProcessServer, type ServerManners } from "./support/in-process-server";

jest.setTimeout(30_000);

const refusalOf = async (pool: SshPool, target: SshTarget): Promise<ProviderError> =>
  (await rejectionOf(pool.acquire(target))) as ProviderError;

describe("a server with which nothing is in common", () => {
  const bench = new Bench();
  const rsaHostKey = bench.workspace.generateKey("host_rsa", "-t", "rsa", "-b", "2048");
  afterAll(() => bench.tearDown());

  it.each<readonly [string, readonly string[], readonly string[]]>([
    [
      "post-quantum key exchanges only",
      ["KexAlgorithms sntrup761x25519-sha512@openssh.com"],
      ["key exchange", "sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "KexAlgorithms +"],
    ],
    [
      "UMAC only",
      ["Ciphers aes256-ctr", "MACs umac-128-etm@openssh.com,umac-64@openssh.com"],
      ["MAC", "umac-128-etm@openssh.com, umac-64@openssh.com", "hmac-sha2-256", "MACs +"],
    ],
    [
      "old ciphers only",
      ["Ciphers aes256-cbc,3des-cbc"],
      ["cipher", "aes256-cbc, 3des-cbc", "aes256-gcm@openssh.com", "Ciphers +"],
    ],
    [
      "signatures by ssh-rsa only",
      ["HostKeyAlgorithms ssh-rsa"],
      ["host key algorithm", "offers ssh-rsa;", "rsa-sha2-512", "SHA-1"],
    ],
  ])("has %s, and both lists are told, with the option", async (_what, config, words) => {
    const sshd = await bench.startSshd({ config, hostKeys: [rsaHostKey] });
    const target = sshd.target({ ...bench.login, strictHostKeyChecking: "no", dialErrorLimit: 5 });
    const error = await refusalOf(bench.pool(), target);
    expect(error.code).toBe("SSH_ALGORITHMS_DIFFER");
    for (const word of words) expect(error.message).toContain(word);
    expect(error.message).not.toMatch(/kex-strict|ext-info/);
    expect(sshd.log.match(/Connection from/g)).toHaveLength(1);
  });

  it.each([
    ["a cipher that needs no MAC", ["Ciphers aes256-gcm@openssh.com", "MACs umac-64@openssh.com"]],
    ["compression offered", ["Compression yes"]],
  ])("is not one with %s", async (_what, config) => {
    const sshd = await bench.startSshd({ config });
    expect((await bench.pool().acquire(sshd.target(bench.login))).isOpen).toBe(true);
  });

  it("has compression only, which is not taken", async () => {
    const server = await InProcessServer.listen({
      config: { algorithms: { compress: ["zlib@openssh.com", "zlib"] } },
    });
    const error = await refusalOf(server.pool(), server.target());
    expect(error.code).toBe("SSH_ALGORITHMS_DIFFER");
    expect(error.message).toContain("compression in common: the server offers zlib@openssh.com, zlib;");
    await server.close();
  });
});

describe("a server that says something else than its version", () => {
  const pool = new SshPool();
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  afterAll(async () => {
    await pool.close();
    for (const socket of sockets) socket.destroy();
    for (const server of servers) server.close();
  });

  const targetOf = async (server: Server): Promise<SshTarget> => {
    servers.push(server);
    server.on("connection", (socket) => sockets.push(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      ...{ host: "127.0.0.1", port, user: "root", dialErrorLimit: 2, perDialTimeoutSeconds: 2 },
      strictHostKeyChecking: "yes",
    };
  };

  it("as a real sshd at its limit of logins is quoted", async () => {
    const bench = new Bench();
    const sshd = await bench.startSshd({ config: ["MaxStartups 1"] });
    const other = connect(sshd.port, "127.0.0.1");
    await once(other, "data");
    const error = await refusalOf(bench.pool(), sshd.target(bench.login));
    expect(error.code).toBe("SSH_DIAL_FAILED");
    expect(error.message).toContain("Exceeded MaxStartups");
    expect(error.cure).toContain("MaxStartups in its sshd_config");
    other.destroy();
    await bench.tearDown();
  });

  it("as sshd does under PerSourcePenalties is quoted, with the option", async () => {
    // OpenSSH 9.8 and newer, sshd.c: drop_connection
    const target = await targetOf(createServer((socket) => socket.end("Not allowed at this time\r\n")));
    const error = await refusalOf(pool, target);
    expect(error.code).toBe("SSH_DIAL_FAILED");
    expect(error.message).toContain("after 2 attempt(s)");
    expect(error.message).toContain("Not allowed at this time");
    expect(error.cure).toContain("PerSourcePenalties");
  });

  it.each<readonly [string, () => Server, string]>([
    ["HTTP", () => createHttpServer((_request, response) => response.end()), "HTTP/1.1 400 Bad Request"],
    // an alert, as RFC 8446 section 6 has it
    ["TLS", () => createServer((socket) => socket.end(Buffer.from([21, 3, 1, 0, 2, 2, 70]))), "TLS"],
    ["mail", () => createServer((socket) => socket.write("220 mx1 ESMTP\r\n")), "220 mx1 ESMTP"],
    ["VNC", () => createServer((socket) => socket.write("RFB 003.008\n")), "VNC"],
    ["QMP", () => createServer((socket) => socket.write('{"QMP": {"version": {}}}\r\n')), "QEMU's monitor"],
  ])("because it speaks %s is quoted, with the port to check", async (_name, make, words) => {
    const error = await refusalOf(pool, await targetOf(make()));
    expect(error.message).toContain(words);
    expect(error.cure).toContain("connection.port");
  });

  it.each([
    ["and ends", (socket: Socket) => socket.end("go away, \u001b[31mplease\r\nsecond line\r\n")],
    ["and is silent then", (socket: Socket) => socket.write("go away, \u001b[31mplease\r\nsecond line\r\n")],
  ])("%s is quoted with its first line, as a terminal may show it", async (_what, speak) => {
    const error = await refusalOf(pool, await targetOf(createServer(speak)));
    expect(error.code).toBe("SSH_DIAL_FAILED");
    expect(error.message).toContain('it said "go away, \\u001b[31mplease"');
    expect(error.message).not.toContain("second line");
  });

  it("in front of its version logs in all the same", async () => {
    const manners: ServerManners = { onSocket: (socket) => (socket.write("welcome\r\nto hv1\r\n"), false) };
    const server = await InProcessServer.listen(manners);
    expect((await server.pool().acquire(server.target())).isOpen).toBe(true);
    await server.close();
  });
});

describe("a server that is no sshd", () => {
  // Tailscale, ssh/tailssh; Teleport, lib/sshutils; older releases of both
  const versions = ["Tailscale", "SSH-2.0-Tailscale", "Teleport", "Teleport 1.5.1-beta", "Teleport_18.2.1"];

  it.each(versions)("but %s is refused before a credential is sent", async (ident) => {
    const logins: string[] = [];
    const server = await InProcessServer.listen({
      config: { ident },
      onLogin: (context) => (logins.push(context.method), context.accept()),
    });
    const error = await refusalOf(server.pool(), server.target());
    expect(error.code).toBe("SSH_SERVER_UNSUPPORTED");
    expect(error.message).toMatch(/(?:Tailscale SSH|Teleport)\) is not served/);
    expect(error.cure).toContain("Use the host's sshd");
    expect(logins).toEqual([]);
    await server.close();
  });

  it("may still be the jump host on the way to an sshd", async () => {
    const bench = new Bench();
    const sshd = await bench.startSshd();
    const jump = await InProcessServer.listen({
      config: { ident: "Tailscale" },
      onTcp: (channel, { destPort }) => {
        const socket = connect(destPort, "127.0.0.1");
        socket.pipe(channel).pipe(socket);
      },
    });
    const connection = await bench.pool().acquire(sshd.target({ ...bench.login, proxy: jump.target() }));
    expect(connection.serverVersion).toMatch(/^OpenSSH_/);
    await bench.tearDown();
    await jump.close();
  });
});

describe("a server that shows another host key when keys are exchanged anew", () => {
  const other = utils.generateKeyPairSync("ed25519");
  /** What of ssh2's server holds its keys, by algorithm. */
  interface WithKeys {
    _protocol: { _hostKeys: Record<string, unknown> };
  }
  const showAnother = (connection: Connection): void => {
    const { _hostKeys: keys } = (connection as unknown as WithKeys)._protocol;
    const privateKey = utils.parseKey(other.private);
    for (const algorithm of Object.keys(keys)) keys[algorithm] = privateKey;
    connection.rekey(() => undefined);
  };

  it("is a mismatch of host keys, for whoever used the connection", async () => {
    let peer: Connection | undefined;
    const server = await InProcessServer.listen({ onReady: (_socket, connection) => (peer = connection) });
    const connection = await server.pool().acquire(server.target());
    showAnother(peer!);
    const error = await connection.closed;
    if (!(error instanceof ProviderError)) throw error;
    expect(error.code).toBe("SSH_HOST_KEY_MISMATCH");
    expect(error.message).toContain("(shown at the login)");
    expect(error.cure).not.toContain("No credential was sent");
    const later = (await rejectionOf(connection.exec("true"))) as ProviderError;
    expect(later.code).toBe("SSH_HOST_KEY_MISMATCH");
    await server.close();
  });

  it("but one with the same key goes on", async () => {
    let peer: Connection | undefined;
    const server = await InProcessServer.listen({
      onReady: (_socket, connection) => (peer = connection),
      onExec: (channel) => (channel.exit(0), channel.end()),
    });
    const connection = await server.pool().acquire(server.target());
    await new Promise<void>((resolve) => peer!.rekey(() => resolve()));
    expect((await (await connection.exec("true")).exited).code).toBe(0);
    await server.close();
  });
});
