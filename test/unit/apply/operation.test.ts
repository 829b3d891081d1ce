import { causeText, providerError, hasCode } from "../../../provider/errors";
import { attach, AttachFailure, detach } from "../../../provider/apply";
import type { HostUseReason, HostUseTraits } from "../../../provider/host/uses";
import type { PciSlotAddress } from "../../../provider/pci";
import { tagOf, type DesiredAttachment } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { readActualState } from "../../support/read-actual-state";
import { OWNER } from "../../support/scenarios";
import { attachRequest, detachRequest } from "../../support/requests";
import { addressOn, at, hostUse, mountOf, reach, wants } from "../../support/desired";
import { hostDevice, OWN_GUEST, World } from "../../support/world";
import { WorldHypervisor, type Fault } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const guestLock = `guest-${OWN_GUEST.uuid}`;
const empty = (): World => new World({ functions: hostDevice() });
const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

describe("a step that takes long", () => {
  it("says every five seconds that it is under way, and then stops", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.onCall = (call) => (call === "plug f1" ? sleep(12_000) : undefined);
    const lines: string[] = [];
    const request = {
      ...attachRequest({ limitSeconds: 60 }),
      progress: (line: string) => void lines.push(line),
    };
    await letTimePass(attach(hypervisor, request));
    await jest.advanceTimersByTimeAsync(30_000);
    expect(lines.filter((line) => line.includes("still"))).toEqual([
      "step 6/10: still under way after 5 s",
      "step 6/10: still under way after 10 s",
    ]);
  });
});

describe("the deadline of an attach", () => {
  it("never cuts a device_add in flight: undoing begins only after its answer", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.onCall = (call) => (call === "plug f2" ? sleep(30_000) : undefined);
    const { error, tookMs } = await letTimePass(attach(hypervisor, attachRequest({ limitSeconds: 10 })));
    expect(causeText(error)).toContain("0000:01:00.2 was plugged too late");
    expect(hasCode((error as AttachFailure).cause, "ATTACH_FAILED")).toBe(true);
    expect(tookMs).toBeGreaterThanOrEqual(30_000);
    const { changes } = hypervisor;
    expect(changes.slice(changes.indexOf("plug f2"))).toEqual([
      "plug f2",
      "device_del f1",
      "release 0000:01:00.0",
      "release 0000:01:00.1",
      "release 0000:01:00.2",
      "release 0000:01:00.3",
      "erase",
    ]);
    expect(hypervisor.world.plugged).toEqual([]);
  });

  it("grows by a second for each GiB that a plug pins", async () => {
    const memoryBytes = 20.5 * 2 ** 30;
    const plugFor = async (seconds: number): Promise<unknown> => {
      const hypervisor = new WorldHypervisor(new World({ functions: hostDevice(), memoryBytes }));
      hypervisor.onCall = (call) => (call === "plug f1" ? sleep(seconds * 1000) : undefined);
      return (await letTimePass(attach(hypervisor, attachRequest({ limitSeconds: 10 })))).error;
    };
    expect(await plugFor(30)).toBeUndefined();
    expect(causeText(await plugFor(32))).toMatch(/took longer than 31 s: 0000:01:00\.1 was plugged too late/);
  });

  it("leaves the undo a limit of its own", async () => {
    const hypervisor = new WorldHypervisor(empty());
    let isUndoing = false;
    hypervisor.onCall = (call) => {
      if (call === "plug f2") return sleep(11_000).then(() => void (isUndoing = true));
      return isUndoing && call.startsWith("release") ? sleep(8_000) : undefined;
    };
    const { error } = await letTimePass(
      attach(hypervisor, attachRequest({ limitSeconds: 10, undoSeconds: 20 })),
    );
    expect(causeText(error)).toContain("Everything was undone");
    expect(hypervisor.world.holdings).toEqual([]);
  });

  it("stands still while another operation has the lock, and goes on afterwards", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.onLock = async (clock) => {
      await sleep(4_000);
      clock.pause();
      clock.pause();
      await sleep(100_000);
      clock.resume();
      clock.resume();
    };
    const { error, tookMs } = await letTimePass(attach(hypervisor, attachRequest({ limitSeconds: 10 })));
    expect(error).toBeUndefined();
    expect(tookMs).toBeLessThan(105_000);

    hypervisor.onCall = (call) => (call === "observe" ? sleep(6_500) : undefined);
    const late = await letTimePass(detach(hypervisor, { ...detachRequest(), limitSeconds: 10 }));
    expect(causeText(late.error)).toMatch(/detach took longer than 10 s/);
    expect(hypervisor.world.plugged).toHaveLength(4);
  });

  it("names operation and limit; nothing is touched if it ends before the plan", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.onCall = (call) => (call === "observe" ? sleep(10_500) : undefined);
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ limitSeconds: 10 })));
    expect(hasCode(error, "DEADLINE_EXCEEDED")).toBe(true);
    expect(causeText(error)).toMatch(/attach took longer than 10 s/);
    expect(hypervisor.changes).toEqual([]);
    expect(hypervisor.locks.areFree).toBe(true);
  });
});

describe("a caller that gives up", () => {
  const reason = new Error("nobody waits any more");
  const operations = {
    attach: (hypervisor: WorldHypervisor, signal: AbortSignal) =>
      attach(hypervisor, attachRequest({ signal })),
    detach: (hypervisor: WorldHypervisor, signal: AbortSignal) =>
      detach(hypervisor, { ...detachRequest(), signal }),
  };
  const giveUpAt = async (name: keyof typeof operations, at: RegExp) => {
    const hypervisor = new WorldHypervisor(empty());
    if (name === "detach") await letTimePass(attach(hypervisor, attachRequest()));
    hypervisor.calls.length = 0;
    const caller = new AbortController();
    hypervisor.onCall = (call) => (at.test(call) ? caller.abort(reason) : undefined);
    const { error } = await letTimePass<unknown>(operations[name](hypervisor, caller.signal));
    expect(caller.signal.aborted).toBe(true);
    expect(hypervisor.locks.areFree).toBe(true);
    return { error, changes: hypervisor.changes, world: hypervisor.world };
  };

  it.each([
    ["attach", "before the locks", /^readIdentity/],
    ["attach", "at the locks", /^lock/],
    ["attach", "in the look under the locks", /^observe/],
    ["detach", "at the locks", /^lock/],
    ["detach", "in the look under the locks", /^observe/],
  ] as const)("ends %s where it waits %s, with its own reason and nothing touched", async (name, _, at) => {
    expect(await giveUpAt(name, at)).toMatchObject({ error: reason, changes: [] });
  });

  it.each([/^record/, /^hold/, /^plug f1/, /^plug f0/])(
    "leaves an attach that has begun to finish, at %s",
    async (at) => {
      const { error, world } = await giveUpAt("attach", at);
      expect(error).toBeUndefined();
      expect(world.plugged.map((one) => one.guestFunction).sort()).toEqual([0, 1, 2, 3]);
      expect(world.ledger).toHaveLength(1);
    },
  );

  it.each([/^device_del/, /^release/, /^erase/])(
    "leaves a detach that has begun to finish, at %s",
    async (at) => {
      const { error, world } = await giveUpAt("detach", at);
      expect(error).toBeUndefined();
      expect(world.plugged).toEqual([]);
      expect(world.holdings).toEqual([]);
      expect(world.ledger).toEqual([]);
    },
  );

  it("has what failed after that undone, with the failure as the cause", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) => (call === "plug f2" ? "refused" : undefined));
    const caller = new AbortController();
    hypervisor.onCall = (call) => (call === "plug f1" ? caller.abort(reason) : undefined);
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ signal: caller.signal })));
    expect(causeText(error)).toMatch(/plug f2 was refused.*Everything was undone/);
    expect(hypervisor.world.holdings).toEqual([]);
    expect(hypervisor.world.ledger).toEqual([]);
  });
});

describe("the locks", () => {
  it("are the guest's, then the groups' by number, in one order for every operation", async () => {
    const functions = [12, 3, 100]
      .map((iommuGroup, n) => hostDevice("0000:01:00", [n], { iommuGroup }))
      .flat();
    const hypervisor = new WorldHypervisor(new World({ functions }));
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    await letTimePass(detach(hypervisor, detachRequest()));
    const names = [guestLock, "group-3", "group-12", "group-100"];
    expect(hypervisor.locks.taken).toEqual([names, names]);
  });

  it("are of the groups of all functions, where these are of several host slots", async () => {
    const functions = [
      ...hostDevice("0000:01:10", [2], { iommuGroup: 13 }),
      ...hostDevice("0000:02:00", [0, 1], { iommuGroup: 9 }),
    ];
    const map = ["0000:02:00.0", "0000:01:10.2", "0000:02:00.1"].map((address, guestFunction) => ({
      hostAddress: at(address),
      guestFunction,
    }));
    const hypervisor = new WorldHypervisor(new World({ functions }));
    const desired = wants(undefined, { selection: { by: "map", map } });
    const query = { addresses: map.map((one) => one.hostAddress) };
    const { error, value } = await letTimePass(attach(hypervisor, attachRequest({ desired, query })));
    expect(error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([[guestLock, "group-9", "group-13"]]);
    expect(value?.attached.map((one) => [one.hostAddress, one.guestFunction, one.iommuGroup])).toEqual([
      ["0000:02:00.0", 0, 9],
      ["0000:01:10.2", 1, 13],
      ["0000:02:00.1", 2, 9],
    ]);
  });

  it("are held before the first look that counts, and until the last step", async () => {
    const hypervisor = new WorldHypervisor(empty());
    const freeAt: string[] = [];
    hypervisor.onCall = (call) => {
      if (hypervisor.locks.areFree) freeAt.push(call);
    };
    await letTimePass(attach(hypervisor, attachRequest()));
    expect(freeAt).toEqual(["readIdentity", `lock ${guestLock} group-7`]);
    expect(hypervisor.locks.areFree).toBe(true);
  });

  it("are let go and taken again in order, if the look finds further groups", async () => {
    const functions = [
      ...hostDevice("0000:01:00", [0], { iommuGroup: 9 }),
      ...hostDevice("0000:00:05", [0], { iommuGroup: 2 }),
    ];
    const hypervisor = new WorldHypervisor(new World({ functions }));
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([
      [guestLock, "group-9"],
      [guestLock, "group-2", "group-9"],
    ]);
    expect(hypervisor.changes[0]).toBe("record");
    expect(hypervisor.calls.filter((one) => one === "observe")).toHaveLength(2);
  });

  const cards = (): World =>
    new World({ functions: [...hostDevice(), ...hostDevice("0000:02:00", [0, 1], { iommuGroup: 9 })] });
  const otherCard = (extra: Partial<DesiredAttachment> = {}) =>
    attachRequest({
      desired: wants([0, 1], {
        selection: { by: "device", device: "0000:02:00" as PciSlotAddress },
        ...extra,
      }),
      query: { addresses: ["0000:02:00"] },
    });

  it("are not those of the guest's other attachments, which are still looked at", async () => {
    const hypervisor = new WorldHypervisor(cards());
    await letTimePass(attach(hypervisor, otherCard({ ownerToken: "organization/net/dev/other" })));
    hypervisor.locks.taken.length = 0;
    expect((await letTimePass(attach(hypervisor, attachRequest()))).error).toBeUndefined();
    expect((await letTimePass(detach(hypervisor, detachRequest()))).error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([
      [guestLock, "group-7"],
      [guestLock, "group-7"],
    ]);
    const left = hypervisor.world.plugged.map((one) => one.hostAddress).sort();
    expect(left).toEqual(["0000:02:00.0", "0000:02:00.1"]);
  });

  it("are those that only the owner's entry names, and of attachments sharing a group", async () => {
    const hypervisor = new WorldHypervisor(cards());
    await letTimePass(attach(hypervisor, attachRequest()));
    expect((await letTimePass(attach(hypervisor, otherCard()))).error).toBeUndefined();
    expect(hypervisor.locks.taken.at(-1)).toEqual([guestLock, "group-7", "group-9"]);
    const heir = attachRequest({
      desired: wants(undefined, { ownerToken: "organization/net/dev/heir", adopt: true }),
    });
    await letTimePass(attach(hypervisor, attachRequest()));
    hypervisor.locks.taken.length = 0;
    expect((await letTimePass(attach(hypervisor, heir))).error).toBeUndefined();
    expect(hypervisor.locks.taken[0]).toEqual([guestLock, "group-7"]);
    expect(hypervisor.world.ledger.map(({ entry }) => entry.owner)).toEqual(["organization/net/dev/heir"]);
  });

  it("name the guest by its UUID also where the host has it no more", async () => {
    const world = empty();
    world.runState = "missing";
    const hypervisor = new WorldHypervisor(world);
    const { error } = await letTimePass(detach(hypervisor, detachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.locks.taken).toEqual([[guestLock, "group-7"]]);
  });

  it("lost in the middle of an attach end it: nothing more is sent", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.onCall = (call) => {
      if (call === "plug f2") hypervisor.locks.lose();
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(causeText(error)).toMatch(/the lock was lost.*What was begun is recorded on the host/);
    expect(causeText(error)).not.toContain("Undoing");
    expect(hypervisor.calls.at(-1)).toBe("plug f2");
    const { actual } = error as AttachFailure;
    expect(actual?.held.map((one) => one.hostDriver)).toEqual(Array(4).fill("e1000e"));
  });

  it("lost at the same time as a call fails end it all the same", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) => (call === "plug f2" ? "refused" : undefined));
    hypervisor.onCall = (call) => {
      if (call === "plug f2") hypervisor.locks.lose();
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeInstanceOf(AttachFailure);
    expect(hypervisor.calls.at(-1)).toBe("plug f2");
  });

  it("lost while something is being undone end that too", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) => (call === "plug f2" ? "refused" : undefined));
    hypervisor.onCall = (call) => {
      if (call === "device_del f1") hypervisor.locks.lose();
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(causeText(error)).toContain("injected: plug f2 was refused");
    expect(causeText(error)).toContain("the lock was lost");
    expect(hypervisor.calls.at(-1)).toBe("device_del f1");
  });

  it("lost in the middle of a detach end it: nothing more is sent", async () => {
    const world = empty();
    reach(world, wants());
    const hypervisor = new WorldHypervisor(world);
    hypervisor.onCall = (call) => {
      if (call === "listen") hypervisor.locks.lose();
    };
    const { error } = await letTimePass(detach(hypervisor, detachRequest()));
    expect(hasCode(error, "DETACH_FAILED")).toBe(true);
    expect(causeText(error)).toContain("the lock was lost");
    expect(hypervisor.changes).toEqual([]);
  });

  it("that are not granted end the operation before it looks", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) =>
      call.startsWith("lock") ? "refused" : undefined,
    );
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(causeText(error)).toContain("injected: lock");
    expect(hypervisor.calls).toHaveLength(2);
  });
});

describe("a second try", () => {
  it("is made where the slot was emptied right after the plug, unasked", async () => {
    const world = empty();
    const hypervisor = new WorldHypervisor(world);
    let sweeps = 1;
    hypervisor.onCall = (call) => {
      if (call === "deviceIds" && hypervisor.changes.at(-1) === "plug f0" && sweeps-- > 0) world.plugged = [];
    };
    const said: string[] = [];
    const progress = (line: string): void => void said.push(line);
    const { error, value } = await letTimePass(attach(hypervisor, attachRequest({ progress })));
    expect(error).toBeUndefined();
    expect(value?.attached).toHaveLength(4);
    expect(hypervisor.changes.filter((one) => one === "plug f0")).toHaveLength(2);
    expect(hypervisor.changes.filter((one) => one.startsWith("hold"))).toHaveLength(4);
    expect(said.join("\n")).toMatch(/emptied again right after the plug.*Trying once more/);
  });

  it("is the last one: a slot swept again fails, and everything is undone", async () => {
    const world = empty();
    const hypervisor = new WorldHypervisor(world);
    hypervisor.onCall = (call) => {
      if (call === "deviceIds" && hypervisor.changes.at(-1) === "plug f0") world.plugged = [];
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    const cause = (error as { cause?: { cause?: unknown } }).cause?.cause;
    expect(hasCode(cause, "SLOT_SWEPT")).toBe(true);
    expect(hypervisor.changes.filter((one) => one === "plug f0")).toHaveLength(2);
    expect(world.holdings).toEqual([]);
  });

  it("releases and holds the whole group again if the guest lost the group's node", async () => {
    const world = empty();
    const hypervisor = new WorldHypervisor(world);
    let isLost = true;
    const plug = hypervisor.guest.plug;
    hypervisor.guest.plug = async (target, slot, options) => {
      const address = target.hostAddress;
      if (isLost) {
        isLost = false;
        throw providerError("GROUP_NODE_LOST", {
          hostAddress: address,
          reason: "Could not open '/dev/vfio/7'",
        });
      }
      return plug(target, slot, options);
    };
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    const { changes } = hypervisor;
    expect(changes.filter((one) => one.startsWith("release"))).toHaveLength(4);
    expect(changes.filter((one) => one.startsWith("hold"))).toHaveLength(8);
    expect(changes.lastIndexOf("release 0000:01:00.3")).toBeLessThan(
      changes.lastIndexOf("hold 0000:01:00.0"),
    );
    expect(world.plugged).toHaveLength(4);
  });

  /** QEMU is refused the node so often, and something may happen before. */
  function nodeIsDenied(
    world: World,
    { times = 1, before = () => undefined }: { times?: number; before?: () => void } = {},
  ): WorldHypervisor {
    const hypervisor = new WorldHypervisor(world);
    const plug = hypervisor.guest.plug;
    let left = times;
    hypervisor.guest.plug = (target, slot, options) => {
      if (left === 0) return plug(target, slot, options);
      left -= 1;
      before();
      throw providerError("GROUP_NODE_DENIED", {
        hostAddress: target.hostAddress,
        path: "/dev/vfio/7",
        by: "access",
        confinements: ["AppArmor"],
        reason: "Could not open '/dev/vfio/7': Permission denied",
      });
    };
    return hypervisor;
  }

  const holdsOf = ({ changes }: WorldHypervisor): number =>
    changes.filter((one) => one.startsWith("hold")).length;

  it("holds again once what QEMU is denied, if a hold gives it the node", async () => {
    const hypervisor = nodeIsDenied(empty());
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect([error, holdsOf(hypervisor), hypervisor.world.plugged.length]).toEqual([undefined, 8, 4]);

    const forGood = nodeIsDenied(empty(), { times: 99 });
    const failed = await letTimePass(attach(forGood, attachRequest()));
    expect(causeText(failed.error)).toContain("AppArmor");
    expect([holdsOf(forGood), forGood.world.holdings]).toEqual([8, []]);
  });

  it("does not hold again what QEMU is denied by the administrator's own modes", async () => {
    const hypervisor = nodeIsDenied(empty());
    Object.assign(hypervisor.host, { firstHold: "with-others" });
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(causeText(error)).toContain("AppArmor");
    expect(holdsOf(hypervisor)).toBe(4);
  });

  it("holds again what QEMU is denied because somebody has released a part", async () => {
    const world = empty();
    const before = (): void => {
      world.holdings = world.holdings.filter((one) => one.hostAddress !== "0000:01:00.3");
    };
    const hypervisor = nodeIsDenied(world, { before });
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.changes.filter((one) => one.startsWith("hold"))).toHaveLength(8);
    expect(world.plugged).toHaveLength(4);
  });

  type Use = HostUseReason & Partial<HostUseTraits>;
  const bondPort: Use = {
    kind: "interface-layer",
    device: "eth2",
    layer: { name: "bond0", type: "bond" },
  };

  /**
   * All is attached; the first plug of a change loses the node, and what is let go of gets a use, by itself.
   */
  function groupNodeIsLost(
    faultAt?: (call: string, index: number) => Fault | undefined,
    use: Use = { ...addressOn("eth1", "10.0.0.5/24"), comesByItself: "address" },
  ): WorldHypervisor {
    const world = empty();
    reach(world, wants());
    const hypervisor = new WorldHypervisor(world, faultAt);
    const plug = hypervisor.guest.plug;
    let isLost = true;
    hypervisor.guest.plug = (target, slot, options) => {
      if (!isLost) return plug(target, slot, options);
      isLost = false;
      throw providerError("GROUP_NODE_LOST", {
        hostAddress: target.hostAddress,
        reason: "Could not open '/dev/vfio/7'",
      });
    };
    hypervisor.onCall = (call) => {
      if (call.startsWith("release"))
        world.hostUses = [0, 1, 2, 3].map((n) => ({ ...hostUse(`0000:01:00.${n}`, use), ...use }));
    };
    return hypervisor;
  }

  it("takes up again what the host began to use while it had it back", async () => {
    const hypervisor = groupNodeIsLost();
    const desired = wants([0, 2], { leftovers: "hold" });
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ desired })));
    expect(error).toBeUndefined();
    expect(hypervisor.world.plugged.map((one) => one.guestFunction).sort()).toEqual([0, 2]);
  });

  it("that fails is undone all the same: the host loses the former set again", async () => {
    let holds = 0;
    const hypervisor = groupNodeIsLost((call) =>
      call.startsWith("hold") && ++holds === 1 ? "refused" : undefined,
    );
    const desired = wants([0, 2], { leftovers: "hold" });
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ desired })));
    expect(causeText(error)).toMatch(/was refused.*attached before are attached again/s);
    expect(hypervisor.world.plugged.map((one) => one.guestFunction).sort()).toEqual([0, 1, 2, 3]);
  });

  it.each<[string, Use]>([
    ["a disk of it was mounted", mountOf("nvme1n1", "/srv")],
    ["it was made a port of a bond", bondPort],
    [
      "it carries this connection now",
      { kind: "this-connection", device: "eth1", isThisConnection: true, comesByItself: "address" },
    ],
  ])("is refused if the host has begun to use it beyond an address: %s", async (_name, use) => {
    const hypervisor = groupNodeIsLost(undefined, use);
    const desired = wants([0, 2], { leftovers: "hold" });
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ desired })));
    expect(causeText(error)).toContain("FUNCTION_USED_BY_HOST");
    // an undo takes it from the host no more than the second try does
    expect(hypervisor.changes.filter((one) => one.startsWith("hold"))).toEqual([]);
    expect(hypervisor.world.holdings).toEqual([]);
    expect((error as AttachFailure).actual).toBeUndefined();
  });

  it("takes what the program allows to be taken in use", async () => {
    const hypervisor = groupNodeIsLost(undefined, mountOf("nvme1n1", "/srv"));
    const desired = wants([0, 2], { leftovers: "hold", allowInUse: true });
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ desired })));
    expect(error).toBeUndefined();
  });

  it("tells what it takes though the host has begun to use it", async () => {
    const said: string[] = [];
    const progress = (line: string): void => void said.push(line);
    const desired = wants([0, 2], { leftovers: "hold" });
    await letTimePass(attach(groupNodeIsLost(), attachRequest({ desired, progress })));
    expect(said.join("\n")).toContain(
      "0000:01:00.0 has interface eth1, which is up with address 10.0.0.5/24, since a moment ago",
    );
  });

  it("is not made for any other failure", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) => (call === "plug f0" ? "refused" : undefined));
    await letTimePass(attach(hypervisor, attachRequest()));
    expect(hypervisor.changes.filter((one) => one === "plug f0")).toHaveLength(1);
  });
});

describe("steps that do not need each other", () => {
  it("run together: all holds after the first, all releases", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.onCall = (call) => (/^(hold|release)/.test(call) ? sleep(1000) : undefined);
    const { tookMs } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(tookMs).toBeGreaterThanOrEqual(2000);
    expect(tookMs).toBeLessThan(2500);
    const { tookMs: detachMs } = await letTimePass(detach(hypervisor, detachRequest()));
    expect(detachMs).toBeLessThan(1500);
  });

  it("are all awaited where one of them fails, before anything is undone", async () => {
    const hypervisor = new WorldHypervisor(empty(), (call) =>
      call === "hold 0000:01:00.1" ? "refused" : undefined,
    );
    hypervisor.onCall = (call) => (call === "hold 0000:01:00.3" ? sleep(5000) : undefined);
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(causeText(error)).toContain("hold 0000:01:00.1");
    expect(hypervisor.world.holdings).toEqual([]);
    expect(hypervisor.changes).toContain("release 0000:01:00.3");
  });

  it("are told with their number among all", async () => {
    const said: string[] = [];
    const progress = (line: string): void => void said.push(line);
    await letTimePass(attach(new WorldHypervisor(empty()), attachRequest({ progress })));
    expect(said.map((line) => line.split(" ")[0])).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i + 1}/10`),
    );
  });
});

describe("a device_add", () => {
  it("is never sent for an id that QEMU has: that kills some machines", async () => {
    const world = empty();
    const id = `mfpci-${tagOf(OWNER)}-f1`;
    const hypervisor = new WorldHypervisor(world);
    const deviceIds = hypervisor.guest.deviceIds;
    hypervisor.guest.deviceIds = async (signal) => new Set([...(await deviceIds(signal)), id]);
    const { error } = await letTimePass(attach(hypervisor, attachRequest()));
    expect(causeText(error)).toContain(id);
    expect(hypervisor.changes.filter((one) => one.startsWith("plug"))).toEqual([]);
  });
});

describe("what an attach tells", () => {
  it("is the same as a look at it tells afterwards", async () => {
    const world = empty();
    const desired = wants([0, 2], { leftovers: "hold" });
    const first = await letTimePass(attach(new WorldHypervisor(world), attachRequest({ desired })));
    const second = await letTimePass(attach(new WorldHypervisor(world), attachRequest({ desired })));
    expect(first.value).toEqual(second.value);
    expect(first.value).toMatchObject({
      slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
      guest: { guestConfigured: true },
      attached: [
        {
          hostAddress: "0000:01:00.0",
          guestFunction: 0,
          hostDriver: "e1000e",
          iommuGroup: 7,
          vendorId: "0x8086",
          productId: "0x10d3",
        },
        { hostAddress: "0000:01:00.2", guestFunction: 2 },
      ],
      held: [
        { hostAddress: "0000:01:00.1", hostDriver: "e1000e", iommuGroup: 7 },
        { hostAddress: "0000:01:00.3", hostDriver: "e1000e", iommuGroup: 7 },
      ],
    });
  });
});

describe("functions that libvirt hands back by itself", () => {
  const booted = (): World => {
    const world = empty();
    reach(world, wants(undefined, { persistent: true }));
    world.stopGuest();
    return world.coldBoot();
  };

  it("are looked for until libvirt has none of them, and never released", async () => {
    const hypervisor = new WorldHypervisor(booted());
    const { error, tookMs } = await letTimePass(detach(hypervisor, detachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.calls.filter((one) => one === "heldAliases")).toHaveLength(4);
    expect(tookMs).toBeGreaterThanOrEqual(1500);
    expect(hypervisor.changes).toEqual(["unconfigure", "device_del -0", "erase live configuration"]);
    expect([...hypervisor.world.functions.values()].map((one) => one.driver)).toEqual(
      Array(4).fill("e1000e"),
    );
  });

  it("and do not come back end the operation in time, each by name", async () => {
    const world = booted();
    const handOneBack = world.handOneBack.bind(world);
    world.handOneBack = () => false;
    const { error } = await letTimePass(
      detach(new WorldHypervisor(world), { ...detachRequest(), limitSeconds: 20 }),
    );
    expect(hasCode(error, "DETACH_FAILED")).toBe(true);
    expect(causeText(error)).toMatch(
      /detach took longer than 20 s: libvirt has not handed 0000:01:00\.0-3 back/,
    );
    world.handOneBack = handOneBack;
    const again = await letTimePass(detach(new WorldHypervisor(world), detachRequest()));
    expect(again.error).toBeUndefined();
    expect(world.holdings).toEqual([]);
  });

  it("have some seconds to be on their drivers again, before any is bound", async () => {
    const world = booted();
    const hypervisor = new WorldHypervisor(world);
    hypervisor.onCall = (call) => {
      if (call !== "readFunctions" || hypervisor.calls.filter((one) => one === call).length > 1) return;
      const late = at("0000:01:00.3");
      world.bind(late, "vfio-pci");
      setTimeout(() => world.bind(late, "e1000e"), 7000);
    };
    const { error, tookMs } = await letTimePass(detach(hypervisor, detachRequest()));
    expect(error).toBeUndefined();
    expect(tookMs).toBeGreaterThanOrEqual(7000);
    expect(hypervisor.changes.filter((one) => one.startsWith("rebind"))).toEqual([]);
  });
});

describe("a look at a guest that is shut off", () => {
  it("tells what its configuration gives it, and so does an attach", async () => {
    const world = empty();
    const desired = wants([0, 2], { leftovers: "hold", persistent: true });
    await letTimePass(attach(new WorldHypervisor(world), attachRequest({ desired })));
    world.stopGuest();
    const hypervisor = new WorldHypervisor(world);
    const { signal } = new AbortController();
    const look = () => readActualState(hypervisor, { addresses: ["0000:01:00"] }, OWNER, signal);
    const { value: told } = await letTimePass(look());
    expect(told).toMatchObject({
      slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
      guest: { guestConfigured: false },
      attached: [
        { hostAddress: "0000:01:00.0", guestFunction: 0, hostDriver: "e1000e", productId: "0x10d3" },
        { hostAddress: "0000:01:00.2", guestFunction: 2, hostDriver: "e1000e" },
      ],
      held: [
        { hostAddress: "0000:01:00.1", hostDriver: "e1000e", iommuGroup: 7 },
        { hostAddress: "0000:01:00.3", hostDriver: "e1000e", iommuGroup: 7 },
      ],
    });
    expect(hypervisor.calls).not.toContain("readEnumeration");
    const { value: attached } = await letTimePass(attach(hypervisor, attachRequest({ desired })));
    expect(attached).toEqual(told);
    expect(hypervisor.changes).toEqual([]);
    world.coldBoot();
    const { value: booted } = await letTimePass(look());
    expect(booted).toMatchObject({ ...told, guest: { guestConfigured: true } });
  });

  it("finds nothing of an attachment that was not persistent", async () => {
    const world = empty();
    reach(world, wants());
    world.stopGuest();
    const { signal } = new AbortController();
    const look = readActualState(new WorldHypervisor(world), { addresses: [] }, OWNER, signal);
    expect((await letTimePass(look)).value).toBeUndefined();
  });
});

describe("a detach", () => {
  it("that verify refuses touches nothing", async () => {
    const world = empty();
    reach(world, wants());
    const hypervisor = new WorldHypervisor(world);
    const verify = (): never => {
      throw providerError("ANOTHER_HOST", { host: "hv1", expected: "a", actual: "b" });
    };
    const { error } = await letTimePass(detach(hypervisor, { ...detachRequest(), verify }));
    expect(hasCode(error, "ANOTHER_HOST")).toBe(true);
    expect(hypervisor.changes).toEqual([]);
  });

  it("of what another has adopted touches nothing and succeeds", async () => {
    const world = empty();
    reach(world, wants());
    reach(world, wants(undefined, { ownerToken: "acme/prod/heir", adopt: true }));
    const hypervisor = new WorldHypervisor(world);
    const { error } = await letTimePass(detach(hypervisor, detachRequest()));
    expect(error).toBeUndefined();
    expect(hypervisor.changes).toEqual([]);
    expect(world.plugged).toHaveLength(4);
  });

  it("keeps the ledger's tag, which after an adoption is the first owner's", async () => {
    const world = empty();
    const heir = "acme/prod/heir";
    reach(world, wants());
    reach(world, wants(undefined, { ownerToken: heir, adopt: true }));
    const hypervisor = new WorldHypervisor(world);
    const { error } = await letTimePass(detach(hypervisor, { ...detachRequest(), ownerToken: heir }));
    expect(error).toBeUndefined();
    expect(world.plugged).toEqual([]);
    expect(world.holdings).toEqual([]);
  });
});

describe("two operations on one guest", () => {
  it("do not interleave: the second begins where the first has ended", async () => {
    const world = empty();
    const queue = new QueueingLocks();
    const first = new WorldHypervisor(world);
    const second = new WorldHypervisor(world);
    const order: string[] = [];
    for (const [name, one] of [
      ["first", first],
      ["second", second],
    ] as const) {
      Object.assign(one, { lock: queue });
      one.onCall = (call) => {
        order.push(`${name} ${call}`);
        return call.startsWith("hold") ? sleep(500) : undefined;
      };
    }
    const [a, b] = [attach(first, attachRequest()), attach(second, attachRequest())];
    await Promise.all([letTimePass(a), letTimePass(b)]);
    const underLock = order.filter((one) => !one.endsWith("readIdentity"));
    const firstOfSecond = underLock.findIndex((one) => one.startsWith("second"));
    expect(underLock.slice(firstOfSecond).every((one) => one.startsWith("second"))).toBe(true);
    expect(second.changes).toEqual([]);
  });
});

/** Grants all names to one at a time. */
class QueueingLocks {
  #last: Promise<unknown> = Promise.resolve();

  async acquire(): Promise<{ release: () => Promise<void>; lost: Promise<Error> }> {
    const before = this.#last;
    let letGo: () => void = () => undefined;
    this.#last = new Promise<void>((resolve) => (letGo = resolve));
    await before;
    return {
      lost: new Promise(() => undefined),
      release: () => {
        letGo();
        return Promise.resolve();
      },
    };
  }
}

describe("a detach from a guest through which this connection goes", () => {
  const router = (): World => {
    const world = empty();
    reach(world, wants());
    world.wayThroughGuest = { certainty: "sure", interfaces: ["vnet3"] };
    return world;
  };

  it("is refused with nothing touched, unless that is allowed", async () => {
    const refused = new WorldHypervisor(router());
    const { error } = await letTimePass(detach(refused, detachRequest()));
    expect(hasCode(error, "CONNECTION_THROUGH_GUEST")).toBe(true);
    expect(refused.changes).toEqual([]);
    const allowed = new WorldHypervisor(router());
    const lines: string[] = [];
    const progress = (line: string): void => void lines.push(line);
    const done = await letTimePass(detach(allowed, detachRequest({ allowDisconnect: true, progress })));
    expect(done.error).toBeUndefined();
    expect(allowed.world.plugged).toEqual([]);
    expect(lines[0]).toMatch(/^warning: this SSH connection goes through guest guest1 \(vnet3\)/);
  });
});

describe("an attach to a guest through which this connection goes", () => {
  it("that fails is undone all the same", async () => {
    const hypervisor = new WorldHypervisor(empty());
    hypervisor.world.wayThroughGuest = { certainty: "sure", interfaces: ["vnet3"] };
    hypervisor.onCall = (call) => (call === "confirm" || call === "plug f0" ? sleep(70_000) : undefined);
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ limitSeconds: 10 })));
    expect(error).toBeInstanceOf(AttachFailure);
    expect(hypervisor.world.plugged).toEqual([]);
  });
});
