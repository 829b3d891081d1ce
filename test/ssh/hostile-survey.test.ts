import { monitorEventLoopDelay } from "node:perf_hooks";
import type { ServerChannel } from "ssh2";
import { findHostUses } from "../../provider/host/uses";
import { HOST_HELPER } from "../../provider/host/helper/helper-program";
import { InProcessServer } from "./support/in-process-server";
import { lockFiles, own } from "./support/lock-files";
import { openHelper } from "../support/open-helper";
import { Bench } from "../support/sshd";

jest.setTimeout(60_000);

const some = (count: number, make: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => make(n));
const path = (n: number): string => `/sys/devices/pci0000:00/${n.toString(16).padStart(4, "0")}:00:00.0/x`;
const names = some(3_900, (n) => `i${n}`);
/** About all that the limits let through: chains of interfaces and disks, each with a use. */
const records = [
  "ssh 10.0.0.1 1 10.0.0.2 22",
  `ip ${JSON.stringify(names.map((ifname) => ({ ifname, addr_info: [{ local: "10.0.0.2" }] })))}`,
  `ip ${JSON.stringify(names.map((dev) => ({ dst: "default", dev })))}`,
  ...names.map((name, n) => `net ${name} i${n + 1} ${path(n)}`),
  ...some(3_100, (n) => `blk d${n} 8:${n} 0 d${n + 1} ${path(n)}`),
  ...some(2_900, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
];

function answerFacts(channel: ServerChannel): void {
  channel.write(`ready ${HOST_HELPER.readyWord} 1 /tmp\n`);
  channel.on("data", (bytes: Buffer) => {
    for (const [, id] of bytes.toString("latin1").matchAll(/^survey (\d+)$/gm)) {
      const lines = records.flatMap((record) => {
        const pieces = record.match(/.{1,1000}/gs) ?? [];
        return pieces.map((piece, n) => `${n + 1 < pieces.length ? "s" : "S"} ${id} ${piece}\n`);
      });
      channel.write(`${lines.join("")}done ${id}\n`);
    }
  });
}

describe("A host whose surveys are made to cost", () => {
  const bench = new Bench();
  let hostile: InProcessServer;
  beforeAll(async () => {
    hostile = await InProcessServer.listen({ onExec: (channel) => answerFacts(channel) });
  });
  afterAll(async () => {
    await hostile.close();
    await bench.tearDown();
  });

  it("ends nothing on another host, whose locks are held all the while", async () => {
    const sshd = await bench.startSshd();
    const honest = await bench.pool().acquire(sshd.target(bench.login));
    const lock = await openHelper(honest).lock([own("a")]);
    let lost: Error | undefined;
    void lock.lost.then((reason) => (lost = reason));
    const connection = await hostile.pool().acquire(hostile.target({ perDialTimeoutSeconds: 10 }));
    const delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
    const until = Date.now() + 12_000;
    while (Date.now() < until) {
      const uses = findHostUses(await openHelper(connection).readFacts());
      expect(uses.length).toBeGreaterThan(1_000);
    }
    delay.disable();
    // the other side gives up after ten seconds
    expect(delay.max / 1e9).toBeLessThan(3);
    expect(lost).toBeUndefined();
    expect(honest.isOpen).toBe(true);
    expect(lockFiles()).toHaveLength(1);
    await lock.release();
    expect(lockFiles()).toEqual([]);
  });
});
