import type { BeneathDevice } from "../../../provider/host/facts";
import type { PciAddress } from "../../../provider/pci";
import {
  aliasOf,
  attachmentIdOf,
  describePlan,
  describeSlot,
  describeStep,
  findTagOfAlias,
  findTagOfQemuId,
  listFunctions,
  planAttach,
  planDetach,
  tagOf,
  type Observation,
  type Plan,
} from "../../../provider/plan";
import { interruptionOf } from "../../../provider/plan/describe";
import { OLD_STATE, OWNER } from "../../support/scenarios";
import { at, reach, stepOf, wants } from "../../support/desired";
import { hostDevice, hostFunction, World } from "../../support/world";

const card = (): World => new World({ functions: hostDevice() });

/** Each line of a plan names what it is about. */
function expectSays(plan: Plan, ...parts: readonly RegExp[]): void {
  const lines = describePlan(plan);
  for (const part of parts) expect(lines.filter((line) => part.test(line))).not.toEqual([]);
}

describe("a plan in words", () => {
  it("has a numbered line for each step, and one for the guest's view", () => {
    const plan = planAttach(card().observe(), wants(), OLD_STATE);
    const lines = describePlan(plan);
    expect(lines).toHaveLength(plan.steps.length + 1);
    lines.slice(0, -1).forEach((line, i) => expect(line.startsWith(`${i + 1}. `)).toBe(true));
    expect(new Set(lines).size).toBe(lines.length);
  });

  it("of an attach names each function, its driver, the slot and the moment", () => {
    const plan = planAttach(card().observe(), wants(), OLD_STATE);
    expectSays(
      plan,
      /hold 0000:01:00\.3 .*e1000e/,
      /plug 0000:01:00\.1 as function 1 .*pci\.4.*queued/,
      /plug 0000:01:00\.0 as function 0 .*sees all of it/,
    );
    expect(interruptionOf(plan)).toBe("device-appears");
    expect(describePlan(plan).at(-1)).toMatch(/nothing it has is interrupted/);
  });

  it("names the interface or disk that goes away on the host with a function", () => {
    const hostDevices = new Map([[at("0000:01:00.1"), { interfaces: ["eth1"], disks: ["sda"] }]]);
    const plan = planAttach({ ...card().observe(), hostDevices }, wants(), OLD_STATE);
    expectSays(
      plan,
      /hold 0000:01:00\.1 \(host driver e1000e loses it, with interface eth1 and disk sda\)/,
      /hold 0000:01:00\.0 \(host driver e1000e loses it\)/,
    );
  });

  it("names what else hangs below a function, once, and counts the rest", () => {
    const hostAddresses = [at("0000:01:00.1")];
    const device = (kind: BeneathDevice["kind"], name: string, more: Partial<BeneathDevice> = {}) => ({
      ...{ kind, name, hostAddresses },
      ...more,
    });
    const holding = (...devices: BeneathDevice[]): string | undefined => {
      const beneath = new Map([[at("0000:01:00.1"), devices]]);
      const hostDevices = new Map([[at("0000:01:00.1"), { interfaces: [], disks: ["sdb"] }]]);
      const plan = planAttach({ ...card().observe(), hostDevices, beneath }, wants(), OLD_STATE);
      return describePlan(plan).find((line) => line.includes("hold 0000:01:00.1"));
    };
    expect(
      holding(
        device("display", "VGA", { traits: ["boot"] }),
        device("display", "card0"),
        device("display", "card0-DP-1", { traits: ["connected", "lit"] }),
        device("display", "card0-DP-2"),
        device("usb", "1-2", { detail: "Dell KB216", traits: ["keyboard"] }),
        device("input", "input3", { detail: "Dell KB216", traits: ["keyboard"], within: "1-2" }),
      ),
    ).toBe(
      "3. hold 0000:01:00.1 (host driver e1000e loses it, with disk sdb, and display card0, " +
        "display card0-DP-1 (lit), keyboard 'Dell KB216')",
    );
    const ports = Array.from({ length: 18 }, (_, n) => device("tty", `ttyS${n}`));
    expect(holding(...ports)).toMatch(/serial port ttyS0, .*serial port ttyS5 and 12 more\)$/);
  });

  it("of a change of the set warns of the time without the device", () => {
    const world = card();
    reach(world, wants());
    const plan = planAttach(world.observe(), wants([0, 2], { leftovers: "hold" }), OLD_STATE);
    expectSays(plan, /unplug 0000:01:00\.0-3 .*pci\.4.*loses the device/);
    expect(interruptionOf(plan)).toBe("device-goes-and-comes-back");
    expect(describePlan(plan).slice(-2).join(" ")).toMatch(/without the device.* 2 to 10 s/);
  });

  it.each([
    [2 ** 30, /nothing it has is interrupted/, /QEMU answers nobody/],
    [2 ** 40, /QEMU answers nobody while it pins the guest's 1024 GiB, seconds to minutes/, /interrupted/],
  ])("says what a guest with %d bytes goes through meanwhile", (memoryBytes, said, unsaid) => {
    const world = new World({ functions: hostDevice(), memoryBytes });
    const text = describePlan(planAttach(world.observe(), wants(), OLD_STATE)).join(" ");
    expect(text).toMatch(said);
    expect(text).not.toMatch(unsaid);
  });

  it("says how much memory the first plug pins, unless it is pinned already", () => {
    const GiB = 2 ** 30;
    const pinning = (observation: Observation): string[] =>
      describePlan(planAttach(observation, wants(), OLD_STATE)).filter((line) =>
        /pins .* of memory/.test(line),
      );
    const { guest, ...rest } = card().observe();
    const large = { ...rest, guest: { ...guest, memoryBytes: 1.5 * GiB } };
    expect(pinning(large)).toEqual([
      expect.stringMatching(/^6\. plug 0000:01:00\.1 .*\(queued\); pins 1\.5 GiB of memory$/),
    ]);
    const hostAddress = at("0000:05:00.0");
    const foreign = { guest: large.guest, hostAddress, alias: "hostdev0", isUnassigned: false };
    expect(pinning({ ...large, holdings: [foreign] })).toEqual([]);
    expect(pinning({ ...large, holdings: [{ ...foreign, isUnassigned: true }] })).toHaveLength(1);
    expect(
      pinning({ ...large, holdings: [{ ...foreign, guest: { name: "other", uuid: "other" } }] }),
    ).toHaveLength(1);
    const qemuId = "mfpci-ffffffffffff-f0";
    const anothers = { qemuId, hostAddress, bus: "pci.2", slot: 0, guestFunction: 0 };
    expect(pinning({ ...large, plugged: [anothers] })).toEqual([]);
    expect(pinning({ ...large, guest })).toEqual([]);
  });

  it("of a paused guest says that it has to be resumed", () => {
    const world = card();
    reach(world, wants());
    const observation = world.observe();
    const paused = { ...observation, guest: { ...observation.guest, runState: "paused" as const } };
    expectSays(planDetach(paused, OWNER), /unplug .*paused, and lets go only when it is resumed/);
  });

  it("of leftovers says that nobody sees them", () => {
    expectSays(
      planAttach(card().observe(), wants([0], { leftovers: "hold" }), OLD_STATE),
      /hold 0000:01:00\.1 .*shown to nobody/,
    );
  });

  it("of a detach names the drivers that come back", () => {
    const world = card();
    reach(world, wants());
    const plan = planDetach(world.observe(), OWNER);
    expectSays(plan, /release 0000:01:00\.2 .*e1000e/, /drivers back: 0000:01:00\.0-3 on e1000e/, /erase/);
    expect(interruptionOf(plan)).toBe("device-goes");
  });

  it("of an adoption interrupts nobody and names the new owner", () => {
    const world = card();
    reach(world, wants(undefined, { ownerToken: "acme/prod/former" }));
    const plan = planAttach(world.observe(), wants(undefined, { adopt: true }), OLD_STATE);
    expect(interruptionOf(plan)).toBe("none");
    expectSays(plan, new RegExp(OWNER), /not interrupted/);
  });

  it("of functions apart on the host names each, and their one slot", () => {
    const functions = [hostFunction("0000:01:10.0", { iommuGroup: 11 }), ...hostDevice("0000:02:00", [1])];
    const world = new World({ functions });
    const map = [
      { hostAddress: at("0000:02:00.1"), guestFunction: 0 },
      { hostAddress: at("0000:01:10.0"), guestFunction: 3 },
    ];
    const desired = wants(undefined, { selection: { by: "map", map } });
    expectSays(
      planAttach(world.observe(), desired, OLD_STATE),
      /plug 0000:01:10\.0 as function 3 of pci\.4 \(queued\)$/,
      /plug 0000:02:00\.1 as function 0 of pci\.4: the guest sees all of it$/,
    );
    reach(world, desired);
    expectSays(planDetach(world.observe(), OWNER), /unplug 0000:02:00\.1, 0000:01:10\.0 from pci\.4/);
  });

  it("of a function with a ROM of its own, or none, says so", () => {
    const map = [
      { hostAddress: at("0000:01:00.0"), guestFunction: 0, romFile: "/usr/share/vgabios/card.rom" },
      { hostAddress: at("0000:01:00.1"), guestFunction: 1, romBar: false },
      { hostAddress: at("0000:01:00.2"), guestFunction: 2, romBar: true },
    ];
    const desired = wants(undefined, { leftovers: "hold", selection: { by: "map", map } });
    expectSays(
      planAttach(card().observe(), desired, OLD_STATE),
      /plug 0000:01:00\.0 .* with the ROM of \/usr\/share\/vgabios\/card\.rom: the guest sees/,
      /plug 0000:01:00\.1 .* without a ROM BAR \(queued\)$/,
      /plug 0000:01:00\.2 .* with a ROM BAR \(queued\)$/,
    );
  });

  it("of one function alone says that libvirt attaches it, and what it costs", () => {
    const functions = hostDevice("0000:01:00", [2]);
    const world = new World({ functions, plugsSingles: true, memoryBytes: 2 ** 31 });
    const plan = planAttach(world.observe(), wants([2]), OLD_STATE);
    expect(describePlan(plan)[1]).toBe(
      "2. have libvirt attach 0000:01:00.2 as function 0 of pci.4: the guest sees the device " +
        "(host driver e1000e loses it; pins 2 GiB of memory)",
    );
    expect(interruptionOf(plan)).toBe("device-appears");
  });

  it("without steps says that nothing changes", () => {
    const world = card();
    reach(world, wants());
    expect(describePlan(planAttach(world.observe(), wants(), OLD_STATE))).toEqual([
      "nothing on the host or in the guest changes",
    ]);
  });

  it("of functions that the guest has not seen says so, and interrupts nobody", () => {
    const world = card();
    world.applyAll(planAttach(world.observe(), wants(), OLD_STATE).steps.slice(0, 7));
    const plan = planDetach(world.observe(), OWNER);
    expectSays(plan, /take back 0000:01:00\.1,2 .*has not seen/);
    expect(interruptionOf(plan)).toBe("none");
  });

  it("of a function on a VFIO driver already says that it stays there", () => {
    const functions = hostDevice("0000:01:00", [0], { driver: "mlx5_vfio_pci" });
    const plan = planAttach(new World({ functions }).observe(), wants(), OLD_STATE);
    expectSays(plan, /hold 0000:01:00\.0 \(it is on mlx5_vfio_pci already, and stays there\)$/);
    expect(stepOf(plan, "hold").vfioDriver).toBe("mlx5_vfio_pci");
  });

  it("of a function without driver says that too", () => {
    const alias = "ua-x";
    const hostAddress = at("0000:01:00.0");
    expect(describeStep({ kind: "hold", hostAddress, alias, purpose: "assign" })).toMatch(/no host driver/);
    expect(describeStep({ kind: "release", hostAddress, alias })).not.toMatch(/driver/);
  });
});

describe("lists of functions in words", () => {
  it.each([
    [[], "nothing"],
    [["0000:01:00.0"], "0000:01:00.0"],
    [["0000:01:00.1", "0000:01:00.0"], "0000:01:00.0,1"],
    [["0000:01:00.0", "0000:01:00.1", "0000:01:00.2"], "0000:01:00.0-2"],
    [["0000:01:00.0", "0000:01:00.2", "0000:01:00.3"], "0000:01:00.0,2,3"],
    [["0000:01:00.0", "0000:02:00.1"], "0000:01:00.0, 0000:02:00.1"],
    [["0000:01:10.2", "0000:02:00.1", "0000:01:10.0"], "0000:01:10.0,2, 0000:02:00.1"],
  ])("%j are %s", (addresses, text) => {
    expect(listFunctions(addresses as PciAddress[])).toBe(text);
  });

  it("a slot is named by its bus where that has one slot only", () => {
    expect(describeSlot({ bus: "pci.5", slot: 0 })).toBe("pci.5");
    expect(describeSlot({ bus: "pci.0", slot: 12 })).toBe("pci.0 slot 12");
    expect(describeSlot({ bus: "phb1.0", slot: 3 })).toBe("phb1.0 slot 3");
  });
});

describe("names on the host", () => {
  it("never hold the owner's token, and are the same for the same token", () => {
    expect(attachmentIdOf(OWNER)).toBe(attachmentIdOf(OWNER));
    expect(attachmentIdOf(OWNER)).toMatch(/^mfpci-[0-9a-f]{12}$/);
    expect(tagOf(OWNER)).not.toBe(tagOf(`${OWNER}2`));
  });

  it.each([
    "net0",
    "hostdev0",
    "mfpci-short-f0",
    "mfpci-0123456789ab-f8",
    "mfpci-0123456789ab-f0x",
    "mfpci-0123456789ab-f0-romx",
    "ua-mfpci-0123456789ab-f0",
  ])("of others are no tag: %s", (id) => {
    expect(findTagOfQemuId(id)).toBeUndefined();
  });

  it("of a function that libvirt plugged are its alias, with the owner's tag", () => {
    const tag = tagOf(OWNER);
    expect(findTagOfQemuId(aliasOf(tag, at("0000:01:00.3")))).toBe(tag);
    expect(findTagOfQemuId(aliasOf(tag, at("10000:01:1f.7")))).toBe(tag);
  });

  it.each([
    "hostdev0",
    "ua-mine",
    "ua-mfpci-zz-0000-01-00-0",
    "xua-mfpci-0123456789ab-0000-01-00-0",
    "mfpci-0123456789ab-f0",
  ])("of others are no alias of ours: %s", (alias) => {
    expect(findTagOfAlias(alias)).toBeUndefined();
  });
});
