import type { HostFacts } from "../../../../provider/host/facts";
import { findHostUses } from "../../../../provider/host/uses";
import { describeHostUse } from "../../../../provider/plan";
import { nothingUsed } from "../../../support/host-facts";
import { nic, usesOf } from "./support/facts";

describe("virtual functions", () => {
  const physicalFunctions = [
    { hostAddress: "0000:01:00.0", virtualFunctions: ["0000:01:10.0", "0000:01:10.4"] },
    { hostAddress: "0000:01:00.1", virtualFunctions: ["0000:01:10.1"] },
  ] as unknown as HostFacts["physicalFunctions"];

  it("are a use of the function that they are of", () => {
    expect(usesOf({ physicalFunctions })).toEqual([
      "0000:01:00.0 has 2 virtual functions enabled",
      "0000:01:00.1 has a virtual function enabled",
    ]);
  });

  it("that carry this SSH connection make their physical function carry it, which nobody overrides", () => {
    const facts = { ...nothingUsed, physicalFunctions, sshInterfaces: ["eth0v1"] };
    const uses = findHostUses({ ...facts, interfaces: [nic("eth0v1", "0000:01:10.4")] });
    const ours = uses.filter((one) => one.isThisConnection);
    expect(ours.map((one) => `${one.hostAddress} ${describeHostUse(one)}`)).toEqual([
      "0000:01:10.4 carries this SSH connection (interface eth0v1)",
      "0000:01:00.0 has virtual function 0000:01:10.4, which carries this SSH connection (interface eth0v1)",
    ]);
  });
});
