import { causeText, hasCode } from "../../../../provider/errors";
import { Deadline } from "../../../../provider/async/deadline";
import { unplugSlot } from "../../../../provider/apply/steps/unplug";
import type { GuestEvent } from "../../../../provider/apply";
import type { Step } from "../../../../provider/plan";
import { letTimePass, type Outcome } from "../../../support/fake-time";
import { ScriptedGuest, type ScriptLine } from "../../../support/scripted-guest";
import { at } from "../../../support/desired";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const [f0, f1] = ["mfpci-0123456789ab-f0", "mfpci-0123456789ab-f1"];
const deleted = (qemuId: string): GuestEvent => ({ kind: "deleted", qemuId });
const step: Extract<Step, { kind: "unplug" }> = {
  kind: "unplug",
  slot: { bus: "pci.4", slot: 0, kind: "pcie-native" },
  functions: [
    { qemuId: f0, hostAddress: at("0000:01:00.0"), guestFunction: 0 },
    { qemuId: f1, hostAddress: at("0000:01:00.1"), guestFunction: 1 },
  ],
  requests: [f0],
  seenByGuest: true,
};
const listen: ScriptLine = { expect: "listen" };
const bothThere: ScriptLine = { expect: "qom-list", reply: [f0, f1, "net0"] };
const bothGone: ScriptLine = { expect: "qom-list", reply: ["net0"] };
const ask = (extra: Partial<ScriptLine> = {}): ScriptLine => ({ expect: `device_del ${f0}`, ...extra });
const stop: ScriptLine = { expect: "stop listening" };
const soon = (...events: readonly GuestEvent[]): NonNullable<ScriptLine["after"]> =>
  events.map((event, i) => ({ afterMs: 600 + i, event }));

/** Runs the unplug against a script, which must be followed to its end. */
async function run(
  script: readonly ScriptLine[],
  options: { readonly limitSeconds?: number; readonly step?: typeof step } = {},
): Promise<Outcome<string> & { readonly said: string[]; readonly guest: ScriptedGuest }> {
  const guest = new ScriptedGuest(...script);
  const said: string[] = [];
  const deadline = Deadline.start("detach", options.limitSeconds ?? 60);
  const outcome = await letTimePass(
    unplugSlot(options.step ?? step, { guest, deadline, progress: (line) => said.push(line) }),
  );
  guest.finish();
  return { ...outcome, said, guest };
}

describe("an unplug", () => {
  it("listens before it asks, asks once, and waits for all events and for QOM", async () => {
    const { value, error, tookMs } = await run([
      listen,
      bothThere,
      ask({ after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect({ value, error }).toEqual({ value: "unplugged", error: undefined });
    expect(tookMs).toBeLessThan(1000);
  });

  it("hears DEVICE_DELETED that comes before the reply of device_del", async () => {
    const { value, tookMs } = await run([
      listen,
      bothThere,
      ask({ before: [deleted(f0), deleted(f1)], delayMs: 100 }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeLessThan(200);
  });

  it("is not done by one function's event told twice", async () => {
    const { value, tookMs } = await run([
      listen,
      bothThere,
      ask({
        after: [
          { afterMs: 100, event: deleted(f0) },
          { afterMs: 110, event: deleted(f0) },
          { afterMs: 3000, event: deleted(f1) },
        ],
      }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(3000);
  });

  it("is not done by someone else's event", async () => {
    const { value, tookMs } = await run([
      listen,
      bothThere,
      ask({
        before: [deleted("net0")],
        after: [
          { afterMs: 10, event: deleted("mfpci-ffffffffffff-f1") },
          { afterMs: 20, event: deleted(f1) },
          { afterMs: 4000, event: deleted(f0) },
        ],
      }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(4000);
  });

  it("counts functions missing from QOM as gone, and gives VFIO time", async () => {
    const { value, tookMs } = await run([listen, bothGone, bothGone, stop]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(1000);
  });

  it("counts a function unknown to device_del as gone, and gives VFIO time", async () => {
    const onlyFirst = { ...step, functions: step.functions.slice(0, 1) };
    const { value, tookMs } = await run([listen, bothThere, ask({ reply: "gone" }), bothGone, stop], {
      step: onlyFirst,
    });
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(1000);
  });

  it("waits for the events of those that are there, where others are gone already", async () => {
    const { value } = await run([
      listen,
      { expect: "qom-list", reply: [f0] },
      ask({ after: soon(deleted(f0)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("asks again after 2 s where the guest was still busy with the slot", async () => {
    const { value, tookMs, said } = await run([
      listen,
      bothThere,
      ask({ reply: "busy" }),
      ask({ reply: "busy" }),
      ask({ after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(4600);
    expect(tookMs).toBeLessThan(5000);
    expect(said).toEqual(Array(2).fill("the guest is still busy with the slot; asking again in 2 s"));
  });

  it("waits, and does not ask twice, where an earlier request is pending", async () => {
    const { value } = await run([
      listen,
      bothThere,
      ask({ reply: "pending", after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("asks for each function unseen by the guest, except those gone meanwhile", async () => {
    const unseen = { ...step, requests: [f1, f0], seenByGuest: false };
    const { value } = await run(
      [listen, bothThere, { expect: `device_del ${f1}`, before: [deleted(f1), deleted(f0)] }, bothGone, stop],
      { step: unseen },
    );
    expect(value).toBe("unplugged");
  });

  it("asks again after a reset that cancelled it, as on native slots", async () => {
    const { value, said } = await run([
      listen,
      bothThere,
      ask({ after: [{ afterMs: 300, event: { kind: "reset" } }] }),
      bothThere,
      ask({ after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(said.join()).toMatch(/reset while the unplug was pending/);
  });

  it("asks nothing more after a reset that completed it, even without an event", async () => {
    const { value, tookMs } = await run([
      listen,
      bothThere,
      ask({ after: [{ afterMs: 300, event: { kind: "reset" } }] }),
      bothGone,
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(1300);
  });

  it("survives both RESET events of one reset", async () => {
    const { value } = await run([
      listen,
      bothThere,
      ask({
        after: [
          { afterMs: 300, event: { kind: "reset" } },
          { afterMs: 310, event: { kind: "reset" } },
        ],
      }),
      bothThere,
      ask(),
      bothThere,
      ask({ reply: "pending", after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("asks again after 10 s of silence, and leaves 2 s if that helped", async () => {
    const running: ScriptLine = { expect: "query-status", reply: "running" };
    const { value, tookMs, said } = await run([
      listen,
      bothThere,
      ask(),
      running,
      ask(),
      running,
      ask({ after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(22_600);
    expect(tookMs).toBeLessThan(23_000);
    expect(said).toEqual(Array(2).fill("the guest has not let go yet; asking again"));
  });

  it("asks for another function of a native slot if QEMU refuses the first", async () => {
    const running: ScriptLine = { expect: "query-status", reply: "running" };
    const refused = ask({ reply: "pending" });
    const other: ScriptLine = { expect: `device_del ${f1}`, after: soon(deleted(f0), deleted(f1)) };
    const script = [listen, bothThere, ask(), running, refused, running, refused, other, bothGone, stop];
    const { value, tookMs } = await run(script);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeGreaterThanOrEqual(20_600);
    expect(tookMs).toBeLessThan(21_000);
  });

  it("asks for no other function if no button tells the slot's guest", async () => {
    const running: ScriptLine = { expect: "query-status", reply: "running" };
    const refused = ask({ reply: "pending" });
    const later = ask({ reply: "pending", after: soon(deleted(f0), deleted(f1)) });
    const script = [
      listen,
      bothThere,
      ask(),
      running,
      refused,
      running,
      refused,
      running,
      later,
      bothGone,
      stop,
    ];
    const acpi = { ...step, slot: { ...step.slot, kind: "pcie-acpi" as const } };
    expect((await run(script, { step: acpi })).value).toBe("unplugged");
  });

  it("leaves no time after a repeated request that QEMU refused as pending", async () => {
    const { value, tookMs } = await run([
      listen,
      bothThere,
      ask({ after: [deleted(f0), deleted(f1)].map((event) => ({ afterMs: 15_000, event })) }),
      { expect: "query-status", reply: "running" },
      ask({ reply: "pending" }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(tookMs).toBeLessThan(15_500);
  });

  it("asks no more of a slot whose functions went while it was busy", async () => {
    const { value } = await run([
      listen,
      bothThere,
      ask({ reply: "busy", after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("says that a guest is paused, asks nothing more, and goes on once resumed", async () => {
    const { value, said } = await run([
      listen,
      bothThere,
      ask({
        after: [
          { afterMs: 12_000, event: { kind: "resumed" } },
          { afterMs: 12_050, event: deleted(f0) },
          { afterMs: 12_050, event: deleted(f1) },
        ],
      }),
      { expect: "query-status", reply: "paused" },
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(said).toEqual([
      "the guest is paused; it lets go when it is resumed",
      "the guest was resumed; waiting for it to let go",
    ]);
  });

  it("goes on after a paused guest was resumed", async () => {
    const { value, said } = await run([
      listen,
      bothThere,
      ask({
        after: [
          { afterMs: 5000, event: { kind: "resumed" } },
          ...soon(deleted(f0), deleted(f1)).map((one) => ({ ...one, afterMs: 8000 })),
        ],
      }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
    expect(said.join()).toMatch(/resumed/);
  });

  it("is over where the guest ends in the middle", async () => {
    const { value } = await run([
      listen,
      bothThere,
      ask({ after: [{ afterMs: 700, event: "guest-stopped" }] }),
      stop,
    ]);
    expect(value).toBe("guest-stopped");
  });

  it("is over if the guest ends while busy, though nobody answers the next question", async () => {
    const { value, error } = await run([
      listen,
      bothThere,
      ask({ reply: "busy", after: [{ afterMs: 700, event: "guest-stopped" }] }),
      ask({ reply: new Error("domain is not running") }),
      stop,
    ]);
    expect({ value, error }).toEqual({ value: "guest-stopped", error: undefined });
  });

  it("is over if the guest ends after its last DEVICE_DELETED, before QOM is read", async () => {
    const { value, error } = await run([
      listen,
      bothThere,
      ask({ before: [deleted(f0), deleted(f1), "guest-stopped"] }),
      { expect: "qom-list", reply: new Error("domain is not running") },
      stop,
    ]);
    expect({ value, error }).toEqual({ value: "guest-stopped", error: undefined });
  });

  it("fails where the connection is lost, and names what it was waiting for", async () => {
    const { error } = await run([
      listen,
      bothThere,
      ask({
        after: [
          { afterMs: 100, event: deleted(f0) },
          { afterMs: 200, event: "connection-lost" },
        ],
      }),
      stop,
    ]);
    expect(hasCode(error, "GUEST_CONNECTION_LOST")).toBe(true);
    expect(causeText(error)).toContain(f1);
    expect(causeText(error)).not.toContain(f0);
  });

  it("fails at its deadline and names what is left; a late event is harmless", async () => {
    const { error, tookMs, guest } = await run(
      [
        listen,
        bothThere,
        ask({ after: [{ afterMs: 400, event: deleted(f1) }] }),
        { expect: "query-status", reply: "running" },
        stop,
      ],
      { limitSeconds: 10 },
    );
    expect(hasCode(error, "DEADLINE_EXCEEDED")).toBe(true);
    expect(causeText(error)).toMatch(/though it runs; the request stays with it/);
    expect(causeText(error)).toContain(f0);
    expect(causeText(error)).not.toContain(f1);
    expect(causeText(error)).toContain("pci.4");
    expect(tookMs).toBeLessThan(10_200);
    guest.say(deleted(f0));
    guest.finish();
  });

  const halted = {
    by: "QEMU",
    state: "shutdown",
    meaning: "has been switched off",
    cure: "End that QEMU.",
  } as const;

  it("does not wait for a guest that nobody has run again", async () => {
    const reply = { ...halted, unplug: "stays" } as const;
    const { error, tookMs } = await run([listen, bothThere, ask(), { expect: "query-status", reply }, stop]);
    expect(hasCode(error, "UNPLUG_NEEDS_RUNNING_GUEST")).toBe(true);
    expect(causeText(error)).toMatch(
      /has been switched off \(QEMU says "shutdown"\).*0000:01:00\.0, 0000:01:00\.1/,
    );
    expect(causeText(error)).toContain("End that QEMU.");
    expect(tookMs).toBeLessThan(11_000);
  });

  it("takes what such a guest's QEMU gives up at once", async () => {
    const { value } = await run([
      listen,
      bothThere,
      ask({ after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("waits for a guest that a disk has stopped, until it is resumed", async () => {
    const { value } = await run([
      listen,
      bothThere,
      ask({
        after: [
          { afterMs: 12_000, event: { kind: "resumed" } },
          { afterMs: 12_050, event: deleted(f0) },
          { afterMs: 12_050, event: deleted(f1) },
        ],
      }),
      { expect: "query-status", reply: { ...halted, state: "io-error", unplug: "waits" } },
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("says at its deadline that the guest is paused, and what to do", async () => {
    const { error } = await run(
      [listen, bothThere, ask(), { expect: "query-status", reply: "paused" }, stop],
      { limitSeconds: 5 },
    );
    expect(causeText(error)).toMatch(/the guest is paused.*the request stays with it. Resume the guest/);
  });

  it("gives its reason though QEMU does not say in which state it is", async () => {
    const { error } = await run(
      [listen, bothThere, ask(), { expect: "query-status", reply: new Error("no answer") }, stop],
      { limitSeconds: 5 },
    );
    expect(causeText(error)).toMatch(/the guest has not let go of .*; the request stays with it/);
  });

  it("does not start its deadline anew with each event or retry", async () => {
    const busy = Array.from({ length: 5 }, () => ask({ reply: "busy" as const }));
    const look: ScriptLine = { expect: "query-status", reply: "running" };
    const { error, tookMs } = await run([listen, bothThere, ...busy, look, stop], { limitSeconds: 9 });
    expect(hasCode(error, "DEADLINE_EXCEEDED")).toBe(true);
    expect(causeText(error)).toMatch(/its power indicator blinks/);
    expect(tookMs).toBeLessThan(9200);
  });

  it("fails if all events came and QOM still shows a function", async () => {
    const { error } = await run([
      listen,
      bothThere,
      ask({ before: [deleted(f0), deleted(f1)] }),
      { expect: "qom-list", reply: [f1] },
      { expect: "query-status", reply: "running" },
      stop,
    ]);
    expect(causeText(error)).toContain(f1);
  });

  it("ends at once if the guest declines, and says who is to be asked", async () => {
    const refused: GuestEvent = { kind: "unplug-refused", qemuId: f1 };
    const { error, tookMs } = await run([
      listen,
      bothThere,
      ask({ after: [{ afterMs: 400, event: refused }] }),
      bothThere,
      stop,
    ]);
    expect(hasCode(error, "UNPLUG_REFUSED_BY_GUEST")).toBe(true);
    expect(causeText(error)).toMatch(/refused to let go of 0000:01:00\.0, 0000:01:00\.1 in slot pci\.4/);
    expect(tookMs).toBeLessThan(500);
  });

  it("hears a refusal that comes before the reply of device_del", async () => {
    const refused: GuestEvent = { kind: "unplug-refused", qemuId: f0 };
    const { error } = await run([
      listen,
      bothThere,
      ask({ before: [refused], delayMs: 100 }),
      bothThere,
      stop,
    ]);
    expect(hasCode(error, "UNPLUG_REFUSED_BY_GUEST")).toBe(true);
  });

  it("takes no refusal for its own that is another's, older, or void", async () => {
    const refused = (qemuId: string): GuestEvent => ({ kind: "unplug-refused", qemuId });
    const { value } = await run([
      listen,
      { ...bothThere, before: [refused(f0)] },
      ask({
        before: [refused("net0")],
        after: [
          { afterMs: 100, event: refused(f1) },
          { afterMs: 300, event: deleted(f0) },
        ],
      }),
      { expect: "qom-list", reply: [f0] },
      bothGone,
      stop,
    ]);
    expect(value).toBe("unplugged");
  });

  it("keeps its result, and its own error, though the end of listening fails", async () => {
    const broken: ScriptLine = { ...stop, reply: new Error("the way is gone") };
    const done = await run([
      listen,
      bothThere,
      ask({ after: soon(deleted(f0), deleted(f1)) }),
      bothGone,
      broken,
    ]);
    expect({ value: done.value, error: done.error }).toEqual({ value: "unplugged", error: undefined });
    const refusal = new Error("some other refusal");
    const failed = await run([listen, bothThere, ask({ reply: refusal }), broken]);
    expect(failed.error).toBe(refusal);
  });

  it("stops listening where asking fails, and the failure is what is reported", async () => {
    const refused = new Error("some other refusal");
    const { error } = await run([listen, bothThere, ask({ reply: refused }), stop]);
    expect(error).toBe(refused);
  });
});
