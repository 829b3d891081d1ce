import { withoutNewcomers } from "../../../provider/apply/newcomers";
import type { HostUse } from "../../../provider/host/uses";
import type { PciAddress } from "../../../provider/pci";
import type { Observation } from "../../../provider/plan";
import { expectProcessorSeconds } from "../../support/processor-time";

const OWN = "0000:01:00.0" as PciAddress;
const OTHER = "0000:05:00.0" as PciAddress;
const address = (at: PciAddress): HostUse => ({
  kind: "addresses",
  hostAddress: at,
  device: "eth0",
  addresses: ["10.0.0.1"],
  isThisConnection: false,
  comesByItself: "address",
});
const mounted: HostUse = {
  kind: "mount",
  hostAddress: OWN,
  disk: { name: "sda" },
  mountPoints: ["/"],
  isThisConnection: false,
};

const seen = (...hostUses: readonly HostUse[]): Observation =>
  ({ functions: new Map([[OWN, { hostAddress: OWN }]]), hostUses }) as unknown as Observation;

test("an address that came by itself is left out, told for planned functions", () => {
  const told: string[] = [];
  const now = seen(address(OWN), address(OTHER), mounted);
  expect(withoutNewcomers(seen(), now, (line) => told.push(line)).hostUses).toEqual([mounted]);
  expect(told).toEqual([expect.stringMatching(`^${OWN} has interface eth0.* since a moment ago`)]);
});

test("what the function had before is told as it is; so is this connection", () => {
  const here = { ...address(OWN), isThisConnection: true };
  expect(withoutNewcomers(seen(address(OWN)), seen(address(OWN)), fail).hostUses).toEqual([address(OWN)]);
  expect(withoutNewcomers(seen(), seen(here), fail).hostUses).toEqual([here]);
});

test("very many cost what goes with their number", () => {
  const many = Array.from({ length: 16_000 }, (_, n) =>
    address(`${n.toString(16).padStart(4, "0")}:05:00.0` as PciAddress),
  );
  expectProcessorSeconds(() => withoutNewcomers(seen(), seen(...many), fail), { below: 0.1 });
});

function fail(line: string): void {
  throw new Error(line);
}
