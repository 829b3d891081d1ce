import fc from "fast-check";
import { findHostUses } from "../../../../provider/host/uses";
import { parseHostFacts } from "../../../../provider/host/facts/host-facts";
import { withinBounds } from "../../../support/within-bounds";

const bounds = { seconds: 10, mebibytes: 700 };
const ssh = "ssh 10.0.0.1 1 10.0.0.2 22";
const ip = (addresses: unknown): string[] =>
  [addresses, [], [], [], [], []].map((one) => `ip ${JSON.stringify(one)}`);
/** Half as many records as a helper may send: what takes the square of their number shows at less. */
const MOST = 50_000;
const some = (count: number, record: (n: number) => string): string[] =>
  Array.from({ length: count }, (_, n) => record(n));

describe("A survey that is made to cost", () => {
  it.each<[string, () => string[]]>([
    ["records of one kind", () => some(MOST, (n) => `mnt ${n}`)],
    ["NVMe namespaces", () => some(MOST, (n) => `blk nvme${n}n1 1:${n} 0 /sys/x`)],
    [
      "a btrfs on many disks, mounted in many places",
      () => [
        `btrfs ${some(30_000, (n) => `d${n}`).join(" ")}`,
        ...some(60_000, (n) => `mnt 1 1 0:1 / /m${n} rw - btrfs /dev/d1 rw`),
      ],
    ],
    [
      "a chain of disks, each mounted",
      () => [
        ...some(MOST / 2, (n) => `blk d${n} 8:${n} 0 d${n + 1} /sys/devices/0000:01:00.0/d${n}`),
        ...some(MOST / 2, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
      ],
    ],
    [
      "disks that lie on each other in every way",
      () => {
        const all = some(1_000, (n) => `d${n}`).join(" ");
        return [
          ...some(1_000, (n) => `blk d${n} 8:${n} 0 ${all} /sys/devices/0000:01:00.0/d${n}`),
          ...some(1_000, (n) => `mnt 1 1 8:${n} / /m${n} rw - ext4 /dev/d${n} rw`),
        ];
      },
    ],
    [
      "a chain of interfaces",
      () => some(MOST, (n) => `net i${n} i${n + 1} /sys/devices/0000:01:00.0/net/i${n}`),
    ],
  ])("by %s is told or refused, in little time and memory", async (_name, make) => {
    const addresses = [{ ifname: "i0", addr_info: [{ local: "10.0.0.2" }] }];
    const lines = [ssh, ...ip(addresses), ...make()];
    await withinBounds(bounds, () => {
      try {
        findHostUses(parseHostFacts(lines));
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        expect((error as Error).message.length).toBeLessThan(500);
      }
    });
  });

  it("by a switch of many ports is refused", async () => {
    const ports = some(20_000, (n) => `p${n}`).map((ifname) => ({
      ifname,
      master: "ovs-system",
      linkinfo: { info_kind: "openvswitch" },
    }));
    const lines = [ssh, ...ip(ports), ...some(20_000, (n) => `net p${n} /sys/devices/virtual/net/p${n}`)];
    await withinBounds(bounds, () => expect(() => parseHostFacts(lines)).toThrow(/too many/));
  });

  it("refuses what is on what, where that cannot be followed to its end", () => {
    const names = some(1_500, (n) => `d${n}`);
    const disks = names.map((name) => `blk ${name} 8:1 0 ${names.join(" ")} /sys/devices/x`);
    expect(() => parseHostFacts([ssh, ...ip([]), ...disks])).toThrow(/too many/);
  });
});

describe("A survey of anything", () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const interfaceLike = fc.record(
    {
      ifname: fc.oneof(fc.constant("eth0"), value),
      link: value,
      link_netnsid: value,
      master: value,
      linkinfo: value,
      addr_info: value,
    },
    { requiredKeys: [] },
  );

  it("is a survey whose names are texts, or an error in its words", () => {
    fc.assert(
      fc.property(
        fc.array(interfaceLike, { maxLength: 3 }),
        fc.array(fc.array(value), { maxLength: 6 }),
        (own, routes) => {
          const lines = [ssh, "net eth0 /sys/devices/0000:01:00.0/net/eth0", `ip ${JSON.stringify(own)}`];
          try {
            const facts = parseHostFacts([...lines, ...routes.map((one) => `ip ${JSON.stringify(one)}`)]);
            const { interfaces, defaultRouteInterfaces, sshInterfaces } = facts;
            const names = interfaces.flatMap((one) => [one.name, ...one.lowerInterfaces, ...one.addresses]);
            for (const name of [...names, ...defaultRouteInterfaces, ...sshInterfaces])
              expect(typeof name).toBe("string");
            findHostUses(facts);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
