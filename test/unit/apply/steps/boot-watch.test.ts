import { causeText, hasCode } from "../../../../provider/errors";
import { attach } from "../../../../provider/apply";
import { letTimePass } from "../../../support/fake-time";
import { attachRequest } from "../../../support/requests";
import { wants } from "../../../support/desired";
import { expressBus, hostDevice, World } from "../../../support/world";
import { WorldHypervisor } from "../../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** A host whose guest has just been reset: its firmware has numbered nothing. */
function afterReset(kind: "pcie-acpi" | "pcie-native" = "pcie-acpi"): WorldHypervisor {
  const world = new World({ functions: hostDevice(), buses: [expressBus("pci.4", kind)] });
  world.unnumbered.add("pci.4");
  return new WorldHypervisor(world);
}

const plugs = (hypervisor: WorldHypervisor): string[] =>
  hypervisor.changes.filter((one) => /^plug|^device_del/.test(one));

describe("a plug into a guest that was reset a moment ago", () => {
  it("waits until the firmware has numbered the slot's bus and read its tables", async () => {
    const hypervisor = afterReset();
    setTimeout(() => hypervisor.world.unnumbered.clear(), 3000);
    const said: string[] = [];
    const { error, tookMs } = await letTimePass(
      attach(hypervisor, attachRequest({ progress: (line) => said.push(line) })),
    );
    expect(error).toBeUndefined();
    expect(tookMs).toBeGreaterThanOrEqual(5000);
    expect(hypervisor.calls.lastIndexOf("isEnumerated")).toBeLessThan(hypervisor.calls.indexOf("plug f1"));
    expect(
      said.filter((line) => line.includes("waiting until its firmware has seen the slots")),
    ).toHaveLength(1);
    expect(hypervisor.isHeardByNobody).toBe(true);
  });

  it("waits again if the guest is reset while its firmware reads the slots", async () => {
    const hypervisor = afterReset();
    let numberedAt = 0;
    let pluggedAt = 0;
    setTimeout(() => {
      hypervisor.world.unnumbered.clear();
      numberedAt = Date.now();
      for (const afterMs of [1500, 3000]) setTimeout(() => hypervisor.say({ kind: "reset" }), afterMs);
    }, 3000);
    hypervisor.onCall = (call) => {
      if (call === "plug f1") pluggedAt = Date.now();
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    // nothing was plugged before both resets were over, and nothing had to be plugged anew
    expect(plugs(hypervisor)).toEqual(["plug f1", "plug f2", "plug f3", "plug f0"]);
    expect(pluggedAt - numberedAt).toBeGreaterThanOrEqual(5000);
  });

  it("does not count a reset that comes while it asks for the bus's number", async () => {
    const hypervisor = afterReset();
    hypervisor.world.unnumbered.clear();
    let isReset = false;
    const plugTimes: number[] = [];
    let resetAt = 0;
    hypervisor.onCall = (call) => {
      if (call === "plug f1") plugTimes.push(Date.now());
      if (call !== "isEnumerated" || isReset) return;
      isReset = true;
      resetAt = Date.now();
      hypervisor.say({ kind: "reset" });
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    expect(plugTimes).toHaveLength(1);
    expect((plugTimes[0] ?? 0) - resetAt).toBeGreaterThanOrEqual(2000);
  });

  it("ends at the deadline where the firmware gets no further, with nothing plugged", async () => {
    const hypervisor = afterReset();
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ limitSeconds: 10 })));
    expect(causeText(error)).toContain("the guest's firmware has not numbered its PCI buses yet");
    expect(plugs(hypervisor)).toEqual([]);
    expect(hypervisor.world.holdings).toEqual([]);
  });

  it("waits for nothing if the guest is paused, for single functions and native slots", async () => {
    const paused = afterReset();
    paused.world.runState = "paused";
    const native = afterReset("pcie-native");
    const single = afterReset();
    const one = wants([0], { leftovers: "hold" });
    for (const attaching of [
      attach(paused, attachRequest()),
      attach(native, attachRequest()),
      attach(single, attachRequest({ desired: one })),
    ]) {
      const { error, tookMs } = await letTimePass(attaching);
      expect(error).toBeUndefined();
      expect(tookMs).toBeLessThan(1000);
    }
  });
});

describe("a slot that is half plugged when the guest begins to boot", () => {
  it.each([
    { what: "reset", runState: "running", event: { kind: "reset" } },
    { what: "resumed at the beginning of its firmware", runState: "paused", event: { kind: "resumed" } },
  ] as const)("is emptied and plugged again where the guest is $what", async ({ runState, event }) => {
    const hypervisor = afterReset();
    hypervisor.world.runState = runState;
    if (runState === "running") hypervisor.world.unnumbered.clear();
    let isHeard = false;
    hypervisor.onCall = (call) => {
      if (call !== "plug f3" || isHeard) return;
      isHeard = true;
      hypervisor.world.runState = "running";
      hypervisor.world.unnumbered.clear();
      hypervisor.say(event);
    };
    const said: string[] = [];
    const { error, value } = await letTimePass(
      attach(hypervisor, attachRequest({ progress: (line) => said.push(line) })),
    );
    expect(error).toBeUndefined();
    expect(value?.attached).toHaveLength(4);
    expect(plugs(hypervisor)).toEqual([
      ...["plug f1", "plug f2", "plug f3", "device_del f1"],
      ...["plug f1", "plug f2", "plug f3", "plug f0"],
    ]);
    expect(said.join("\n")).toMatch(/would see function 0 alone.*Trying once more/);
  });

  it("is given up, and everything undone, where that happens again", async () => {
    const hypervisor = afterReset();
    hypervisor.world.unnumbered.clear();
    hypervisor.onCall = (call) => {
      if (call === "plug f3") hypervisor.say({ kind: "reset" });
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(hasCode((error as { cause?: { cause?: unknown } }).cause?.cause, "SLOT_HALF_BOOTED")).toBe(true);
    expect(hypervisor.world.plugged).toEqual([]);
    expect(hypervisor.world.holdings).toEqual([]);
  });
});
