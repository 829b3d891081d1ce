import { hasCode, providerError } from "../../../../provider/errors";
import { DriverCalls } from "../../../../provider/hypervisor/libvirt/driver-calls";
import type { LibvirtSession } from "../../../../provider/hypervisor/libvirt";
import { at } from "../../../support/desired";
import { letTimePass } from "../../../support/fake-time";
import { functionFacts } from "../../../support/function-facts";
import { hostFunction } from "../../../support/world";
import { guest1, ScriptedLibvirt } from "../support/scripted-libvirt";

const hostAddress = at("0000:01:00.0");
const newSession = (): LibvirtSession => new ScriptedLibvirt().session;
const never = (): Promise<never> => new Promise(() => undefined);

/** An operation whose limit is two seconds. */
function limited(): AbortSignal {
  const limit = new AbortController();
  setTimeout(
    () => limit.abort(providerError("DEADLINE_EXCEEDED", { what: "x", seconds: 2, reason: "x" })),
    2000,
  );
  return limit.signal;
}

function calls(driver = "nvidia", session = newSession()): DriverCalls {
  const facts = functionFacts([hostFunction(hostAddress, { driver })], {
    [hostAddress]: {
      moduleUse: { module: "nvidia", count: 1, processes: [{ pid: 700, name: "Xorg" }], isWaitedFor: true },
    },
  });
  const readFunctionFacts = (): Promise<typeof facts> => Promise.resolve(facts);
  return new DriverCalls({ session, domain: () => guest1, readFunctionFacts });
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

describe("a call for which a driver has to let go", () => {
  it("ends some seconds after its operation's limit, and names driver, function and users", async () => {
    const { error, tookMs } = await letTimePass(calls().run({ hostAddress, signal: limited() }, never));
    expect(tookMs).toBeGreaterThanOrEqual(12_000);
    expect(tookMs).toBeLessThan(12_500);
    expect((error as Error).message).toMatch(
      /0000:01:00\.0 \(nvidia\) on root@hv1:22 has not returned after 12 s; it is open on the host by process 700 \(Xorg\)/,
    );
    expect((error as Error).message).toMatch(/libvirt takes no other change of guest guest1.*needs a reboot/);
  });

  it("is awaited past the limit for as long as a driver may need", async () => {
    const late = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve("done"), 9000));
    expect(await letTimePass(calls().run({ hostAddress, signal: limited() }, late))).toMatchObject({
      value: "done",
    });
  });

  it("fails as libvirt says, if it says anything", async () => {
    const refused = new Error("refused");
    const failing = calls().run({ hostAddress, signal: limited() }, () => Promise.reject(refused));
    expect((await letTimePass(failing)).error).toBe(refused);
  });

  it("names what is known where the host does not answer any more", async () => {
    const session = newSession();
    const silent = new DriverCalls({ session, domain: () => guest1, readFunctionFacts: never });
    const { error, tookMs } = await letTimePass(silent.run({ hostAddress, signal: limited() }, never));
    expect(hasCode(error, "HOST_CHANGE_STUCK")).toBe(true);
    expect(tookMs).toBeLessThan(16_000);
  });

  it("goes on where VFIO has the function, and memory is pinned", async () => {
    const pinning = (): Promise<string> => new Promise((resolve) => setTimeout(() => resolve("in"), 60_000));
    const call = calls("vfio-pci").run({ hostAddress, signal: limited(), pinsMemory: true }, pinning);
    expect(await letTimePass(call)).toMatchObject({ value: "in" });
    const stuck = calls("nvidia").run({ hostAddress, signal: limited(), pinsMemory: true }, never);
    expect(hasCode((await letTimePass(stuck)).error, "HOST_CHANGE_STUCK")).toBe(true);
  });
});

describe("a call that was given up", () => {
  it("keeps later operations of that guest out, until it has ended", async () => {
    const session = newSession();
    let end = (): void => undefined;
    const call = (): Promise<void> => new Promise((resolve) => (end = resolve));
    await letTimePass(calls("nvidia", session).run({ hostAddress, signal: limited() }, call));
    const next = calls("nvidia", session);
    for (const name of [undefined, guest1.name, guest1.uuid])
      expect(() => next.requireNoneLate(name)).toThrow(/0000:01:00\.0.*HOST_CHANGE_STUCK/);
    expect(() => next.requireNoneLate("guest2")).not.toThrow();
    const { error } = await letTimePass(next.run({ hostAddress, signal: limited() }, never));
    expect(hasCode(error, "HOST_CHANGE_STUCK")).toBe(true);
    end();
    await jest.advanceTimersByTimeAsync(0);
    expect(() => next.requireNoneLate()).not.toThrow();
  });
});
