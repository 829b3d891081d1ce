import { attach, detach, type AttachFailure } from "../../../provider/apply";
import { causeText, hasCode, providerError } from "../../../provider/errors";
import type { PriorAttachment } from "../../../provider/plan";
import { at, reach, wants } from "../../support/desired";
import { letTimePass } from "../../support/fake-time";
import { OWNER } from "../../support/scenarios";
import { hostFunction, World } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const functions = [0, 1, 2, 3].map((n) => hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n }));
const stuckError = (): Error =>
  providerError("HOST_CHANGE_STUCK", {
    target: "root@hv1:22",
    functions: ["0000:01:00.1 (nvidia)"],
    users: "process 700 (Xorg)",
    libvirtGuest: "guest1",
  });

/** A host on which this call does not return by its limit. */
function stuckAt(world: World, call: string): WorldHypervisor {
  const hypervisor = new WorldHypervisor(world);
  hypervisor.onCall = (one) => {
    if (one === call) throw stuckError();
  };
  return hypervisor;
}
const query = { addresses: ["0000:01:00"] };
const progress = (): void => undefined;
const limits = { limitSeconds: 60, undoSeconds: 60 };
const prior: PriorAttachment = {
  slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
  functions: functions.map((one, n) => ({
    hostAddress: one.hostAddress,
    guestFunction: n,
    hostDriver: "e1000e",
  })),
};
const after = (calls: readonly string[], call: string): string[] => calls.slice(calls.indexOf(call) + 1);

describe("a driver that does not let go", () => {
  it("in a hold ends the attach, and nothing is undone behind it", async () => {
    const hypervisor = stuckAt(new World({ functions }), "hold 0000:01:00.1");
    const { error } = await letTimePass(attach(hypervisor, { desired: wants(), query, progress, ...limits }));
    expect(hasCode((error as Error).cause, "ATTACH_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(/0000:01:00\.1 \(nvidia\).*process 700 \(Xorg\).*Nothing is undone/);
    expect(
      after(hypervisor.calls, "hold 0000:01:00.1").filter((one) => /^(release|erase)/.test(one)),
    ).toEqual([]);
    expect((error as AttachFailure).actual?.held.map((one) => one.hostAddress)).toContain(at("0000:01:00.0"));
    expect(hypervisor.locks.areFree).toBe(true);
  });

  it("is found and finished by the next run, once it has", async () => {
    const world = new World({ functions });
    await letTimePass(
      attach(stuckAt(world, "hold 0000:01:00.1"), { desired: wants(), query, progress, ...limits }),
    );
    const again = new WorldHypervisor(world);
    const { value } = await letTimePass(
      attach(again, { desired: wants(), query, prior, progress, ...limits }),
    );
    expect(value?.attached).toHaveLength(4);
  });

  it("in a release leaves the guest what it has by then", async () => {
    const world = new World({ functions });
    reach(world, wants());
    const hypervisor = stuckAt(world, "release 0000:01:00.1");
    const desired = wants([0, 2, 3]);
    const { error } = await letTimePass(attach(hypervisor, { desired, query, prior, progress, ...limits }));
    expect(hasCode((error as Error).cause, "ATTACHED_WITH_LEFTOVERS")).toBe(true);
    expect(after(hypervisor.calls, "release 0000:01:00.1")).not.toContain("observe");
  });

  it("in a release of a detach is told as what it failed of", async () => {
    const world = new World({ functions });
    reach(world, wants());
    const hypervisor = stuckAt(world, "release 0000:01:00.1");
    const request = { ownerToken: OWNER, query, guestUuid: "", prior, verify: () => undefined };
    const { error } = await letTimePass(detach(hypervisor, { ...request, limitSeconds: 60, progress }));
    expect(hasCode(error, "DETACH_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(/0000:01:00\.1 \(nvidia\).*needs a reboot.*run again to finish/);
  });
});
