import { findDomainHalt, runStateBy } from "../../../../provider/hypervisor/libvirt/domain-state";
import type { DomainState } from "../../../../provider/libvirt-rpc";

/** virDomain*Reason of libvirt 12 by number: QEMU's word counts (`-`), or what becomes of an unplug. */
const REASONS: readonly [DomainState, string][] = [
  // unknown booted migrated restored snapshot unpaused canceled canceled wakeup crashed postcopy failed
  ["running", "- - - - - - - - - - refused refused"],
  ["blocked", "-"],
  // unknown user migration save dump ioerror watchdog from-snapshot shutting-down snapshot crashed
  // starting-up postcopy postcopy-failed api-error
  ["paused", "- - refused refused refused waits waits - stays refused stays refused refused refused waits"],
  ["shutdown", "stays stays"],
  ["shutoff", "- - - - - - - - -"],
  ["crashed", "stays stays"],
  ["pmsuspended", "-"],
];

const cases = REASONS.flatMap(([state, line]) =>
  line.split(" ").map((expected, reason) => [state, reason, expected] as const),
);

describe("libvirt's state", () => {
  it.each(cases)("%s for reason %i: %s", (state, reason, expected) => {
    const halt = findDomainHalt({ state, reason });
    expect(halt?.unplug ?? "-").toBe(expected);
    expect(halt?.meaning).not.toBe("is in a state that this release does not know");
  });

  it.each([
    ["running", 12, "running (reason 12)"],
    ["paused", 15, "paused (reason 15)"],
    ["paused", -1, "paused (reason -1)"],
    ["no-state", 0, "no-state (reason 0)"],
    ["state 8", 0, "state 8 (reason 0)"],
  ] as const)("%s for reason %i, which nobody knows, is refused by its name", (state, reason, name) => {
    expect(findDomainHalt({ state, reason })).toMatchObject({
      by: "libvirt",
      state: name,
      unplug: "refused",
    });
  });

  it("is named as virsh does", () => {
    expect(findDomainHalt({ state: "paused", reason: 2 })?.state).toBe("paused (migrating)");
    expect(findDomainHalt({ state: "crashed", reason: 1 })?.state).toBe("crashed (panicked)");
  });

  it("comes before QEMU's where it refuses, and leaves QEMU's where it does not", () => {
    expect(runStateBy({ state: "paused", reason: 3 }, "paused")).toMatchObject({ state: "paused (saving)" });
    expect(runStateBy({ state: "paused", reason: 1 }, "prelaunch")).toBe("prelaunch");
    expect(runStateBy({ state: "running", reason: 1 }, "running")).toBe("running");
  });
});
