import { planAttach } from "../../../provider/plan";
import { outline, wants } from "../../support/desired";
import { OLD_STATE, refusalOf } from "../../support/scenarios";
import { hostDevice, hostFunction, World } from "../../support/world";

const [OLD, NEW] = ["5.10.0-35-amd64", "6.12.48+deb13-amd64"];
const KERNELS = [OLD, NEW, "5.18.19", "5.19.0", undefined];

/** Another member of the group, and the kernels for which it is an obstacle. */
const members: readonly [string, Parameters<typeof hostFunction>[1], readonly (string | undefined)[]][] = [
  ["a function without driver", { driver: undefined }, []],
  ["a function on vfio-pci", { driver: "vfio-pci" }, []],
  ["a function on pci-stub", { driver: "pci-stub" }, []],
  ["a function on a driver", { driver: "nvme" }, KERNELS],
  // class 0601, header type 0
  ["an ISA bridge on lpc_ich", { driver: "lpc_ich", isMachineBridge: true }, KERNELS],
  ["an ISA bridge without driver", { driver: undefined, isMachineBridge: true }, []],
  // class 0807, header type 0, which the driver of ports takes
  ["an event collector on pcieport", { driver: "pcieport" }, [OLD, "5.18.19", undefined]],
  ["a port on pcieport", { driver: "pcieport", isBridge: true }, []],
  ["a port without driver", { driver: undefined, isBridge: true }, []],
  ["a bridge on pci-stub", { driver: "pci-stub", isBridge: true }, []],
  ["a bridge on shpchp", { driver: "shpchp", isBridge: true }, [NEW, "5.19.0"]],
];

const cases = members.flatMap(([what, extra, obstacleFor]) =>
  KERNELS.map((kernel) => [what, kernel, extra, obstacleFor.includes(kernel)] as const),
);

describe("in the group of what is attached", () => {
  it.each(cases)("%s, Linux %s", (_what, kernel, extra, isObstacle) => {
    const world = new World({
      functions: [...hostDevice("0000:01:00", [0]), hostFunction("0000:00:1f.0", extra)],
    });
    world.kernelRelease = kernel;
    const plan = (leftovers: "refuse" | "hold"): readonly string[] =>
      outline(planAttach(world.observe(), wants([0], { leftovers }), OLD_STATE));
    const whole = ["record", "hold 0000:01:00.0", "plug 0000:01:00.0 as 0", "confirm"];
    if (!isObstacle) return expect([plan("refuse"), plan("hold")]).toEqual([whole, whole]);
    if (extra?.isBridge === true || extra?.isMachineBridge === true)
      expect(refusalOf(() => plan("hold"))).toBe("GROUP_BRIDGE_IN_USE");
    else {
      expect(refusalOf(() => plan("refuse"))).toBe("LEFTOVERS_REFUSED");
      expect(plan("hold")).toContain("hold 0000:00:1f.0");
    }
  });

  it.each(["6.12-rc1", "7.0.0", "10.2"])("Linux %s judges by drivers", (kernel) => {
    const world = new World({
      functions: [...hostDevice("0000:01:00", [0]), hostFunction("0000:00:1f.0", { driver: "pcieport" })],
    });
    world.kernelRelease = kernel;
    expect(outline(planAttach(world.observe(), wants([0]), OLD_STATE))).toContain("hold 0000:01:00.0");
  });
});

describe("what the class calls a bridge and the header an endpoint", () => {
  it("can be attached", () => {
    const world = new World({ functions: [hostFunction("0000:01:00.0", { driver: undefined })] });
    expect(outline(planAttach(world.observe(), wants([0]), OLD_STATE))).toContain("hold 0000:01:00.0");
  });

  it("is not taken if the machine itself is made of it", () => {
    for (const driver of [undefined, "lpc_ich"]) {
      const bridge = hostFunction("0000:01:00.0", { driver, isMachineBridge: true });
      const world = new World({ functions: [bridge] });
      for (const allowInUse of [false, true])
        expect(refusalOf(() => planAttach(world.observe(), wants([0], { allowInUse }), OLD_STATE))).toBe(
          "FUNCTION_IS_BRIDGE",
        );
    }
  });
});
