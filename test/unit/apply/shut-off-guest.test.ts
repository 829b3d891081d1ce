import { attach, AttachFailure, detach } from "../../../provider/apply";
import { causeText } from "../../../provider/errors";
import { letTimePass } from "../../support/fake-time";
import { attachRequest, detachRequest } from "../../support/requests";
import { at, hostUse, addressOn, wants } from "../../support/desired";
import { OLDER_LIBVIRT, OWNER } from "../../support/scenarios";
import { hostDevice, World } from "../../support/world";
import { WorldHypervisor, type Fault } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const persistent = wants([0, 1, 2, 3], { persistent: true });
const numbers = [0, 1, 2, 3];
const card = numbers.map((n) => `0000:01:00.${n}`);
const shutOff = (): World => new World({ functions: hostDevice(), runState: "off" });

/** An attach in which something happens before the calls of this name. */
async function attachWhile(world: World, name: string, happens: () => void) {
  const hypervisor = new WorldHypervisor(world);
  let isDone = false;
  hypervisor.onCall = (call) => {
    if (isDone || call !== name) return;
    isDone = true;
    happens();
  };
  const lines: string[] = [];
  const request = {
    ...attachRequest({ desired: persistent }),
    progress: (line: string) => void lines.push(line),
  };
  const { value, error } = await letTimePass(attach(hypervisor, request));
  return { value, error, lines, hypervisor };
}
const nothing = (): void => undefined;

describe("an attach to a guest that is shut off", () => {
  it("asks its monitor nothing, holds nothing, and says when the guest will have it", async () => {
    const world = shutOff();
    const { value, lines, hypervisor } = await attachWhile(world, "none", nothing);
    expect(hypervisor.changes).toEqual(["record configuration", "configure"]);
    expect(hypervisor.calls).not.toContain("listen");
    expect(hypervisor.calls).not.toContain("readEnumeration");
    expect(lines.at(-1)).toBe(
      "guest1 is shut off: written to its configuration; it has the functions from its next start on.",
    );
    expect(value).toMatchObject({
      slot: { bus: "pci.4", slot: 0, kind: "pcie-acpi" },
      attached: card.map((hostAddress) => ({ hostAddress, hostDriver: "e1000e" })),
      held: [],
      guest: { guestConfigured: false },
    });
  });

  it("that finds all of it there already says nothing new", async () => {
    const world = shutOff();
    await attachWhile(world, "none", nothing);
    const { lines, hypervisor } = await attachWhile(world, "none", nothing);
    expect(hypervisor.changes).toEqual([]);
    expect(lines.filter((line) => line.includes("shut off"))).toEqual([]);
  });

  it("that is started before the look is attached to live", async () => {
    const world = shutOff();
    const { value, hypervisor } = await attachWhile(world, "observe", () => void world.coldBoot());
    expect(hypervisor.changes).toContain("plug f0");
    expect(value?.attached.map((one) => one.qemuId.slice(-3))).toEqual(numbers.map((n) => `-f${n}`));
    expect(world.configured).toHaveLength(4);
  });

  it("started before the write says that nothing is there; the next run plugs", async () => {
    const world = shutOff();
    const started = await attachWhile(world, "configure", () => void world.coldBoot());
    expect(started.lines.at(-1)).toBe(
      "guest1 was started meanwhile with nothing of it: its configuration has it all from the next cold boot on; " +
        "to have it now, run again.",
    );
    expect(started.value).toMatchObject({ attached: [], slot: { bus: "pci.4" } });
    const { value } = await attachWhile(world, "none", nothing);
    expect(value?.attached).toHaveLength(4);
    expect(world.guestSees()).toHaveLength(1);
  });

  it("that is started right after the write has it, which is said", async () => {
    const world = shutOff();
    let looks = 0;
    const hypervisor = new WorldHypervisor(world);
    hypervisor.onCall = (call) => {
      if (call === "observe" && ++looks === 2) world.coldBoot();
    };
    const lines: string[] = [];
    const request = {
      ...attachRequest({ desired: persistent }),
      progress: (line: string) => void lines.push(line),
    };
    const { value } = await letTimePass(attach(hypervisor, request));
    expect(lines.at(-1)).toBe("guest1 was started meanwhile, and has 0000:01:00.0-3.");
    expect(value?.attached).toHaveLength(4);
    expect(value?.guest.guestConfigured).toBe(true);
  });

  it.each(["record configuration", "configure"])(
    "that is undefined before %s fails, and nothing is left",
    async (call) => {
      const world = shutOff();
      const { error } = await attachWhile(world, call, () => {
        world.runState = "missing";
        world.configuredLedger = [];
      });
      expect(error).toBeInstanceOf(AttachFailure);
      expect((error as AttachFailure).actual).toBeUndefined();
      expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
    },
  );

  it("whose slot is given away before the write is undone, and made elsewhere", async () => {
    const world = shutOff();
    const { error } = await attachWhile(world, "configure", () => world.reserveAtBoot({ "pci.4": 0 }));
    expect(causeText(error)).toMatch(/double use of PCI Address.*Everything was undone/s);
    expect({ configured: world.configured, ledger: world.configuredLedger }).toEqual({
      configured: [],
      ledger: [],
    });
    const { value } = await attachWhile(world, "none", nothing);
    expect(value?.slot?.bus).toBe("pci.3");
  });

  it("whose configuration is written back without it has it again after the next run", async () => {
    const world = shutOff();
    const { value: made } = await attachWhile(world, "none", nothing);
    world.configured = [];
    world.configuredLedger = [];
    const slot = made?.slot;
    const functions = numbers.map((n) => ({
      hostAddress: at(card[n] ?? ""),
      guestFunction: n,
      hostDriver: "e1000e",
    }));
    const prior = { functions, ...(slot && { slot }) };
    const hypervisor = new WorldHypervisor(world);
    const { value } = await letTimePass(attach(hypervisor, attachRequest({ desired: persistent, prior })));
    expect(value).toMatchObject({ slot, attached: card.map((hostAddress) => ({ hostAddress })) });
    expect(world.configured).toHaveLength(4);
  });

  it("that fails to change a set puts it back, though the host uses it", async () => {
    const world = shutOff();
    await attachWhile(world, "none", nothing);
    world.hostUses = card.map((address, n) => hostUse(address, addressOn(`eth${n}`)));
    const hypervisor: WorldHypervisor = new WorldHypervisor(world, (call): Fault | undefined =>
      call === "configure" &&
      world.configured.length === 0 &&
      hypervisor.calls.filter((one) => one === call).length === 1
        ? "refused"
        : undefined,
    );
    const desired = wants([0, 2], { persistent: true, leftovers: "hold" });
    const prior = { functions: [] };
    const { error } = await letTimePass(attach(hypervisor, attachRequest({ desired, prior })));
    expect(causeText(error)).toContain(
      "The guest is shut off; its configuration has the functions that it had before",
    );
    expect(world.configured.map((one) => one.guestAddress?.guestFunction).sort()).toEqual(numbers);
  });
});

describe("a detach from a guest that is shut off", () => {
  it("of one that was undefined meanwhile has nothing to do", async () => {
    const world = shutOff();
    await attachWhile(world, "none", nothing);
    world.runState = "missing";
    world.configured = [];
    world.configuredLedger = [];
    const hypervisor = new WorldHypervisor(world);
    const functions = card.map((address) => ({ hostAddress: at(address), hostDriver: "e1000e" }));
    const { error } = await letTimePass(
      detach(hypervisor, { ...detachRequest(), ownerToken: OWNER, prior: { functions } }),
    );
    expect([error, hypervisor.changes]).toEqual([undefined, []]);
  });

  it("by an older libvirt leaves a running guest its functions, and says until when", async () => {
    const world = new World({ functions: hostDevice(), runState: "off", olderLibvirt: OLDER_LIBVIRT });
    await attachWhile(world, "none", nothing);
    world.coldBoot();
    const lines: string[] = [];
    const hypervisor = new WorldHypervisor(world);
    const request = detachRequest({ progress: (line) => void lines.push(line) });
    await letTimePass(detach(hypervisor, request));
    expect(hypervisor.changes).toEqual(["erase domain", "unconfigure"]);
    expect(lines[0]).toBe(
      "guest1 keeps 0000:01:00.0-3 until it is shut off: this host's libvirt is older than 8.3.",
    );
    expect(world.plugged).toHaveLength(4);
    world.stopGuest();
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
  });

  it("that is started in the middle is rid of it in both", async () => {
    const world = shutOff();
    await attachWhile(world, "none", nothing);
    const hypervisor = new WorldHypervisor(world);
    let isStarted = false;
    hypervisor.onCall = (call) => {
      if (isStarted || call !== "unconfigure") return;
      isStarted = true;
      world.coldBoot();
    };
    await letTimePass(detach(hypervisor, detachRequest()));
    await letTimePass(detach(new WorldHypervisor(world), detachRequest()));
    expect({ plugged: world.plugged, held: world.holdings, ledger: world.ledger }).toEqual({
      plugged: [],
      held: [],
      ledger: [],
    });
    expect(world.configured).toEqual([]);
    expect([...world.functions.values()].map((one) => one.driver)).toEqual(Array(4).fill("e1000e"));
  });
});
