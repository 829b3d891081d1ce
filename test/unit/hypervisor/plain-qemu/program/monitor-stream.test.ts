import { openMonitorStream } from "../../../../../provider/hypervisor/plain-qemu/program/monitor-stream";
import type { BegunRequest } from "../../../../../provider/host/helper";
import { QmpConnection } from "../../../../../provider/qmp";

const { signal } = new AbortController();
const GREETING = '{"QMP": {"version": {}, "capabilities": []}}';

/** The host program's part of a monitor. */
function program() {
  const sent: string[] = [];
  let answer: (verb: string, text: string) => void = () => undefined;
  let end!: { resolve: (value: undefined) => void; reject: (cause: Error) => void };
  const done = new Promise<undefined>((resolve, reject) => (end = { resolve, reject }));
  const begin = (request: string, onAnswer: typeof answer): Promise<BegunRequest> => {
    sent.push(request);
    answer = onAnswer;
    return Promise.resolve({
      done,
      more: (verb, text) => sent.push(text === undefined ? verb : `${verb} ${text}`),
    });
  };
  return {
    sent,
    helper: { begin },
    say: (verb: string, text = "") => answer(verb, text),
    end: () => end.resolve(undefined),
    fail: (cause: Error) => end.reject(cause),
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A stream that is open. */
async function opened() {
  const host = program();
  const opening = openMonitorStream(host.helper, "/run/vm.qmp", signal);
  host.say("at", "open");
  const stream = await opening;
  const read: string[] = [];
  stream.on("data", (chunk: Buffer) => read.push(chunk.toString()));
  return { ...host, stream, read };
}

const command = (id: number, bytes = 40): string =>
  `{"execute":"${"x".repeat(bytes - 25 - String(id).length)}","id":"${id}"}`;

describe("A monitor by way of the host program", () => {
  it("is open when the program says so, and speaks QMP then", async () => {
    const { stream, say, sent } = await opened();
    const connecting = QmpConnection.open(stream, signal);
    say("s", GREETING.slice(0, 20));
    say("S", GREETING.slice(20));
    await settled();
    say("S", '{"return": {}, "id": "1"}');
    const connection = await connecting;
    const asking = connection.execute("query-status");
    await settled();
    say("S", '{"event": "RESUME", "data": {}}');
    say("S", '{"id": "2", "return": {"running": true}}');
    expect(await asking).toEqual({ running: true });
    connection.close();
    expect(sent).toEqual([
      "monitor /run/vm.qmp",
      'ask {"execute":"qmp_capabilities","id":"1"}',
      'ask {"execute":"query-status","id":"2"}',
      "leave",
    ]);
  });

  it("has at most 32 kB unanswered, whichever answer comes first", async () => {
    const { stream, say, sent } = await opened();
    const lines = Array.from({ length: 5 }, (_, n) => command(n + 1, 10_000));
    stream.write(lines.map((line) => `${line}\n`).join(""));
    await settled();
    const ids = (): number[] => sent.slice(1).map((one) => Number(/"id":"(\d+)"/.exec(one)?.[1]));
    expect(ids()).toEqual([1, 2, 3]);
    say("S", '{"event": "X", "data": {"id": "77"}}');
    expect(ids()).toEqual([1, 2, 3]);
    say("s", '{"return": "of a long message');
    say("at", '{"id":"3","error":{"class":"HostRules","desc":"no"}}');
    expect(ids()).toEqual([1, 2, 3, 4]);
    say("S", `${"y".repeat(100_000)}", "id": "1"}`);
    expect(ids()).toEqual([1, 2, 3, 4, 5]);
  });

  it("sends a command that is longer than that alone", async () => {
    const { stream, say, sent } = await opened();
    stream.write(`${command(1)}\n${command(2, 40_000)}\n${command(3)}\n`);
    await settled();
    expect(sent).toHaveLength(2);
    say("S", '{"return": {}, "id": "1"}');
    expect(sent).toHaveLength(3);
    say("S", '{"return": {}, "id": "2"}');
    expect(sent).toHaveLength(4);
  });

  it("puts a command together that is written in pieces", async () => {
    const { stream, sent } = await opened();
    stream.write(command(1).slice(0, 10));
    stream.write(`${command(1).slice(10)}\n`);
    await settled();
    expect(sent.slice(1)).toEqual([`ask ${command(1)}`]);
  });

  it("ends with QEMU, and fails with the program", async () => {
    const byQemu = await opened();
    const ended = new Promise((resolve) => byQemu.stream.once("end", () => resolve("end")));
    byQemu.end();
    expect(await ended).toBe("end");
    const failing = await opened();
    const failed = new Promise<Error>((resolve) => failing.stream.once("error", resolve));
    failing.fail(new Error("the connection is gone"));
    expect((await failed).message).toBe("the connection is gone");
  });

  it("that is refused, or not opened in time, is left", async () => {
    const refused = program();
    const opening = openMonitorStream(refused.helper, "/run/vm.qmp", signal);
    refused.fail(new Error("nobody listens"));
    await expect(opening).rejects.toThrow("nobody listens");
    const silent = program();
    await expect(
      openMonitorStream(silent.helper, "/run/vm.qmp", AbortSignal.timeout(10)),
    ).rejects.toMatchObject({ name: "TimeoutError" });
    expect(silent.sent).toEqual(["monitor /run/vm.qmp", "leave"]);
  });

  it("of a QEMU that says a message without end is ended", async () => {
    const { say } = await opened();
    expect(() => {
      for (let n = 0; n < 5_000; n++) say("s", "x".repeat(1_000));
    }).toThrow("too long");
  });
});
