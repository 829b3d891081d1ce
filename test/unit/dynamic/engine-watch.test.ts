import net from "node:net";
import { engineGone, findEngineAddress } from "../../../provider/dynamic/engine-watch";

describe("the engine's address", () => {
  const script = "/srv/program/node_modules/@pulumi/pulumi/cmd/dynamic-provider/index.js";
  const found = (...args: string[]) => findEngineAddress(["/usr/bin/node", script, ...args]);

  it.each([
    [["127.0.0.1:40123"], { host: "127.0.0.1", port: 40123 }],
    [["localhost:40123"], { host: "localhost", port: 40123 }],
    [["[::1]:40123"], { host: "::1", port: 40123 }],
    [["--logtostderr", "-v=9", "127.0.0.1:40123"], { host: "127.0.0.1", port: 40123 }],
    [["--tracing", "127.0.0.1:9411", "127.0.0.1:40123"], { host: "127.0.0.1", port: 40123 }],
    [["--tracing", "http://trace:9411/api", "127.0.0.1:40123"], { host: "127.0.0.1", port: 40123 }],
  ])("is found in %j", (args, address) => {
    expect(found(...args)).toEqual(address);
  });

  it.each([
    [[]],
    [["127.0.0.1"]],
    [["127.0.0.1:0"]],
    [["127.0.0.1:65536"]],
    [["::1:40123"]],
    [["unix:/run/x"]],
  ])("is not in %j", (args) => {
    expect(found(...args)).toBeUndefined();
  });

  it.each([
    "/srv/program/node_modules/@pulumi/pulumi/cmd/dynamic-provider",
    "C:\\work\\node_modules\\@pulumi\\pulumi\\cmd\\dynamic-provider\\index.js",
  ])("is looked for in the process of dynamic providers, started as %s", (started) => {
    expect(findEngineAddress(["node", started, "127.0.0.1:40123"])).toBeDefined();
  });

  it.each([
    "/srv/program/node_modules/@pulumi/pulumi/cmd/run/index.js",
    "/srv/program/node_modules/.bin/jest",
    "/srv/program/bench/bench.ts",
    "/srv/program/dynamic-provider/index.js",
  ])("is looked for in no other process, as %s", (started) => {
    expect(findEngineAddress(["node", started, "127.0.0.1:40123"])).toBeUndefined();
  });

  it("is looked for in no process without a script", () => {
    expect(findEngineAddress(["node"])).toBeUndefined();
  });
});

/** Longer than the second between two attempts: who is given up after the second refusal, is by then. */
const LONG_ENOUGH_MS = 1800;

describe("an engine", () => {
  const listen = (port = 0, onConnection?: (socket: net.Socket) => void): Promise<net.Server> =>
    new Promise((resolve) => {
      const server = net.createServer((socket) => {
        socket.on("error", () => undefined).unref();
        onConnection?.(socket);
      });
      server.unref().listen(port, "127.0.0.1", () => resolve(server));
    });
  const portOf = (server: net.Server): number => (server.address() as net.AddressInfo).port;
  const close = (server: net.Server): Promise<void> =>
    new Promise((resolve) => server.close(() => resolve()));
  const stateAfter = (watch: Promise<void>, ms: number): Promise<"gone" | "there"> =>
    Promise.race([
      watch.then(() => "gone" as const),
      new Promise<"there">((resolve) => setTimeout(resolve, ms, "there")),
    ]);

  it("is gone where nobody listens, by whichever name", async () => {
    const server = await listen();
    const port = portOf(server);
    await close(server);
    const watches = ["127.0.0.1", "localhost"].map((host) => engineGone({ host, port }));
    for (const watch of watches) expect(await stateAfter(watch, 5000)).toBe("gone");
  });

  it("is there while it listens, and its watch keeps no process alive", async () => {
    const server = await listen();
    const watch = engineGone({ host: "127.0.0.1", port: portOf(server) });
    await new Promise<void>((resolve) => server.once("connection", () => resolve()));
    expect(process.getActiveResourcesInfo()).not.toContain("TCPSocketWrap");
    expect(await stateAfter(watch, 500)).toBe("there");
  });

  it("is there where it hangs up on every connection at once", async () => {
    let connections = 0;
    const server = await listen(0, (socket) => {
      connections += 1;
      socket.destroy();
    });
    const watch = engineGone({ host: "127.0.0.1", port: portOf(server) });
    expect(await stateAfter(watch, LONG_ENOUGH_MS)).toBe("there");
    // and is not dialled without pause
    expect(connections).toBeGreaterThan(1);
    expect(connections).toBeLessThan(4);
  });

  it("is there where a second look finds it after a refusal", async () => {
    const gone = await listen();
    const port = portOf(gone);
    await close(gone);
    const watch = engineGone({ host: "127.0.0.1", port });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await listen(port);
    expect(await stateAfter(watch, LONG_ENOUGH_MS)).toBe("there");
  });

  it("is not given up because its name does not resolve just now", async () => {
    const watch = engineGone({ host: "engine.invalid", port: 40123 });
    expect(await stateAfter(watch, LONG_ENOUGH_MS)).toBe("there");
  });
});
