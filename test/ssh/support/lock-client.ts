/**
 * A client in a process of its own, so that it can be killed and stopped: takes locks, then obeys lines on
 * stdin. Arguments: the target as JSON, the names of the locks, optionally a unix socket to open.
 */
import "../../../tools/tsx/shell-text.cjs";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { SshPool, type SshTarget } from "../../../provider/ssh";
import type { HeldLocks } from "../../../provider/host/helper";
import { openHelper } from "../../support/open-helper";

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

async function main(): Promise<void> {
  const [, , targetJson = "", names = "", socketPath = ""] = process.argv;
  const pool = new SshPool();
  const connection = await pool.acquire(JSON.parse(targetJson) as SshTarget);
  void connection.closed.then((reason) => say(`closed ${reason.message}`));
  let stream: Duplex | undefined;
  if (socketPath !== "") stream = await connection.openUnixSocket(socketPath);
  stream?.on("error", (error) => say(`stream failed ${error.message}`));
  let lock: HeldLocks | undefined;
  const take = async (): Promise<void> => {
    say("asking");
    lock = await openHelper(connection).lock(names.split(","));
    void lock.lost.then((reason) => say(`lost ${reason.message}`));
    say("locked");
  };
  await take();
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "release") {
      await lock?.release();
      say("released");
    } else if (line.startsWith("write ")) {
      stream?.write(line.slice("write ".length));
      say("written");
    } else if (line === "quit") {
      await pool.close();
      process.exit(0);
    }
  }
}

main().catch((error: unknown) => {
  say(`failed ${String(error)}`);
  process.exit(1);
});
