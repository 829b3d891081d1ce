import net from "node:net";
import { useClock, type Clock, type TimerOptions } from "../../../provider/async/clock";
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

/** A clock that stands: a watch pauses until the test lets its time go by. */
class StandingClock implements Clock {
  readonly pauses: { readonly ms: number; readonly isBackground: boolean | undefined }[] = [];
  #end: (() => void) | undefined;
  #onPause: (() => void) | undefined;

  now(): number {
    return 0;
  }

  onNextTurn(callback: () => void): void {
    setImmediate(callback);
  }

  setTimer(callback: () => void, ms: number, { isBackground }: TimerOptions): { cancel(): void } {
    this.pauses.push({ ms, isBackground });
    this.#end = callback;
    this.#onPause?.();
    return { cancel: () => (this.#end = undefined) };
  }

  /** Resolves when an attempt to connect has ended and the watch pauses. */
  async paused(): Promise<void> {
    if (this.#end === undefined) await new Promise<void>((resolve) => (this.#onPause = resolve));
  }

  /** Lets the time of a pause go by. */
  async endPause(): Promise<void> {
    await this.paused();
    const end = this.#end;
    this.#end = undefined;
    end?.();
  }
}

describe("an engine", () => {
  let clock: StandingClock;
  let putBack: () => void;
  beforeEach(() => {
    clock = new StandingClock();
    putBack = useClock(clock);
  });
  afterEach(() => putBack());

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
  const connectionTo = (server: net.Server): Promise<void> =>
    new Promise((resolve) => server.once("connection", () => resolve()));
  const stateAfter = (watch: Promise<void>, ms: number): Promise<"gone" | "there"> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms, "there");
      void watch.then(() => {
        clearTimeout(timer);
        resolve("gone");
      });
    });
  const A_SECOND = { ms: 1000, isBackground: true };

  it.each(["127.0.0.1", "localhost"])("is gone where nobody listens, by the name %s", async (host) => {
    const server = await listen();
    const port = portOf(server);
    await close(server);
    const watch = engineGone({ host, port });
    await clock.endPause();
    expect(await stateAfter(watch, 5000)).toBe("gone");
    expect(clock.pauses).toEqual([A_SECOND]);
  });

  it("is there while it listens, and its watch keeps no process alive", async () => {
    const server = await listen();
    const watch = engineGone({ host: "127.0.0.1", port: portOf(server) });
    await connectionTo(server);
    expect(process.getActiveResourcesInfo()).not.toContain("TCPSocketWrap");
    expect(await stateAfter(watch, 500)).toBe("there");
    expect(clock.pauses).toEqual([]);
  });

  it("is there where it hangs up on every connection at once", async () => {
    let connections = 0;
    const server = await listen(0, (socket) => {
      connections += 1;
      socket.destroy();
    });
    const watch = engineGone({ host: "127.0.0.1", port: portOf(server) });
    for (let attempts = 1; attempts < 4; attempts++) await clock.endPause();
    await clock.paused();
    expect(await stateAfter(watch, 0)).toBe("there");
    // and is not dialled without pause
    expect(connections).toBe(4);
    expect(clock.pauses).toEqual(Array(4).fill(A_SECOND));
  });

  it("is there where a second look finds it after a refusal", async () => {
    const gone = await listen();
    const port = portOf(gone);
    await close(gone);
    const watch = engineGone({ host: "127.0.0.1", port });
    await clock.paused();
    const found = connectionTo(await listen(port));
    await clock.endPause();
    await found;
    expect(await stateAfter(watch, 100)).toBe("there");
    expect(clock.pauses).toEqual([A_SECOND]);
  });

  it("is not given up because its name does not resolve just now", async () => {
    const watch = engineGone({ host: "engine.invalid", port: 40123 });
    for (let attempts = 1; attempts <= 3; attempts++) await clock.endPause();
    await clock.paused();
    expect(await stateAfter(watch, 0)).toBe("there");
    expect(clock.pauses).toEqual(Array(4).fill(A_SECOND));
  });
});
