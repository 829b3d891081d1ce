import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { ServerChannel } from "ssh2";
import { hasCode, ProviderError } from "../../provider/errors";
import type { SshConnection } from "../../provider/ssh";
import { HOST_HELPER } from "../../provider/host/helper/helper-program";
import { rejectionOf, withinBounds } from "../support/within-bounds";
import { InProcessServer, type ServerManners } from "./support/in-process-server";
import { openHelper } from "../support/open-helper";

const bounds = { seconds: 15, mebibytes: 256 };
const escapes = "\u001b]0;owned\u0007\u001b[2J\u009b31m\r\nerror: forged";
// eslint-disable-next-line no-control-regex -- what must not come through
const obeyed = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

let server: InProcessServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function connect(manners: ServerManners): Promise<SshConnection> {
  server = await InProcessServer.listen(manners);
  return server.pool().acquire(server.target());
}

async function refusalOf(manners: ServerManners, signal?: AbortSignal): Promise<ProviderError> {
  server = await InProcessServer.listen(manners);
  const error = await rejectionOf(server.pool().acquire(server.target(), signal));
  expect(error).toBeInstanceOf(ProviderError);
  expect((error as Error).message).not.toMatch(obeyed);
  expect((error as Error).message.length).toBeLessThan(9_000);
  return error as ProviderError;
}

/**
 * Sends the same again and again, as fast as it is taken, until the far end has had enough or the limit is
 * reached.
 */
function flood(stream: Socket | ServerChannel, piece: string | Buffer, maxBytes = 256 * 2 ** 20): void {
  const chunk = Buffer.alloc(Math.max(32_768, piece.length), piece);
  let sent = 0;
  const more = (): void => {
    while (sent < maxBytes && !stream.destroyed && stream.writable) {
      sent += chunk.length;
      if (!stream.write(chunk)) return;
    }
  };
  stream.on("drain", more);
  more();
}

/** Data without regard to the window, past ssh2's own account of it, as fast as the far end lives with. */
async function overrun(channel: ServerChannel, signal: AbortSignal): Promise<void> {
  const { outgoing, _client: peer } = channel as unknown as {
    readonly outgoing: { readonly id: number };
    readonly _client: { readonly _protocol: { channelData(id: number, data: Buffer): void } };
  };
  const chunk = Buffer.alloc(30_000, "x");
  for (let sent = 0; sent < 256 * 2 ** 20 && !signal.aborted; sent += chunk.length) {
    peer._protocol.channelData(outgoing.id, chunk);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A helper that has started in order; then it answers the requests. */
function helperThat(onLine: (line: string, channel: ServerChannel) => void): ServerManners {
  return {
    onExec: (channel) => {
      channel.write(`\nready ${HOST_HELPER.readyWord} 1 /tmp\n`);
      let rest = "";
      channel.on("data", (bytes: Buffer) => {
        const lines = (rest + bytes.toString("latin1")).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) if (/^(beat|lock|unlock|survey|quit)\b/.test(line)) onLine(line, channel);
      });
    },
  };
}

describe("A server that does not speak SSH", () => {
  it.each<[string, (socket: Socket) => void]>([
    ["sends random bytes", (socket) => socket.end(randomBytes(100_000))],
    ["sends random bytes without end", (socket) => flood(socket, randomBytes(32_768))],
    ["greets without end", (socket) => flood(socket, "Welcome!\r\n")],
    ["sends one line without end", (socket) => flood(socket, "x")],
    ["names a version of escape sequences", (socket) => socket.write(`SSH-9.9-${escapes}\r\n`)],
    [
      "sends noise after its version",
      (socket) => (socket.write("SSH-2.0-x\r\n"), flood(socket, randomBytes(32_768))),
    ],
    [
      "claims a packet of 4 GiB",
      (socket) => socket.write(Buffer.from("SSH-2.0-x\r\n\xff\xff\xff\xff\x00", "latin1")),
    ],
    ["says nothing", () => undefined],
    ["hangs up", (socket) => socket.end()],
  ])("but %s is an error of the catalogue, within the time of a dial", async (_name, speak) => {
    await withinBounds(bounds, async () => {
      const error = await refusalOf({ onSocket: (socket) => (speak(socket), true) });
      expect(hasCode(error, "SSH_DIAL_FAILED", "SSH_HANDSHAKE_FAILED")).toBe(true);
    });
  });
});

describe("A server that turns hostile", () => {
  it("at the login, with escape sequences for methods, is quoted without them", async () => {
    const error = await refusalOf({ onLogin: (context) => context.reject([escapes] as never) });
    expect(error.code).toBe("SSH_AUTH_REFUSED");
    expect(error.message).toContain("owned");
  });

  it("at the login, with a packet of 1.3 GiB, fails the handshake", async () => {
    await withinBounds(bounds, async () => {
      const error = await refusalOf({
        onLogin: (_context, socket) => flood(socket, Buffer.alloc(32_768, 0x55), 2 ** 20),
      });
      expect(error.code).toBe("SSH_HANDSHAKE_FAILED");
    });
  });

  it.each([
    ["for what no password answers", escapes, true],
    ["for the password", "Password: ", false],
  ])("at the login, asking for ever %s, is left with an error", async (_what, prompt, echo) => {
    const told: string[] = [];
    server = await InProcessServer.listen({
      onLogin: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        const ask = (answers: readonly string[]): void => {
          told.push(...answers);
          context.prompt([{ prompt, echo }], ask);
        };
        ask([]);
      },
    });
    await withinBounds(bounds, async () => {
      const error = (await rejectionOf(server!.pool().acquire(server!.target()))) as ProviderError;
      expect(error.code).toBe("SSH_AUTH_REFUSED");
    });
    expect(told).toEqual(echo ? [] : ["correct horse", "correct horse", "correct horse"]);
  });

  it("at the login, accepting each credential in part forever, is left with an error", async () => {
    let logins = 0;
    server = await InProcessServer.listen({
      onLogin: (context) => {
        logins += 1;
        (context as unknown as { reject(left: readonly string[], isPartial: boolean): void }).reject(
          ["password", "keyboard-interactive"],
          true,
        );
      },
    });
    await withinBounds(bounds, async () => {
      const error = (await rejectionOf(server!.pool().acquire(server!.target()))) as ProviderError;
      expect(error.code).toBe("SSH_AUTH_REFUSED");
    });
    expect(logins).toBeLessThan(20);
  });

  // Nonsense for a length makes ssh2 (1.17) reserve it, up to 2 GiB, where its error has not closed the
  // socket.
  it.each([
    ["noise", randomBytes(32_768)],
    ["a packet of 1.3 GiB", Buffer.alloc(32_768, 0x55)],
  ])("after the login, with %s, is a lost connection for everyone who waits", async (_name, piece) => {
    let socket: Socket | undefined;
    const connection = await connect({ onReady: (one) => (socket = one) });
    await withinBounds(bounds, async () => {
      const waiting = rejectionOf(openHelper(connection).readFacts(AbortSignal.timeout(5_000)));
      flood(socket!, piece, 2 ** 20);
      expect(hasCode(await connection.closed, "SSH_CONNECTION_LOST")).toBe(true);
      expect(await waiting).toBeInstanceOf(ProviderError);
    });
  });

  it("by sending more than a channel's window, which nobody reads, is cut off", async () => {
    const sender = new AbortController();
    const connection = await connect({ onExec: (channel) => void overrun(channel, sender.signal) });
    await withinBounds({ ...bounds, mebibytes: 64 }, async () => {
      const { stdio } = await connection.exec("anything");
      const closed = new Promise((resolve) => stdio.once("close", resolve));
      stdio.pause();
      await closed;
      sender.abort();
      expect(stdio.errored?.message).toContain("window");
    });
  });

  it("by refusing a channel with escape sequences is quoted without them", async () => {
    const connection = await connect({});
    const error = (await rejectionOf(connection.openUnixSocket(`/run/${escapes}`))) as ProviderError;
    expect(error.code).toBe("SSH_CHANNEL_REFUSED");
    expect(error.message).not.toMatch(obeyed);
  });
});

describe("A helper that turns hostile", () => {
  const readHostFacts = async (manners: ServerManners): Promise<ProviderError> => {
    const connection = await connect(manners);
    return withinBounds(bounds, async () => {
      const error = await rejectionOf(openHelper(connection).readFacts(AbortSignal.timeout(12_000)));
      expect(error).toBeInstanceOf(ProviderError);
      expect((error as Error).message).not.toMatch(obeyed);
      return error as ProviderError;
    });
  };

  it.each<[string, (id: string, channel: ServerChannel) => void]>([
    ["with records of nothing, without end", (id, channel) => flood(channel, `S ${id} \n`)],
    ["with a record that never ends", (id, channel) => flood(channel, `s ${id} ${"x".repeat(1_000)}\n`)],
    ["with a line that never ends", (_id, channel) => flood(channel, "x")],
    ["with records of no kind", (id, channel) => channel.write(`S ${id} \u001b\ndone ${id}\n`)],
    ["with escape sequences for words", (id, channel) => channel.write(`fail ${id} ${escapes}\n`)],
    [
      "with JSON that is deep",
      (id, channel) => channel.write(`S ${id} ip ${"[".repeat(60_000)}\ndone ${id}\n`),
    ],
    [
      "with an end of its own",
      (_id, channel) => (channel.stderr.write(escapes.repeat(100_000)), channel.exit(7), channel.end()),
    ],
  ])("in a survey, %s, is an error of the catalogue", async (_name, answer) => {
    const error = await readHostFacts(
      helperThat((line, channel) => {
        const [verb, id] = line.split(" ");
        if (verb === "survey") answer(id!, channel);
      }),
    );
    expect(error.code).toBe("SSH_HELPER_FAILED");
  });

  it.each([
    ["prints without end", (channel: ServerChannel) => flood(channel, "Welcome!\n")],
    [
      "prints escape sequences and ends",
      (channel: ServerChannel) => (channel.stderr.write(escapes), channel.exit(1), channel.end()),
    ],
  ])("from the start, and %s, is an error of the catalogue", async (_name, onExec) => {
    const connection = await connect({ onExec });
    const signal = AbortSignal.timeout(1_000);
    await withinBounds(bounds, async () => {
      const error = await rejectionOf(openHelper(connection).lock(["group-5"], signal));
      expect(hasCode(error, "SSH_HELPER_FAILED", "SSH_LOGIN_UNFINISHED")).toBe(true);
      expect((error as Error).message).not.toMatch(obeyed);
    });
  });

  it("in a survey, with JSON of anything, is a survey that lacks something", async () => {
    const connection = await connect(
      helperThat((line, channel) => {
        const [verb, id] = line.split(" ");
        if (verb === "survey") channel.write(`S ${id} ip [{"addr_info":7}]\ndone ${id}\n`);
      }),
    );
    const { interfaces, unread } = await openHelper(connection).readFacts(AbortSignal.timeout(12_000));
    expect(interfaces).toEqual([]);
    expect(unread.map(({ part }) => part)).toEqual(expect.arrayContaining(["connection", "interfaces"]));
  });

  it("that ended in the packet of its start is known by its status", async () => {
    const connection = await connect({ onExec: (channel) => (channel.exit(127), channel.end()) });
    await withinBounds(bounds, async () => {
      const error = await rejectionOf(openHelper(connection).lock(["group-5"], AbortSignal.timeout(5_000)));
      expect(hasCode(error, "SSH_HELPER_TOOL_MISSING")).toBe(true);
    });
  });

  it("by calling for requests that it never reads is ended early", async () => {
    const connection = await connect({
      onExec: (channel) => {
        channel.write(`\nready ${HOST_HELPER.readyWord} 1 /tmp\n`);
        channel.pause();
        flood(channel, "stale 1 x\n");
      },
    });
    const names = Array.from({ length: 20 }, (_, n) => `${n}`.padEnd(100, "x"));
    await withinBounds(bounds, async () => {
      const error = await rejectionOf(openHelper(connection).lock(names, AbortSignal.timeout(12_000)));
      expect(hasCode(error, "SSH_HELPER_FAILED")).toBe(true);
    });
  });

  it("by never ending holds up nobody who closes the connection", async () => {
    const connection = await connect(
      helperThat((line, channel) => {
        const [verb, id, name] = line.split(" ");
        if (verb === "lock") channel.write(`got ${id} ${name}\n`);
      }),
    );
    await openHelper(connection).lock(["group-5"]);
    await withinBounds({ ...bounds, seconds: 8 }, () => server!.pool().close());
    await withinBounds({ ...bounds, seconds: 8 }, async () => {
      const { close } = connection as SshConnection & { close(): Promise<void> };
      await close.call(connection);
      expect(connection.isOpen).toBe(false);
    });
  });
});
