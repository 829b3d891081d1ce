import { attach, detach } from "../../../provider/apply";
import { readActualState } from "../../support/read-actual-state";
import { aliasOf, describePlan, planAttach, tagOf, type PriorAttachment } from "../../../provider/plan";
import { letTimePass } from "../../support/fake-time";
import { detachRequest } from "../../support/requests";
import { OLDER_LIBVIRT, OTHER_OWNER, OWNER } from "../../support/scenarios";
import { at, reach, wants } from "../../support/desired";
import { hostFunction, OTHER_GUEST, OWN_GUEST, World, type WorldStart } from "../../support/world";
import { WorldHypervisor } from "../../support/world-hypervisor";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const signal = AbortSignal.timeout(600_000);
const query = { addresses: ["0000:01:00"] };
const progress = (): void => undefined;
const address = (n: number) => at(`0000:01:00.${n}`);
/** Four functions, each alone in its IOMMU group, that an attachment has had. */
const prior: PriorAttachment = {
  guestUuid: OWN_GUEST.uuid,
  functions: [0, 1, 2, 3].map((n) => ({ hostAddress: address(n), guestFunction: n, hostDriver: "e1000e" })),
};

/** Where nothing of the attachment is left but these, on a driver of VFIO's or without any. */
function worldWith(drivers: readonly (string | undefined)[], start: Partial<WorldStart> = {}): World {
  const functions = drivers.map((driver, n) =>
    hostFunction(`0000:01:00.${n}`, { iommuGroup: 10 + n, driver }),
  );
  return new World({ functions, ...start });
}
const driversOf = (world: World) => [...world.functions.values()].map((one) => one.driver);
const look = (world: World) => readActualState(new WorldHypervisor(world), query, OWNER, signal, prior);

describe("functions that still wait for their host driver", () => {
  const some = ["vfio-pci", undefined, "e1000e", "mlx5_vfio_pci"];

  it.each<[string, Partial<WorldStart>]>([
    ["the guest was undefined", { runState: "missing" }],
    ["the guest was undefined, with an older libvirt", { runState: "missing", olderLibvirt: OLDER_LIBVIRT }],
    ["the guest is shut off", { runState: "off" }],
    ["the guest runs, and nobody knows of them any more", {}],
  ])("keep the attachment in the state, as held, and a delete binds them (%s)", async (_name, start) => {
    const world = worldWith(some, start);
    const actual = await look(world);
    expect(actual).toMatchObject({ guestUuid: OWN_GUEST.uuid, attached: [] });
    expect(actual?.held.map((one) => [one.hostAddress, one.hostDriver])).toEqual(
      [0, 1, 3].map((n) => [`0000:01:00.${n}`, "e1000e"]),
    );
    const hypervisor = new WorldHypervisor(world);
    const { error } = await letTimePass(detach(hypervisor, detachRequest({ prior })));
    expect(error).toBeUndefined();
    expect(hypervisor.changes).toEqual([0, 1, 3].map((n) => `rebind 0000:01:00.${n}`));
    expect(driversOf(world)).toEqual(Array(4).fill("e1000e"));
    expect(await look(world)).toBeUndefined();
  });

  it("are given back by an update that does not want them any more", async () => {
    const world = worldWith(["e1000e", "vfio-pci", "e1000e", undefined]);
    const desired = wants([0, 2]);
    const limits = { limitSeconds: 60, undoSeconds: 60 };
    const request = { desired, query, prior, progress, ...limits };
    const { error } = await letTimePass(attach(new WorldHypervisor(world), request));
    expect(error).toBeUndefined();
    expect(driversOf(world)).toEqual(["vfio-pci", "e1000e", "vfio-pci", "e1000e"]);
    expect(world.ledger.map((line) => line.entry.functions.map((one) => one.hostAddress))).toEqual([
      [address(0), address(2)],
    ]);
  });

  it("are recorded with the driver that the state remembers when they are attached again", () => {
    const world = worldWith(Array<string>(4).fill("vfio-pci"));
    const plan = planAttach(world.observe(), wants(), prior);
    expect(plan.target?.entry.functions.map((one) => one.hostDriver)).toEqual(Array(4).fill("e1000e"));
    expect(describePlan(plan).join("\n")).not.toContain("stays there");
  });

  it("are in the state beside what else is held", async () => {
    const world = worldWith(Array<string>(4).fill("e1000e"));
    reach(world, wants([0, 2]));
    world.bind(address(1), undefined);
    expect((await look(world))?.held.map((one) => one.hostAddress)).toEqual([address(1)]);
    expect(planAttach(world.observe(), wants([0, 2]), prior).steps.map((one) => one.kind)).toEqual([
      "record",
      "restore",
      "record",
    ]);
  });
});

describe("nothing waits, and the attachment is gone", () => {
  it.each<[string, () => World]>([
    [
      "where all have a driver of the host's, whichever",
      () => worldWith(["e1000e", "igb", "e1000e", "e1000e"]),
    ],
    ["where the functions are not there any more", () => worldWith([])],
    [
      "where another guest holds them",
      () => {
        const world = worldWith(Array<string>(4).fill("e1000e"), { runState: "missing" });
        for (const n of [0, 1, 2, 3]) world.hold(address(n), `hostdev${n}`, OTHER_GUEST);
        return world;
      },
    ],
    [
      "where another has their group",
      () => {
        const functions = [0, 1, 2, 3].map((n) => hostFunction(`0000:01:00.${n}`, { driver: undefined }));
        const world = new World({ functions, runState: "missing" });
        world.hold(address(2), "hostdev0", OTHER_GUEST);
        return world;
      },
    ],
    [
      "where another owner's entry names them",
      () => {
        const world = worldWith(Array<string>(4).fill("e1000e"));
        reach(world, wants(undefined, { ownerToken: OTHER_OWNER }));
        world.holdings = [];
        world.plugged = [];
        return world;
      },
    ],
    [
      "where QEMU has them under an id of somebody's",
      () => {
        const world = worldWith(Array<string>(4).fill("vfio-pci"));
        for (const n of [0, 1, 2, 3])
          world.plugged.push({
            qemuId: `x${n}`,
            hostAddress: address(n),
            bus: "pci.2",
            slot: 0,
            guestFunction: n,
          });
        return world;
      },
    ],
  ])("%s", async (_name, world) => {
    expect(await look(world())).toBeUndefined();
  });

  it("where they were on a driver of VFIO's, or on none, before", async () => {
    const functions = [{ hostAddress: address(0), hostDriver: "vfio-pci" }, { hostAddress: address(1) }];
    const world = worldWith(["vfio-pci", undefined]);
    const actual = await readActualState(new WorldHypervisor(world), query, OWNER, signal, { functions });
    expect(actual).toBeUndefined();
  });

  it("and was released without driver by an adopter returns by the owner's delete", async () => {
    const world = worldWith(Array<string>(4).fill("e1000e"));
    reach(world, wants([0, 1]));
    reach(world, wants([0], { ownerToken: OTHER_OWNER, adopt: true }));
    world.bind(address(1), undefined);
    expect((await look(world))?.held.map((one) => one.hostAddress)).toEqual([address(1)]);
    const hypervisor = new WorldHypervisor(world);
    await letTimePass(detach(hypervisor, detachRequest({ prior })));
    expect(hypervisor.changes).toEqual(["rebind 0000:01:00.1"]);
    expect(world.holdings.map((one) => one.alias)).toEqual([aliasOf(tagOf(OWNER), address(0))]);
  });
});
