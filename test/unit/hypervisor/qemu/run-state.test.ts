import { runStateOf } from "../../../../provider/hypervisor/qemu/run-state";
import { isHalted } from "../../../../provider/plan";

/** RunState of qapi/run-state.json: of 5.2; 6.0 to 11.0 have the same without `preconfig`. */
const STATES: Readonly<Record<string, string>> = {
  debug: "paused",
  inmigrate: "halted, refused",
  "internal-error": "halted, stays",
  "io-error": "halted, waits",
  paused: "paused",
  postmigrate: "halted, stays",
  prelaunch: "prelaunch",
  "finish-migrate": "halted, refused",
  "restore-vm": "halted, refused",
  running: "running",
  "save-vm": "halted, refused",
  shutdown: "halted, stays",
  suspended: "paused",
  watchdog: "halted, waits",
  "guest-panicked": "halted, stays",
  colo: "halted, refused",
  preconfig: "halted, refused",
};

describe("QEMU's state", () => {
  it.each(Object.entries(STATES))("%s is taken for %s", (name, expected) => {
    const runState = runStateOf(name);
    if (!isHalted(runState)) return expect(runState).toBe(expected);
    expect(`halted, ${runState.unplug}`).toBe(expected);
    expect(runState).toMatchObject({ by: "QEMU", state: name });
    expect(runState.meaning).not.toContain("does not know");
  });

  it.each(["stopped", "RUNNING", "", "constructor", "__proto__", "toString"])(
    "%j, which nobody knows, is refused by its name",
    (name) => {
      expect(runStateOf(name)).toMatchObject({
        by: "QEMU",
        state: name,
        unplug: "refused",
        meaning: "is in a state that this release does not know",
      });
    },
  );
});
