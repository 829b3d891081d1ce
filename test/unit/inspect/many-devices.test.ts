import { composeReport } from "../../../provider/inspect";
import type { PciAddress } from "../../../provider/pci";
import { parsePciListing } from "../../../provider/host/facts/pci-listing";
import { expectProcessorSeconds, processorSecondsOf } from "../../support/processor-time";
import { nothingUsed } from "../../support/host-facts";
import { GUEST, input, port, upInterface } from "../../support/inspection-inputs";

const addressOf = (n: number): string => `${n.toString(16).padStart(4, "0")}:01:00.0`;

/**
 * Devices of one function, each in a group of its own, used by the host, and of every tenth a guest has a
 * part.
 */
function shown(count: number) {
  const all = Array.from({ length: count }, (_, n) => n);
  const owned = all.filter((n) => n % 10 === 0);
  const tagOf = (n: number): string => n.toString(16).padStart(12, "0");
  return input(
    all.map((n) => port(addressOf(n), { iommuGroup: n })),
    {
      facts: {
        ...nothingUsed,
        interfaces: all.map((n) => upInterface(`eth${n}`, addressOf(n), "10.0.0.1")),
      },
      seen: {
        by: "host",
        holders: {
          holdings: owned.map((n) => ({
            guest: GUEST,
            hostAddress: addressOf(n) as PciAddress,
            alias: `ua-mfpci-${tagOf(n)}-${n}`,
            isUnassigned: true,
          })),
          ledger: [],
        },
      },
    },
  );
}

test("what a host with very many devices costs goes with their number", () => {
  const few = processorSecondsOf(() => composeReport(shown(250)));
  // eight times as many; squared it would be sixty-four
  expectProcessorSeconds(() => composeReport(shown(2_000)), { below: 24 * few });
});

/** One IOMMU group: `count` functions of a card and its virtual functions, half of them held by a guest. */
function oneGroup(count: number) {
  const all = Array.from({ length: count }, (_, n) => `0000:${(n >> 8).toString(16).padStart(2, "0")}:`).map(
    (bus, n) => `${bus}${((n >> 3) & 31).toString(16).padStart(2, "0")}.${n & 7}`,
  );
  const virtualFunctions = all.slice(count / 2) as PciAddress[];
  return input(
    all.map((address) => port(address, { iommuGroup: 7 })),
    {
      facts: {
        ...nothingUsed,
        interfaces: all.map((address, n) => upInterface(`eth${n}`, address, "10.0.0.1")),
        physicalFunctions: [{ hostAddress: all[0] as PciAddress, virtualFunctions }],
      },
      seen: {
        by: "host",
        holders: {
          holdings: virtualFunctions.map((hostAddress, n) => ({
            guest: GUEST,
            hostAddress,
            alias: `hostdev${n}`,
            isUnassigned: false,
          })),
          ledger: [],
        },
      },
    },
  );
}

test("what one large group costs goes with the square of its members at most", () => {
  const few = processorSecondsOf(() => composeReport(oneGroup(32)));
  // each device is refused for its whole group; with the cube it would be sixty-four times as much
  expectProcessorSeconds(() => composeReport(oneGroup(128)), { below: 40 * few });
});

test("a group of hundreds that a guest holds is refused in a few lines", () => {
  const { devices } = composeReport(oneGroup(128));
  for (const { attach } of devices) expect(attach.refusals.length).toBeLessThan(16);
});

test("an IOMMU group of thousands of functions is no host's", () => {
  const record = (n: number) => `pci ${addressOf(n)} 0x8086 0x10d3 0x020000 - - 7 -`;
  const listing = (count: number) => () =>
    parsePciListing(Array.from({ length: count }, (_, n) => record(n)));
  expect(listing(1_024)().functions).toHaveLength(1_024);
  expect(listing(1_025)).toThrow("IOMMU group 7 has more than 1024 functions");
});
