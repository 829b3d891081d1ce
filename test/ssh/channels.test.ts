import { randomBytes } from "node:crypto";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { SshConnection } from "../../provider/ssh";
import { run } from "./support/run";
import { Bench, waitUntil } from "../support/sshd";

jest.setTimeout(30_000);

describe("channels", () => {
  const bench = new Bench();
  const path = join(bench.workspace.path, "echo.sock");
  let echo: Server;
  let connection: SshConnection;
  let echoClosed = 0;

  beforeAll(async () => {
    echo = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("close", () => (echoClosed += 1));
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => echo.listen(path, resolve));
    const sshd = await bench.startSshd();
    connection = await bench.pool().acquire(sshd.target(bench.login));
  });
  afterAll(async () => {
    await bench.tearDown();
    echo.close();
  });

  const readAll = async (stream: Duplex): Promise<Buffer> => {
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };

  it("carries bytes both ways through a unix socket, beyond the channel's window", async () => {
    const stream = await connection.openUnixSocket(path);
    const sent = randomBytes(5 * 1024 * 1024);
    const received = readAll(stream);
    stream.end(sent);
    expect((await received).equals(sent)).toBe(true);
  });

  it("closes the socket on the host when the stream is destroyed", async () => {
    const before = echoClosed;
    const stream = await connection.openUnixSocket(path);
    stream.destroy();
    const closed = waitUntil("the socket is closed", () => echoClosed > before);
    await expect(closed).resolves.toBeUndefined();
  });

  it("fails for a socket where nobody listens, and stays open for others", async () => {
    const opening = connection.openUnixSocket(join(bench.workspace.path, "nobody.sock"));
    await expect(opening).rejects.toMatchObject({ code: "SSH_CHANNEL_REFUSED" });
    await expect(connection.openUnixSocket(path)).resolves.toBeDefined();
  });

  it("says so where the server forbids it", async () => {
    const sshd = await bench.startSshd({ config: ["AllowStreamLocalForwarding no"] });
    const closed = await bench.pool().acquire(sshd.target(bench.login));
    await expect(closed.openUnixSocket(path)).rejects.toThrow(/unix socket .*: .*forwarding is switched off/);
  });

  it("hands over what a command prints, its stderr and its exit code", async () => {
    expect(await run(connection, "echo out; echo err >&2; exit 7")).toEqual({
      code: 7,
      signal: null,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("feeds a command's stdin and ends it", async () => {
    const process = await connection.exec("tr a-z A-Z");
    const received = readAll(process.stdio);
    process.stdio.end("shout");
    expect((await received).toString()).toBe("SHOUT");
    expect(await process.exited).toEqual({ code: 0, signal: null });
  });

  it("tells the signal that ended a command", async () => {
    expect(await run(connection, "kill -KILL $$")).toMatchObject({ code: null, signal: "SIGKILL" });
  });

  it("keeps no more than 16 KiB of stderr and does not stall the command", async () => {
    const result = await run(connection, "head -c 4000000 /dev/zero >&2; echo done");
    expect(result.stdout).toBe("done\n");
    expect(result.stderr).toHaveLength(16 * 1024);
  });

  it("opens nothing for a signal that is aborted, and gives the reason", async () => {
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(connection.openUnixSocket(path, signal)).rejects.toThrow("too late");
    await expect(connection.exec("true", signal)).rejects.toThrow("too late");
  });

  it("closes a channel that is opened after its caller has left", async () => {
    const before = echoClosed;
    const stop = new AbortController();
    const opening = connection.openUnixSocket(path, stop.signal);
    stop.abort(new Error("left"));
    await expect(opening).rejects.toThrow("left");
    await waitUntil("the channel is closed again", () => echoClosed > before);
  });

  it("fails open streams with the reason when the connection is lost", async () => {
    const sshd = await bench.startSshd();
    const own = await bench.pool().acquire(sshd.target(bench.login));
    const stream = await own.openUnixSocket(path);
    const reading = readAll(stream);
    const deaf = await own.exec("exec sleep 3");
    const writing = new Promise((resolve) => deaf.stdio.write(randomBytes(8 * 1024 * 1024), resolve));
    (await own.exec('kill -KILL "$PPID"')).stdio.resume();
    await expect(reading).rejects.toMatchObject({ code: "SSH_CONNECTION_LOST" });
    expect(await writing).toMatchObject({ code: "SSH_CONNECTION_LOST" });
  });
});
