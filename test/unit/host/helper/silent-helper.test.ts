import { HostHelper } from "../../../../provider/host/helper/host-helper";
import { HOST_HELPER } from "../../../../provider/host/helper/helper-program";
import { HelperPeer } from "../../../support/helper-peer";

/** A helper that has started and grants every lock, and then says nothing more. */
function silentHelper() {
  const peer: HelperPeer = new HelperPeer({
    greeting: `ready ${HOST_HELPER.readyWord} 1 /tmp\n`,
    programBytes: HOST_HELPER.text.length,
    ignoresQuit: true,
    onRequest: (verb, id, names) => {
      if (verb !== "lock") return;
      for (const name of names.split(" ")) peer.sayOnStderr(`= got ${id} ${name}\n`);
    },
  });
  return { helper: new HostHelper(peer), peer };
}

describe("Letting go of locks", () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] }));
  afterEach(() => jest.useRealTimers());

  it("that the host never confirms ends its connection after half a minute", async () => {
    const { helper, peer } = silentHelper();
    const lock = await helper.lock(["group-5"]);
    const released = lock.release();
    await jest.advanceTimersByTimeAsync(29_000);
    expect(peer.ended).toEqual([]);
    await jest.advanceTimersByTimeAsync(1_000);
    await released;
    expect(peer.ended).toHaveLength(1);
  });
});

describe("Saying goodbye to the helper", () => {
  it("asks it to end, and does not wait for longer than some seconds", async () => {
    const { helper, peer } = silentHelper();
    await helper.lock(["group-5"]);
    const startedAt = performance.now();
    await helper.close();
    expect(peer.requests.at(-1)).toBe("quit");
    expect(performance.now() - startedAt).toBeGreaterThan(1_000);
    peer.stdio.destroy();
  });

  it("starts no helper", async () => {
    const { helper, peer } = silentHelper();
    await helper.close();
    expect(peer.requests).toEqual([]);
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
    const { helper, peer } = silentHelper();
    await expect(helper.lock([name])).rejects.toThrow(RangeError);
    await expect(helper.lock(["group-5", name])).rejects.toThrow(RangeError);
    expect(peer.requests).toEqual([]);
  });
});
