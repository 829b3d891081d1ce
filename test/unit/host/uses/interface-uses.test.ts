import type { PciAddress } from "../../../../provider/pci";
import { nic, upNic, usesOf } from "./support/facts";

describe("what the host uses an interface for", () => {
  const eth0 = "0000:01:00.0 has interface eth0, which";

  it("is its addresses, but not the IPv6 link-local one that whatever is up has", () => {
    const automatic = ["fe80::5054:ff:fe12:3456", "FEBF::1"];
    expect(usesOf({ interfaces: [upNic({ addresses: automatic })] })).toEqual([]);
    const addresses = [...automatic, "192.0.2.1", "2001:db8::1"];
    expect(usesOf({ interfaces: [upNic({ addresses })] })).toEqual([
      `${eth0} is up with address 192.0.2.1, 2001:db8::1`,
    ]);
  });

  it.each(["169.254.7.7", "fec0::1", "fd00::1", "fe00::1", "::ffff:192.0.2.1"])(
    "is address %s too, which nobody has by itself",
    (address) => {
      expect(usesOf({ interfaces: [upNic({ addresses: [address] })] })).toEqual([
        `${eth0} is up with address ${address}`,
      ]);
    },
  );

  it("is its routes, of which three are named", () => {
    const routes = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16", "10.5.0.0/16"];
    expect(usesOf({ interfaces: [upNic({ routes })] })).toEqual([
      `${eth0} is up with a route to 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16 and 2 more`,
    ]);
  });

  it.each([
    ["bridge", "is a port of bridge top"],
    ["bond", "is a port of bond top"],
    ["team", "is a port of team top"],
    ["openvswitch", "is a port of Open vSwitch"],
    ["vrf", "is in VRF top"],
    ["vlan", "carries VLAN top"],
    ["macvlan", "carries macvlan top"],
    ["macvtap", "carries macvtap top"],
    ["ipvlan", "carries ipvlan top"],
    ["vxlan", "carries tunnel top (vxlan)"],
    ["gre", "carries tunnel top (gre)"],
    ["ipip", "carries tunnel top (ipip)"],
    ["batadv", "carries interface top (batadv)"],
    [undefined, "carries interface top"],
  ])("is the %s on it", (kind, words) => {
    const top = { ...nic("top", undefined, "eth0"), ...(kind !== undefined && { kind }) };
    expect(usesOf({ interfaces: [upNic(), top] })).toEqual([`${eth0} ${words}`]);
    expect(usesOf({ interfaces: [nic("eth0", "0000:01:00.0"), top] })).toEqual([]);
  });

  it("is Open vSwitch once, however many internal ports reach it", () => {
    const interfaces = [
      upNic(),
      nic("ovs-system", undefined, "eth0"),
      { ...nic("br-ex", undefined, "eth0"), kind: "openvswitch" },
      { ...nic("br-int", undefined, "eth0"), kind: "openvswitch" },
    ];
    expect(usesOf({ interfaces })).toEqual([`${eth0} is a port of Open vSwitch`]);
  });

  it("are all of them, each by itself, beside this connection and the default route", () => {
    const interfaces = [
      upNic({ addresses: ["192.0.2.1"], routes: ["198.51.100.0/24"] }),
      { ...nic("eth0.5", undefined, "eth0"), kind: "vlan" },
    ];
    expect(usesOf({ interfaces, sshInterfaces: ["eth0"], defaultRouteInterfaces: ["eth0"] })).toEqual([
      "0000:01:00.0 carries this SSH connection (interface eth0)",
      "0000:01:00.0 carries the host's default route (interface eth0)",
      `${eth0} is up with address 192.0.2.1`,
      `${eth0} is up with a route to 198.51.100.0/24`,
      `${eth0} carries VLAN eth0.5`,
    ]);
  });

  it("is what another network namespace does with it", () => {
    expect(usesOf({ functionsWithHiddenInterface: ["0000:01:00.2" as PciAddress] })).toEqual([
      "0000:01:00.2 has a network interface that is in another network namespace",
    ]);
  });
});
