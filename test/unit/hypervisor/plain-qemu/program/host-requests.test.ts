import { HOST_PROGRAM_WORD } from "../../../../../provider/hypervisor/plain-qemu/program/host-program";
import { HostRequests } from "../../../../../provider/hypervisor/plain-qemu/program/host-requests";
import { OperationRequests } from "../../../../../provider/hypervisor/plain-qemu/program/operation-requests";
import { QmpError } from "../../../../../provider/qmp";
import { letTimePass } from "../../../../support/fake-time";
import { HelperPeer, type HelperPeerOptions } from "../../../../support/helper-peer";

const GREETING = `\nready ${HOST_PROGRAM_WORD} 1 /run/lock 2 2\n`;
const { signal } = new AbortController();
const parts = { locks: ["guest-x", "group-5"], owner: "me", args: "go 0000:01:00.0 0000:01:00.1" };
const clock = { pause: () => undefined, resume: () => undefined };

/** The host program as an account with sudo has it, and what it is asked. */
function scene(onRequest: (peer: HelperPeer, ...request: [string, string, string]) => void) {
  const options: HelperPeerOptions = {
    greeting: GREETING,
    onRequest: (verb, id, rest) => {
      if (verb === "speak") peer.sayOnStderr(`= done ${id}\n`);
      else if (verb === "lock") for (const name of rest.split(" ")) peer.sayOnStderr(`= got ${id} ${name}\n`);
      else if (verb === "unlock") peer.sayOnStderr(`= freed ${id}\n`);
      else onRequest(peer, verb, id, rest);
    },
  };
  const peer: HelperPeer = new HelperPeer(options);
  return { peer, requests: new HostRequests(peer, "sudo") };
}

describe("A change", () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ["setImmediate", "nextTick", "queueMicrotask"] }));
  afterEach(() => jest.useRealTimers());

  /** Of a driver that does not let go; `details` are what is told of the functions, if anything is. */
  const stuckScene = (details?: readonly string[]) =>
    scene((host, verb, id) => {
      if (verb === "bind")
        host.say(`at ${id} unbind 0000:01:00.0 e1000e\nat ${id} unbind 0000:01:00.1 tg3\n`);
      else if (details !== undefined)
        host.say(`${details.map((one) => `S ${id} ${one}\n`).join("")}done ${id}\n`);
    });

  it("that does not return is left ten seconds after its operation", async () => {
    const { requests, peer } = stuckScene([]);
    const over = new AbortController();
    let failure: unknown;
    const changing = requests.change("bind", parts, over.signal).catch((cause: unknown) => (failure = cause));
    await jest.advanceTimersByTimeAsync(60_000);
    over.abort(new Error("the time is over"));
    await jest.advanceTimersByTimeAsync(9_000);
    expect(failure).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1_000);
    await changing;
    expect(failure).toMatchObject({ code: "HOST_CHANGE_STUCK" });
    expect((failure as Error).message).toMatch(
      /a change of 0000:01:00\.0, 0000:01:00\.1 on root@hv1:22 .* after 70 s; begun was: unbind 0000:01:00\.1 tg3\./,
    );
    expect(peer.requests.slice(-2)).toEqual([
      "bind 2 guest-x,group-5 me go 0000:01:00.0 0000:01:00.1",
      "details 3 0000:01:00.0 0000:01:00.1",
    ]);
    peer.stdio.destroy();
  });

  it.each([
    [
      "names the driver and who has the function open",
      [
        "fn 0000:01:00.1 0x040300 snd_hda_intel snd_hda_intel 1 D0 yes 5 dmar0 pci0000:00 1 pm",
        "card card1 snd_hda_intel /sys/devices/pci0000:00/0000:01:00.1/sound/card1",
        "node snd/controlC1 /sys/devices/pci0000:00/0000:01:00.1/sound/card1/controlC1",
        ...["open 812 snd/controlC1", "proc 812 pipewire", "seen all"],
      ],
      /0000:01:00\.1 \(snd_hda_intel\) on .*; it is open on the host by process 812 \(pipewire\)/,
    ],
    [
      "ends where that is not told either",
      undefined,
      /a change of 0000:01:00\.0, 0000:01:00\.1 on root@hv1:22/,
    ],
  ])("that does not return %s", async (_what, details, words) => {
    const { requests, peer } = stuckScene(details);
    const over = new AbortController();
    setTimeout(() => over.abort(new Error("the time is over")), 1000);
    const { error, tookMs } = await letTimePass(requests.change("bind", parts, over.signal));
    expect(String(error)).toMatch(words);
    expect(tookMs).toBeLessThan(15_000);
    peer.stdio.destroy();
  });

  it("that returns after its operation's end is done", async () => {
    const { requests, peer } = scene(() => undefined);
    const over = new AbortController();
    const changing = requests.change("bind", parts, over.signal);
    await jest.advanceTimersByTimeAsync(1_000);
    over.abort(new Error("the time is over"));
    await jest.advanceTimersByTimeAsync(5_000);
    peer.say("done 2\n");
    expect(await changing).toEqual([]);
    expect(jest.getTimerCount()).toBe(1); // the heartbeat
    peer.stdio.destroy();
  });

  it("of a function whose earlier change has not returned is not waited for", async () => {
    const { requests, peer } = scene((host, _verb, id) =>
      host.sayOnStderr(`= fail ${id} stuck 0000:01:00.1 is still under way from an earlier request\n`),
    );
    await expect(requests.change("release", parts, signal)).rejects.toMatchObject({
      code: "HOST_CHANGE_STUCK",
      what: expect.stringContaining("a change of 0000:01:00.1 on") as unknown,
    });
    peer.stdio.destroy();
  });

  it("is asked for under locks alone, and not after its signal", async () => {
    const { requests, peer } = scene(() => undefined);
    await expect(requests.change("bind", { ...parts, locks: [] }, signal)).rejects.toThrow(RangeError);
    const left = AbortSignal.abort(new Error("left"));
    await expect(requests.change("bind", parts, left)).rejects.toThrow("left");
    expect(peer.requests).toEqual([]);
  });
});

test("eight looks are under way at a time, and a ninth waits", async () => {
  const asked: string[] = [];
  const { requests, peer } = scene((_host, _verb, id) => asked.push(id));
  const looks = Array.from({ length: 9 }, () => requests.look("functions 0000:01:00.0", signal));
  while (asked.length < 8) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked).toHaveLength(8);
  for (let n = 0; n < 9; n++) {
    while (asked[n] === undefined) await new Promise((resolve) => setImmediate(resolve));
    peer.say(`done ${asked[n]}\n`);
  }
  expect(await Promise.all(looks)).toHaveLength(9);
  await requests.helper.close();
});

describe("An operation", () => {
  const operationOf = (requests: HostRequests, owner?: string) => {
    const operation = new OperationRequests({ requests, socket: "/run/vm.qmp", owner });
    const lock = operation.lockOf({ acquire: (names) => requests.helper.lock(names) });
    return { operation, lock };
  };

  it("changes under the locks that it holds then, and for its owner", async () => {
    const { requests, peer } = scene((host, _verb, id) => host.say(`done ${id}\n`));
    const { operation, lock } = operationOf(requests, "org/proj/dev/größe 1");
    const first = await lock.acquire(["guest-x", "group-5"], signal, clock);
    await operation.change("bind go 0000:01:00.0", signal);
    await first.release();
    await expect(operation.change("bind go 0000:01:00.0", signal)).rejects.toThrow(RangeError);
    await lock.acquire(["guest-x", "group-6"], signal, clock);
    await operation.change('write 33333333-3333-4333-8333-333333333333 {"a  b":"ü"}', signal);
    await operation.change("release 0000:01:00.0=e1000e=e1000e", signal);
    expect(peer.requests.filter((one) => /^(bind|write|release)/.test(one))).toEqual([
      "bind 3 guest-x,group-5 org%2Fproj%2Fdev%2Fgr%C3%B6%C3%9Fe%201 go 0000:01:00.0",
      Buffer.from('write 6 guest-x,group-6 33333333-3333-4333-8333-333333333333 {"a  b":"ü"}').toString(
        "latin1",
      ),
      "release 7 guest-x,group-6 org%2Fproj%2Fdev%2Fgr%C3%B6%C3%9Fe%201 0000:01:00.0=e1000e=e1000e",
    ]);
    await requests.helper.close();
  });

  it("without an owner, or with a long one, is noted by one word", async () => {
    const { requests, peer } = scene((host, _verb, id) => host.say(`done ${id}\n`));
    for (const owner of [undefined, "x".repeat(300)]) {
      const { operation, lock } = operationOf(requests, owner);
      await lock.acquire([`group-${owner?.length ?? 0}`], signal, clock);
      await operation.change("release 0000:01:00.0=?", signal);
    }
    const owners = peer.requests.filter((one) => one.startsWith("release")).map((one) => one.split(" ")[3]);
    expect(owners).toEqual(["-", "x".repeat(200)]);
    await requests.helper.close();
  });

  it("that the list does not allow tells the lines that it needs", async () => {
    const { requests } = scene((host, _verb, id) =>
      host.sayOnStderr(
        `= fail ${id} rules /etc/multifunction-pci-host.conf has no line "socket /run/vm.qmp"\n`,
      ),
    );
    const { operation } = operationOf(requests);
    const looking = operation.look("look short /run/vm.qmp 0000:01:00 0000:02:00.1", signal);
    await expect(looking).rejects.toMatchObject({ code: "HOST_RULES_MISSING" });
    await expect(looking).rejects.toThrow(
      /has no line "socket \/run\/vm\.qmp"\. .*'socket \/run\/vm\.qmp' 'device 0000:01:00' 'device 0000:02:00\.1' 'change root' >> /,
    );
    const refused = new QmpError("HostRules", "device_add of 0000:03:00.0 is not allowed to vm");
    const monitor = operation.monitorOf({
      execute: () => Promise.reject(refused),
      listen: () => Promise.reject(new QmpError("GenericError", "no")),
    });
    await expect(monitor.execute("device_add")).rejects.toMatchObject({ code: "HOST_RULES_MISSING" });
    await expect(monitor.listen({ onEvent: () => undefined, onEnd: () => undefined })).rejects.toThrow(
      QmpError,
    );
    await requests.helper.close();
  });
});
