import { readHostUses } from "../../../provider/hypervisor/read-host-uses";
import type { HostFacts } from "../../../provider/host/facts";
import { nothingUsed } from "../../support/host-facts";

const tap = { name: "vnet3", isUp: true, lowerInterfaces: [], addresses: [], routes: [] };
const facts: HostFacts = { ...nothingUsed, interfaces: [tap], sshInterfaces: ["vnet3"] };
const way = { certainty: "sure", interfaces: ["vnet3"] };
const unknown = { certainty: "unknown", interfaces: [] };
const readings = (read: () => Promise<HostFacts | undefined>, names?: readonly string[]) => ({
  readHostFacts: jest.fn(read),
  guestInterfaces: () => Promise.resolve(names),
});
const signal = new AbortController().signal;
const known = () => Promise.resolve(facts);

describe("the way of this connection", () => {
  it("is looked at where something is plugged or unplugged, and else nothing is asked", async () => {
    const plug = { addresses: [], forPlug: { buses: [] } };
    expect((await readHostUses(plug, readings(known, ["vnet3"]), signal)).wayThroughGuest).toEqual(way);
    const unplug = { addresses: [], forUnplug: true };
    expect(await readHostUses(unplug, readings(known, ["vnet3"]), signal)).toEqual({
      hostUses: [],
      wayThroughGuest: way,
    });
    const none = readings(known, ["vnet3"]);
    expect(await readHostUses({ addresses: [] }, none, signal)).toEqual({ hostUses: [] });
    expect(none.readHostFacts).not.toHaveBeenCalled();
  });

  it("is unknown where nobody tells the guest's interfaces, or the host cannot be read", async () => {
    const unplug = { addresses: [], forUnplug: true };
    expect((await readHostUses(unplug, readings(known), signal)).wayThroughGuest).toEqual(unknown);
    const failing = readings(() => Promise.reject(new Error("no ip")), ["vnet3"]);
    expect((await readHostUses(unplug, failing, signal)).wayThroughGuest).toEqual(unknown);
    const nothing = readings(() => Promise.resolve(undefined), ["vnet3"]);
    expect((await readHostUses(unplug, nothing, signal)).wayThroughGuest).toEqual(unknown);
  });

  it("is a failure where functions are to be taken", async () => {
    const failing = readings(() => Promise.reject(new Error("no ip")), []);
    await expect(readHostUses({ addresses: [], forPlug: { buses: [] } }, failing, signal)).rejects.toThrow(
      "no ip",
    );
  });
});
