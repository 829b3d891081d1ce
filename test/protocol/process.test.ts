import fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { DynamicProvider } from "../support/dynamic-provider";
import { attachedState, validInputs } from "../support/dynamic-provider/inputs";
import { SshStranger } from "./support/ssh-stranger";

/** Processor time of a process so far, in seconds (proc(5): utime and stime, in ticks of 10 ms). */
function processorSeconds(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test("cancel is answered while an operation is under way", async () => {
  await using provider = await DynamicProvider.start();
  await provider.configure({});
  const connection = { ...validInputs.connection, dialErrorLimit: 2 };
  const creation = provider.create({ ...validInputs, connection }).catch((error: unknown) => error);
  await provider.cancel();
  expect(await creation).toBeInstanceOf(Error);
});

test("operations go on quietly when nobody reads what the process prints", async () => {
  await using stranger = await SshStranger.listen();
  await using provider = await DynamicProvider.start();
  const connection = { ...validInputs.connection, port: stranger.port };
  const state = { ...attachedState, connection };
  await provider.configure({});
  await provider.check({}, validInputs);
  provider.breakOutput();

  // diff prints; more than once, since the first line to a broken pipe may still be taken.
  for (let round = 0; round < 3; round += 1)
    expect(await provider.diff("id", state, { ...state, functions: [0] })).toMatchObject({ changes: "some" });

  const before = processorSeconds(provider.pid);
  await sleep(1000);
  expect(processorSeconds(provider.pid) - before).toBeLessThan(0.5);
});

test("a process that has done nothing ends at the engine's interrupt", async () => {
  await using provider = await DynamicProvider.start();
  await provider.configure({});
  await provider.check({}, validInputs);
  process.kill(provider.pid, "SIGINT");
  await expect(provider.ended).resolves.toBeDefined();
});
