import type { BeneathDevice } from "../../../provider/host/facts";
import { describePlan, describeWarnings, planAttach, type Observation } from "../../../provider/plan";
import { OLD_STATE } from "../../support/scenarios";
import { at, reach, wants } from "../../support/desired";
import { hostDevice, World } from "../../support/world";

const card = (): World => new World({ functions: hostDevice() });
const on = (hostAddress: string, ...devices: Omit<BeneathDevice, "hostAddresses">[]) =>
  [at(hostAddress), devices.map((one) => ({ ...one, hostAddresses: [at(hostAddress)] }))] as const;
const seen = (world: World, ...beneath: ReturnType<typeof on>[]): Observation => ({
  ...world.observe(),
  beneath: new Map(beneath),
});

describe("a plan that takes what the host may miss", () => {
  const usb = on(
    "0000:01:00.1",
    { kind: "usb", name: "1-2", detail: "Dell KB216", traits: ["keyboard"] },
    { kind: "usb", name: "2-1", detail: "Ultra Fit", traits: ["storage"] },
    { kind: "usb", name: "1-5" },
  );

  it("is made, and warns of USB devices by what they are", () => {
    const plan = planAttach(seen(card(), usb), wants(), OLD_STATE);
    expect(describePlan(plan).at(-1)).toBe(
      "warning: the host loses the USB devices on 0000:01:00.1: keyboard 'Dell KB216', " +
        "USB storage 'Ultra Fit', USB device 1-5",
    );
  });

  it("names the RDMA device of each function", () => {
    const rdma = on("0000:01:00.2", { kind: "rdma", name: "mlx5_2" });
    const plan = planAttach(seen(card(), rdma), wants(), OLD_STATE);
    expect(describePlan(plan).at(-1)).toMatch(/^warning: .*RDMA device mlx5_2 of 0000:01:00\.2/);
  });

  it("names the function with the firmware's picture where an old kernel keeps its memory", () => {
    const boot = on("0000:01:00.0", { kind: "display", name: "VGA", traits: ["boot"] });
    const warningsOf = (kernelRelease?: string) => {
      const observation = { ...seen(card(), boot), ...(kernelRelease !== undefined && { kernelRelease }) };
      return describeWarnings(planAttach(observation, wants(), OLD_STATE));
    };
    expect(warningsOf("5.15.0-91-generic")).toEqual([
      expect.stringMatching(/^warning: the firmware's picture is on 0000:01:00\.0.*video=efifb:off/),
    ]);
    expect(warningsOf("6.1.0-41-amd64")).toEqual([]);
    expect(warningsOf()).toEqual([]);
  });

  it("counts what there is no room to name", () => {
    const many = Array.from({ length: 18 }, (_, n) => ({ kind: "usb" as const, name: `1-${n}` }));
    const plan = planAttach(seen(card(), on("0000:01:00.0", ...many)), wants(), OLD_STATE);
    expect(describePlan(plan).at(-1)).toMatch(/USB device 1-5 and 12 more$/);
  });

  it("warns of nothing that it does not take", () => {
    const world = card();
    reach(world, wants());
    expect(planAttach(seen(world, usb), wants(), OLD_STATE).warnings).toBeUndefined();
  });
});
