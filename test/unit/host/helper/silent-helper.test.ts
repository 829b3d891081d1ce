import { HostHelper } from "../../../../provider/host/helper/host-helper";
import { READY_WORD } from "../../../../provider/host/helper/helper-program";
import { PeerStream } from "../../../support/recordings/peer-stream";

/** A helper that has started and grants every lock, and then says nothing more. */
function silentHelper() {
  const ended: Error[] = [];
  const requests: string[] = [];
  const stdio = new PeerStream((chunk) => {
    for (const line of chunk.toString("latin1").split("\n")) {
      const [verb, id, ...names] = line.split(" ");
      if (verb === "lock" || verb === "unlock" || verb === "quit") requests.push(line);
      if (verb === "lock") setImmediate(() => names.forEach((name) => stdio.push(`got ${id} ${name}\n`)));
    }
  });
  stdio.push(`ready ${READY_WORD} 1 /tmp\n`);
  const exited = new Promise<{ code: null }>((resolve) => stdio.once("close", () => resolve({ code: null })));
  const host = {
    label: "root@hv1:22",
    exec: () => Promise.resolve({ stdio, stderrText: "", exited }),
    destroy: (reason: Error) => void ended.push(reason),
  };
  return { helper: new HostHelper(host), ended, requests, stdio };
}

describe("Letting go of locks", () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] }));
  afterEach(() => jest.useRealTimers());

  it("that the host never confirms ends its connection after half a minute", async () => {
    const { helper, ended } = silentHelper();
    const lock = await helper.lock(["group-5"]);
    const released = lock.release();
    await jest.advanceTimersByTimeAsync(29_000);
    expect(ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_000);
    await released;
    expect(ended).toHaveLength(1);
  });
});

describe("Saying goodbye to the helper", () => {
  it("asks it to end, and does not wait for longer than some seconds", async () => {
    const { helper, requests, stdio } = silentHelper();
    await helper.lock(["group-5"]);
    const startedAt = performance.now();
    await helper.close();
    expect(requests.at(-1)).toBe("quit");
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    stdio.destroy();
  });

  it("starts no helper", async () => {
    const { helper, requests } = silentHelper();
    await helper.close();
    expect(requests).toEqual([]);
  });
});

describe("The name of a lock", () => {
  it.each([
    "group-5\nquit",
    "group 5",
    "../../etc/passwd",
    "$(reboot)",
    "group-NaN",
    "",
    "x".repeat(101),
    "group-5\u0000",
    "gruppe-ü",
  ])("that would be a path, command or second line (%j) is never sent", async (name) => {
    const { helper, requests } = silentHelper();
    await expect(helper.lock([name])).rejects.toThrow(RangeError);
    await expect(helper.lock(["group-5", name])).rejects.toThrow(RangeError);
    expect(requests).toEqual([]);
  });
});
