import { spawn, type ChildProcess } from "node:child_process";
import dns from "node:dns";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { attemptMsFor } from "../../provider/ssh/transport/addresses";
import { Bench } from "../support/sshd";

jest.setTimeout(30_000);

/** Listens and accepts nothing, with room for one: what comes later is dropped, as by a dead host. */
const DEAF = `
  const server = require("node:net").createServer();
  server.listen({ port: Number(process.argv[1]), host: "127.0.0.2", backlog: 1 }, () => {
    require("node:fs").writeSync(1, "listening");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  });
`;

describe("a name with several addresses", () => {
  const bench = new Bench();
  let deaf: ChildProcess | undefined;
  const sockets: Socket[] = [];
  afterAll(async () => {
    jest.restoreAllMocks();
    for (const socket of sockets) socket.destroy();
    deaf?.kill("SIGKILL");
    await bench.tearDown();
  });

  it("is reached by the second within 2 s where the first is dead", async () => {
    const sshd = await bench.startSshd();
    deaf = spawn(process.execPath, ["-e", DEAF, String(sshd.port)]);
    await once(deaf.stdout!, "data");
    for (let n = 0; n < 4; n += 1) {
      const socket = connect(sshd.port, "127.0.0.2");
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    const addresses = [
      { address: "127.0.0.2", family: 4 },
      { address: "127.0.0.1", family: 4 },
    ];
    jest
      .spyOn(dns, "lookup")
      .mockImplementation(((_host: string, _options: unknown, done: Callback) =>
        done(null, addresses)) as unknown as typeof dns.lookup);
    const target = sshd.target({ ...bench.login, host: "hv1.example", perDialTimeoutSeconds: 2 });
    expect((await bench.pool().acquire(target)).isOpen).toBe(true);
  });

  it.each([
    [2_000, 2, 666],
    [2_000, 8, 222],
    [15_000, 2, 2_500],
    [Infinity, 3, 2_500],
    [1, 5, 10],
  ])("has, of %d ms and among %d, %d ms for each", (dialMs, count, expected) => {
    expect(attemptMsFor(dialMs, count)).toBe(expected);
  });
});

type Callback = (error: null, found: readonly { address: string; family: number }[]) => void;
