import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePciListing } from "../../../../provider/host/facts/pci-listing";
import { withinBounds } from "../../../support/within-bounds";

/** What the helper told of the lab's host, Debian 13, kernel 6.12, pci.ids 0.0~2025.06.09-1. */
const recorded = readFileSync(join(__dirname, "fixtures/pci-listing-debian13.txt"), "utf8")
  .trimEnd()
  .split("\n");

test("the functions of a recorded host have their drivers, groups and names", () => {
  const { functions, namesFile } = parsePciListing(recorded);
  expect(namesFile).toBe("/usr/share/misc/pci.ids");
  expect(functions.find((one) => one.hostAddress === "0000:01:00.2")).toEqual({
    hostAddress: "0000:01:00.2",
    vendorId: "0x8086",
    productId: "0x10d3",
    classCode: "0x020000",
    driver: "e1000e",
    iommuGroup: 23,
    vendorName: "Intel Corporation",
    productName: "82574L Gigabit Network Connection",
    className: "Ethernet controller",
  });
  expect(functions.every((one) => one.vendorName !== undefined && one.className !== undefined)).toBe(true);
  expect(functions.filter((one) => one.productName === undefined)).toEqual([]);
});

test("what a host does not tell is left out; VFs name their physical function", () => {
  const { functions, namesFile } = parsePciListing([
    "pci 0000:01:10.0 0x8086 0x1520 0x020000 1 igbvf 40 0000:01:00.0",
    "pci 0000:02:00.0 - - - -1 - - -",
  ]);
  expect(namesFile).toBeUndefined();
  expect(functions).toEqual([
    {
      hostAddress: "0000:01:10.0",
      vendorId: "0x8086",
      productId: "0x1520",
      classCode: "0x020000",
      driver: "igbvf",
      iommuGroup: 40,
      numaNode: 1,
      physicalFunction: "0000:01:00.0",
    },
    { hostAddress: "0000:02:00.0", vendorId: "", productId: "", classCode: "" },
  ]);
});

test("a name belongs to the vendor above it", () => {
  const { functions } = parsePciListing([
    "pci 0000:01:00.0 0x8086 0x1000 0x010802 - - - -",
    "pci 0000:02:00.0 0x1af4 0x1000 0x0c0330 - - - -",
    "file /usr/share/hwdata/pci.ids",
    "name 1af4  Red Hat, Inc.",
    "name \t1000  Virtio network device",
    "name 8086  Intel Corporation",
    "name \t1000  82542 Gigabit Ethernet Controller (Fiber)",
    "name C 01  Mass storage controller",
    "name C 0c  Serial bus controller",
    "name \t03  USB controller",
  ]);
  expect(functions.map((one) => [one.productName, one.className])).toEqual([
    ["82542 Gigabit Ethernet Controller (Fiber)", "Mass storage controller"],
    ["Virtio network device", "USB controller"],
  ]);
});

test.each([
  "pci 0000:01:00.8 0x8086 0x10d3 0x020000 - - - -",
  "pci ../../etc 0x8086 0x10d3 0x020000 - - - -",
  "pci 0000:01:00.0 0x8086 0x10d3 0x020000 - - five -",
  "pci 0000:01:00.0 0x8086 0x10d3",
  "pci",
])("a record that has not its form is refused: %s", (record) => {
  expect(() => parsePciListing([record])).toThrow(/unreadable record/);
});

test("a host that makes up functions or names is refused or read in time", async () => {
  const lines = Array.from({ length: 10_001 }, () => "pci 0000:01:00.0 0x8086 0x10d3 0x020000 - - - -");
  await withinBounds({ seconds: 2, mebibytes: 100 }, () =>
    expect(() => parsePciListing(lines)).toThrow(/too many records/),
  );
  const names = Array.from({ length: 10_000 }, (_, n) => `name ${"x".repeat(500)}${n}`);
  await withinBounds({ seconds: 2, mebibytes: 200 }, () =>
    expect(parsePciListing(names).functions).toEqual([]),
  );
});
