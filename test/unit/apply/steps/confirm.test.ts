import { causeText, hasCode } from "../../../../provider/errors";
import { attach, type GuestEvent, type GuestState } from "../../../../provider/apply";
import { confirmPlug } from "../../../../provider/apply/steps/confirm";
import { Deadline } from "../../../../provider/async/deadline";
import { PlugWatch } from "../../../../provider/apply/steps/plug-watch";
import type { GuestRunState, Step } from "../../../../provider/plan";
import { letTimePass, type Outcome } from "../../../support/fake-time";
import { attachRequest } from "../../../support/requests";
import { ScriptedGuest, type ScriptLine } from "../../../support/scripted-guest";
import { reach, wants, at } from "../../../support/desired";
import { expressBus, hostDevice, World } from "../../../support/world";
import { WorldHypervisor } from "../../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const [f0, f1] = ["mfpci-0123456789ab-f0", "mfpci-0123456789ab-f1"];
const step: Extract<Step, { kind: "confirm" }> = {
  kind: "confirm",
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
  functions: [
    { qemuId: f1, hostAddress: at("0000:01:00.1"), guestFunction: 1 },
    { qemuId: f0, hostAddress: at("0000:01:00.0"), guestFunction: 0 },
  ],
  isWatched: true,
  watchMs: 0,
};
const listen: ScriptLine = { expect: "listen" };
const stop: ScriptLine = { expect: "stop listening" };
const both: ScriptLine = { expect: "qom-list", reply: [f0, f1] };
const registers = (reply: GuestState, id = f0): ScriptLine => ({ expect: `registers ${id}`, reply });
const status = (reply: GuestRunState = "running"): ScriptLine => ({ expect: "query-status", reply });
const unmapped = [registers("present"), status()];
const heard = (afterMs: number, event: GuestEvent): Pick<ScriptLine, "after"> => ({
  after: [{ afterMs, event }],
});

/** Confirms against a script, which must be followed to its end. */
async function run(
  script: readonly ScriptLine[],
  options: { readonly unplugMs?: number; readonly limitSeconds?: number; readonly step?: typeof step } = {},
): Promise<Outcome<void> & { readonly said: string[] }> {
  const guest = new ScriptedGuest(...script);
  const said: string[] = [];
  const deadline = Deadline.start("attach", options.limitSeconds ?? 120);
  const watch = new PlugWatch(guest);
  await watch.begin(deadline.signal);
  const progress = (line: string): void => void said.push(line);
  const { unplugMs = 0 } = options;
  const counts = { unplugMs, resetsAtPlug: 0, ranJustNow: unplugMs > 0 };
  const parts = { guest, deadline, progress, watch, ...counts };
  const outcome = await letTimePass(confirmPlug(options.step ?? step, parts).finally(() => watch.end()));
  guest.finish();
  return { ...outcome, said };
}

/** Answers every question, for waits that are long; counts what the guest was asked. */
class AnsweringGuest extends ScriptedGuest {
  readonly asked: { readonly at: number; readonly id: string }[] = [];
  state: (id: string) => GuestState = () => "present";
  runs: () => GuestRunState = () => "running";

  override async guestStates(ids: readonly string[]): Promise<readonly GuestState[]> {
    for (const id of ids) this.asked.push({ at: Date.now(), id });
    return ids.map(this.state);
  }
  override async runState(): Promise<GuestRunState> {
    return this.runs();
  }
  override async deviceIds(): Promise<ReadonlySet<string>> {
    return new Set([f0, f1]);
  }
}

async function answer(
  guest: AnsweringGuest,
  options: { readonly unplugMs?: number; readonly wasPaused?: boolean; readonly limitSeconds?: number } = {},
): Promise<Outcome<void> & { readonly said: string[] }> {
  const deadline = Deadline.start("attach", options.limitSeconds ?? 300);
  const watch = new PlugWatch(guest);
  await watch.begin(deadline.signal);
  if (options.wasPaused) guest.say({ kind: "paused" });
  const said: string[] = [];
  const progress = (line: string): void => void said.push(line);
  const { unplugMs = 0 } = options;
  const counts = { unplugMs, resetsAtPlug: 0, ranJustNow: unplugMs > 0 };
  const parts = { guest, deadline, progress, watch, ...counts };
  return { ...(await letTimePass(confirmPlug(step, parts))), said };
}

describe("a plug into a slot that may be swept", () => {
  it("is confirmed once the guest has mapped function 0 and QEMU has all", async () => {
    const { error, tookMs, said } = await run([listen, registers("enumerated"), both, stop]);
    expect({ error, said }).toEqual({ error: undefined, said: [] });
    expect(tookMs).toBeLessThan(200);
  });

  it("waits silently for a guest that stands still longer than its release took", async () => {
    const late = Array.from({ length: 30 }, (_, n) =>
      n < 4 || n % 2 === 0 ? unmapped : [registers("present", f1), status()],
    ).flat();
    const { error, tookMs, said } = await run([listen, ...late, registers("driven"), both, stop], {
      unplugMs: 300,
    });
    expect({ error, said }).toEqual({ error: undefined, said: [] });
    expect(tookMs).toBeGreaterThan(7000);
  });

  it("fails at the first DEVICE_DELETED of its own, without waiting for more", async () => {
    const { error, tookMs } = await run([
      listen,
      { ...registers("present"), ...heard(20, { kind: "deleted", qemuId: f1 }) },
      status(),
      { expect: "qom-list", reply: [f0] },
      stop,
    ]);
    expect(hasCode(error, "SLOT_SWEPT")).toBe(true);
    expect(causeText(error)).toContain("0000:01:00.1");
    expect(tookMs).toBeLessThan(250);
  });

  it("fails if the guest has mapped it and QEMU lost it without an event", async () => {
    const { error } = await run([listen, registers("driven"), { expect: "qom-list", reply: [] }, stop]);
    expect(hasCode(error, "SLOT_SWEPT")).toBe(true);
  });

  it("is not swept by late news of the id's former device, nor another's", async () => {
    const { error } = await run([
      { ...listen, ...heard(10, { kind: "deleted", qemuId: f0 }) },
      both,
      { ...registers("present"), ...heard(10, { kind: "deleted", qemuId: "net0" }) },
      status(),
      registers("enumerated"),
      both,
      stop,
    ]);
    expect(error).toBeUndefined();
  });

  it("is confirmed by a reset, which leaves no earlier notification", async () => {
    const { error, tookMs } = await run([
      listen,
      { ...registers("unknown"), ...heard(30, { kind: "reset" }) },
      status(),
      both,
      stop,
    ]);
    expect(error).toBeUndefined();
    expect(tookMs).toBeLessThan(300);
  });

  it("takes all ones for no failure: a card that is being reset reads so", async () => {
    const { error, said } = await run([
      listen,
      registers("absent"),
      status(),
      registers("driven"),
      both,
      stop,
    ]);
    expect({ error, said }).toEqual({ error: undefined, said: [] });
  });

  it("asks the other functions too where no BAR of function 0 finds a place", async () => {
    const guest = new AnsweringGuest(listen);
    guest.state = (id) => (id === f1 ? "enumerated" : "present");
    const { error, tookMs, said } = await answer(guest);
    expect({ error, said }).toEqual({ error: undefined, said: [] });
    expect(tookMs).toBeLessThan(2000);
  });

  it("reads registers at most four times a second, whatever it hears", async () => {
    const guest = new AnsweringGuest(listen);
    const noise = setInterval(() => guest.say({ kind: "deleted", qemuId: "net0" }), 20);
    await answer(guest);
    clearInterval(noise);
    const inSecond = guest.asked.map(
      ({ at: t }) => guest.asked.filter((o) => o.at >= t && o.at < t + 1000).length,
    );
    expect(Math.max(...inSecond)).toBeLessThanOrEqual(4);
    expect(guest.asked.length).toBeGreaterThan(20);
  });

  it("says that a running guest maps nothing, after ten seconds or twice its release", async () => {
    const { error, tookMs, said } = await answer(new AnsweringGuest(listen));
    expect(error).toBeUndefined();
    expect(said).toEqual([
      expect.stringMatching(/^the guest runs and has mapped nothing of what was plugged/),
    ]);
    expect(tookMs).toBeGreaterThanOrEqual(10_000);
    expect(tookMs).toBeLessThan(11_000);
    const slow = await answer(new AnsweringGuest(listen), { unplugMs: 15_000 });
    expect(slow.tookMs).toBeGreaterThanOrEqual(30_000);
  });

  it("goes by time where nothing tells, and says that", async () => {
    const guest = new AnsweringGuest(listen);
    guest.state = () => "unknown";
    const { tookMs, said } = await answer(guest);
    expect(said).toEqual([
      expect.stringMatching(/^nothing tells whether the guest has taken what was plugged/),
    ]);
    expect(tookMs).toBeGreaterThanOrEqual(2000);
    expect(tookMs).toBeLessThan(2500);
    const slow = new AnsweringGuest(listen);
    slow.state = () => "unknown";
    expect((await answer(slow, { unplugMs: 4000 })).tookMs).toBeGreaterThanOrEqual(4000);
  });

  it("waits for nothing in a guest paused before, and says what is unknown", async () => {
    for (const state of ["paused", "prelaunch"] as const) {
      const { error, tookMs, said } = await run([listen, registers("present"), status(state), both, stop]);
      expect(error).toBeUndefined();
      expect(said).toEqual([expect.stringMatching(/^the guest is paused: .* shows when it is resumed$/)]);
      expect(tookMs).toBeLessThan(300);
    }
  });

  it.each([
    ["was paused since the first plug", { wasPaused: true }],
    ["has let go a moment ago, so that it was running then", { unplugMs: 100 }],
  ])("waits for a guest to go on that %s, and then for its mapping", async (_, options) => {
    const guest = new AnsweringGuest(listen);
    const resumesAt = Date.now() + 6000;
    guest.runs = () => (Date.now() < resumesAt ? "paused" : "running");
    guest.state = () => (Date.now() < resumesAt + 8000 ? "present" : "driven");
    const { error, tookMs, said } = await answer(guest, options);
    expect({ error, said }).toEqual({ error: undefined, said: [] });
    expect(tookMs).toBeGreaterThanOrEqual(14_000);
    const never = new AnsweringGuest(listen);
    never.runs = () => "paused";
    const { tookMs: waited, said: saidThen } = await answer(never, options);
    expect(saidThen).toHaveLength(1);
    expect(waited).toBeGreaterThanOrEqual(10_000);
    expect(waited).toBeLessThan(11_000);
  });

  it("is none in a guest that was switched off before it took it", async () => {
    const guest = new AnsweringGuest(listen);
    const off = { by: "QEMU", state: "shutdown", meaning: "has been switched off", cure: "End it." } as const;
    guest.runs = () => ({ ...off, unplug: "stays" });
    const { error } = await answer(guest);
    expect(hasCode(error, "GUEST_HALTED_MEANWHILE")).toBe(true);
    expect(causeText(error)).toContain("has been switched off");
  });

  it("stays if the deadline comes before the guest has mapped anything", async () => {
    const { error, tookMs, said } = await answer(new AnsweringGuest(listen), { limitSeconds: 6 });
    expect(error).toBeUndefined();
    expect(said).toHaveLength(1);
    expect(tookMs).toBeLessThan(6000);
  });

  it("is watched for its time in an old QEMU's native slot, even once mapped", async () => {
    const native = { ...step, slot: { ...step.slot, kind: "pcie-native" as const }, watchMs: 500 };
    const looks = [registers("driven"), registers("driven"), registers("driven")];
    const { error, tookMs } = await run([listen, ...looks, both, stop], { step: native });
    expect(error).toBeUndefined();
    expect(tookMs).toBeGreaterThanOrEqual(500);
  });

  it("keeps its result though the end of listening fails", async () => {
    const broken: ScriptLine = { ...stop, reply: new Error("the way is gone") };
    expect((await run([listen, registers("driven"), both, broken])).error).toBeUndefined();
    const { error } = await run([listen, registers("driven"), { expect: "qom-list", reply: [] }, broken]);
    expect(hasCode(error, "SLOT_SWEPT")).toBe(true);
  });
});

describe("an attach into a slot with an eject that comes late", () => {
  const some = wants([0, 2], { leftovers: "hold" });

  /**
   * All are attached; the guest lets go when it is asked, and stands still with what is noted beyond that.
   */
  function standingStill(secondEvent: (hypervisor: WorldHypervisor) => void): WorldHypervisor {
    const world = new World({ functions: hostDevice(), buses: [expressBus("pci.3"), expressBus("pci.4")] });
    reach(world, wants());
    const hypervisor = new WorldHypervisor(world);
    let hasBegun = false;
    hypervisor.onCall = (call) => {
      if (call !== "device_del f0" || hasBegun) return;
      hasBegun = true;
      world.isStandingStill = true;
      setTimeout(() => {
        secondEvent(hypervisor);
        hypervisor.guestCarriesOut(1);
      }, 10);
      setTimeout(() => {
        world.isStandingStill = false;
        hypervisor.guestCarriesOut(100);
      }, 6000);
    };
    return hypervisor;
  }

  it.each<[string, (hypervisor: WorldHypervisor) => void]>([
    [
      "the removal was asked for again",
      ({ world }) => void world.requestUnplug(world.plugged[0]?.qemuId ?? ""),
    ],
    ["something happened in another slot", ({ world }) => world.acpiEvent()],
  ])("because %s, is plugged anew, and what it reports is so afterwards too", async (_, secondEvent) => {
    const hypervisor = standingStill(secondEvent);
    const said: string[] = [];
    const { error, value } = await letTimePass(
      attach(hypervisor, attachRequest({ desired: some, progress: (line) => said.push(line) })),
    );
    expect(error).toBeUndefined();
    expect(said.join("\n")).toMatch(/emptied again right after the plug.*Trying once more/);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(value?.attached.map((one) => one.guestFunction)).toEqual([0, 2]);
    expect(hypervisor.world.guestSees().flatMap((one) => one.map.map((m) => m.guestFunction))).toEqual([
      0, 2,
    ]);
    expect(hypervisor.isHeardByNobody).toBe(true);
  });

  it("that an earlier operation has left, is plugged anew although this one emptied nothing", async () => {
    const world = new World({ functions: hostDevice(), buses: [expressBus("pci.4")] });
    reach(world, wants());
    const hypervisor = new WorldHypervisor(world);
    world.isStandingStill = true;
    for (let times = 0; times < 2; times++) world.requestUnplug(world.plugged[0]?.qemuId ?? "");
    world.carryOutNotification();
    expect(world.plugged).toEqual([]);
    setTimeout(() => {
      world.isStandingStill = false;
      hypervisor.guestCarriesOut(100);
    }, 5000);
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.changes.filter((one) => one === "plug f0")).toHaveLength(2);
    await jest.advanceTimersByTimeAsync(10_000);
    expect(world.guestSees()).toHaveLength(1);
  });

  it("waits for a guest that swept the slot and stands still again", async () => {
    const hypervisor = standingStill(({ world }) => world.acpiEvent());
    const { world } = hypervisor;
    let resumedAt = 0;
    let firstTries = 1;
    const before = hypervisor.onCall;
    hypervisor.onCall = (call, index) => {
      if (call === "observe" && hypervisor.changes.includes("plug f0") && firstTries-- > 0) {
        world.runState = "paused";
        world.isStandingStill = true;
        setTimeout(() => {
          world.runState = "running";
          world.isStandingStill = false;
          resumedAt = Date.now();
          hypervisor.guestCarriesOut(100);
        }, 4000);
      }
      return before(call, index);
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ desired: some })));
    expect(error).toBeUndefined();
    expect(resumedAt).toBeGreaterThan(0);
    expect(world.guestSees().flatMap((one) => one.map)).toHaveLength(2);
  });

  it("does not show function 0 alone if the others are ejected before its plug", async () => {
    const world = new World({ functions: hostDevice(), buses: [expressBus("pci.4")] });
    const hypervisor = new WorldHypervisor(world);
    let isDone = false;
    hypervisor.onCall = (call) => {
      if (call !== "plug f3" || isDone) return;
      isDone = true;
      const gone = world.plugged.splice(0);
      for (const { qemuId } of gone) hypervisor.say({ kind: "deleted", qemuId });
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    const plugs = hypervisor.changes.filter((one) => /^plug/.test(one));
    expect(plugs.filter((one) => one === "plug f0")).toHaveLength(1);
    expect(world.guestSees().flatMap((one) => one.map)).toHaveLength(4);
  });
});
