import type { HostInterface } from "../../../../provider/host/facts";
import { findWayThroughGuest } from "../../../../provider/host/uses";
import { nothingUsed } from "../../../support/host-facts";
import { nic, upNic } from "./support/facts";

/** An interface made by software that is up. */
const soft = (name: string, ...lowerInterfaces: readonly string[]): HostInterface => ({
  ...nic(name, undefined, ...lowerInterfaces),
  isUp: true,
});
const card = upNic({ name: "eth0" });
const wayOf = (interfaces: readonly HostInterface[], ssh: readonly string[], guest = ["vnet3"]) =>
  findWayThroughGuest({ ...nothingUsed, interfaces, sshInterfaces: ssh }, guest);
const sure = { certainty: "sure", interfaces: ["vnet3"] };
const possible = { certainty: "possible", interfaces: ["vnet3"] };

describe("a connection goes through the guest", () => {
  it.each([
    ["by the guest's own interface", [soft("vnet3")], ["vnet3"], sure],
    ["by a bridge that it alone serves", [soft("br0", "vnet3"), soft("vnet3")], ["br0"], sure],
    [
      "by a VLAN on such a bridge",
      [soft("br0.5", "br0"), soft("br0", "vnet3"), soft("vnet3")],
      ["br0.5"],
      sure,
    ],
    [
      "by a bridge whose card is down",
      [soft("br0", "vnet3", "eth0"), soft("vnet3"), { ...card, isUp: false }],
      ["br0"],
      sure,
    ],
    [
      "by the way back alone, though its address is on a card",
      [card, soft("br0", "vnet3"), soft("vnet3")],
      ["eth0", "br0"],
      sure,
    ],
    [
      "perhaps, where another guest's interface is a port as well",
      [soft("br0", "vnet3", "vnet4"), soft("vnet3"), soft("vnet4")],
      ["br0"],
      possible,
    ],
    [
      "perhaps, where a port is nothing that is known",
      [soft("br0", "vnet3", "x"), soft("vnet3")],
      ["br0"],
      possible,
    ],
  ] as const)("%s", (_how, interfaces, ssh, expected) => {
    expect(wayOf(interfaces, ssh)).toEqual(expected);
  });

  it.each([
    ["its interface is another's", [soft("br0", "vnet4"), soft("vnet4")], ["br0"]],
    ["a card serves the same bridge", [soft("br0", "vnet3", "eth0"), soft("vnet3"), card], ["br0"]],
    ["the connection comes by the card", [card, soft("vnet3")], ["eth0"]],
    ["it is not known how it comes", [soft("vnet3")], []],
  ] as const)("not where %s", (_how, interfaces, ssh) => {
    expect(wayOf(interfaces, ssh)).toBeUndefined();
  });

  it("not where the guest has no interface on the host", () => {
    expect(wayOf([soft("vnet3")], ["vnet3"], [])).toBeUndefined();
  });

  it("once, where bridges lie on each other in a circle", () => {
    expect(wayOf([soft("a", "b"), soft("b", "a", "vnet3"), soft("vnet3")], ["a"])).toEqual(sure);
  });
});
