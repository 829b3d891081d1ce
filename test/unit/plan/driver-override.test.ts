import { planAttach, type LedgerEntry } from "../../../provider/plan";
import { at, wants } from "../../support/desired";
import { hostFunction, World } from "../../support/world";

const ADDRESS = at("0000:01:00.0");

/** A host with one function, which has this driver and driver_override. */
function worldWith(driver: string | undefined, driverOverride?: string): World {
  const one = hostFunction(ADDRESS, { driver });
  return new World({ functions: [{ ...one, ...(driverOverride !== undefined && { driverOverride }) }] });
}

/** The entry with which a plan would begin; undefined if what stands there is that already. */
function recordedIn(world: World): LedgerEntry | undefined {
  const [first] = planAttach(world.observe(), wants([0])).steps;
  return first?.kind === "record" ? first.entry : undefined;
}

describe("A function's driver_override", () => {
  it("is recorded with the driver that it goes back to", () => {
    expect(recordedIn(worldWith("e1000e", "e1000e"))?.functions).toEqual([
      { hostAddress: ADDRESS, guestFunction: 0, hostDriver: "e1000e", driverOverride: "e1000e" },
    ]);
    expect(recordedIn(worldWith("e1000e"))?.functions).toEqual([
      { hostAddress: ADDRESS, guestFunction: 0, hostDriver: "e1000e" },
    ]);
  });

  it("of VFIO's is not, whatever driver it is on: it is no administrator's", () => {
    for (const driver of ["vfio-pci", undefined, "e1000e"])
      expect(recordedIn(worldWith(driver, "vfio-pci"))?.functions[0]).not.toHaveProperty("driverOverride");
  });

  it("stays as recorded while the function is away from its driver", () => {
    const world = worldWith("e1000e", "e1000e");
    const entry = recordedIn(world)!;
    world.record(entry);
    for (const driver of ["vfio-pci", undefined]) {
      const { driver: _, ...one } = hostFunction(ADDRESS);
      world.functions.set(ADDRESS, {
        ...one,
        ...(driver !== undefined && { driver }),
        driverOverride: "vfio-pci",
      });
      expect(recordedIn(world)).toBeUndefined();
    }
    // a hold that was cut off before the unbind
    world.functions.set(ADDRESS, { ...hostFunction(ADDRESS), driverOverride: "vfio-pci" });
    expect(recordedIn(world)).toBeUndefined();
  });

  it("that has changed since is recorded anew, if the function is its driver's", () => {
    const world = worldWith("e1000e", "e1000e");
    world.record(recordedIn(world)!);
    world.functions.set(ADDRESS, hostFunction(ADDRESS));
    expect(recordedIn(world)?.functions[0]).not.toHaveProperty("driverOverride");
  });
});
