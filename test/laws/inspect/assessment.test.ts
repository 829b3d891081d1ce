import fc from "fast-check";
import { composeReport, type InspectionInput } from "../../../provider/inspect";
import type { ListedFunction } from "../../../provider/host/facts";
import { findHostUses } from "../../../provider/host/uses";
import type { PciAddress, PciSlotAddress } from "../../../provider/pci";
import { planAttach, type Holding } from "../../../provider/plan";
import { nothingUsed } from "../../support/host-facts";
import { attachment, input, observed, OTHER, port, upInterface } from "../../support/inspection-inputs";

/** Hosts of three slots with up to four functions, groups and uses at random. */
const arbitraryInput: fc.Arbitrary<InspectionInput> = fc
  .record({
    functions: fc.uniqueArray(
      fc.record({
        slot: fc.constantFrom("0000:01:00", "0000:02:00", "0000:03:00"),
        number: fc.nat(3),
        group: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 8 }),
        driver: fc.constantFrom(undefined, "igb", "vfio-pci", "nvme"),
        isBridge: fc.nat(9).map((n) => n === 0),
        use: fc.constantFrom("none", "none", "none", "address", "ssh"),
        holder: fc.constantFrom("none", "none", "none", "none", "guest", "owner"),
      }),
      { minLength: 1, maxLength: 10, selector: (one) => `${one.slot}.${one.number}` },
    ),
  })
  .map(({ functions }) => {
    const addressOf = (one: (typeof functions)[number]): string => `${one.slot}.${one.number}`;
    const listed = functions.map((one): ListedFunction => {
      const { driver: _driver, iommuGroup: _group, ...bare } = port(addressOf(one));
      return {
        ...bare,
        ...(one.isBridge && { classCode: "0x060400" }),
        ...(one.driver !== undefined && { driver: one.driver }),
        ...(one.group !== undefined && { iommuGroup: one.group }),
      };
    });
    const used = functions.filter((one) => one.use !== "none");
    const interfaces = used.map((one) => upInterface(`if${addressOf(one)}`, addressOf(one), "192.0.2.1"));
    const owned = functions.filter((one) => one.holder === "owner").map(addressOf);
    const ours = owned.length === 0 ? { holdings: [], ledger: [] } : attachment(OTHER, "o/p/s/n", owned);
    const foreign = functions
      .filter((one) => one.holder === "guest")
      .map((one): Holding => ({
        guest: OTHER,
        hostAddress: addressOf(one) as PciAddress,
        alias: "hostdev0",
        isUnassigned: false,
      }));
    return input(listed, {
      facts: {
        ...nothingUsed,
        interfaces,
        sshInterfaces: used.filter((one) => one.use === "ssh").map((one) => `if${addressOf(one)}`),
      },
      seen: {
        by: "guest",
        observation: observed({ holdings: [...ours.holdings, ...foreign], ledger: ours.ledger }),
      },
    });
  });

/** What a create with these arguments comes to, asked of the planner as the provider does. */
function isPlanned(
  shown: InspectionInput,
  device: string,
  args: Parameters<typeof planArguments>[1],
): boolean {
  if (shown.seen.by !== "guest") throw new Error("a guest was given");
  const functions = new Map(
    shown.functions.map((one) => [
      one.hostAddress,
      {
        hostAddress: one.hostAddress,
        vendorId: one.vendorId,
        productId: one.productId,
        isBridge: one.classCode.startsWith("0x06"),
        ...(one.driver !== undefined && { driver: one.driver }),
        ...(one.iommuGroup !== undefined && { iommuGroup: one.iommuGroup }),
      },
    ]),
  );
  try {
    const hostUses = findHostUses(shown.facts);
    planAttach({ ...shown.seen.observation, functions, hostUses }, planArguments(device, args));
    return true;
  } catch {
    return false;
  }
}

function planArguments(
  device: string,
  args: {
    readonly functions: readonly number[];
    readonly leftovers: "refuse" | "hold";
    readonly allowInUse: boolean;
  },
) {
  return {
    ownerToken: "organization/any/program/nic",
    selection: { by: "device" as const, device: device as PciSlotAddress, functions: args.functions },
    leftovers: args.leftovers,
    allowInUse: args.allowInUse,
    adopt: false,
    persistent: false,
  };
}

const subsetsOf = (numbers: readonly number[]): number[][] =>
  numbers.reduce<number[][]>((all, one) => [...all, ...all.map((some) => [...some, one])], [[]]).slice(1);

test("an answer is what a create comes to; no means that no arguments help", () => {
  fc.assert(
    fc.property(arbitraryInput, (shown) => {
      for (const { address, functions, attach } of composeReport(shown).devices) {
        const numbers = functions.map((one) => one.function);
        const { possible } = attach;
        if (possible !== "no") expect(isPlanned(shown, address, attach)).toBe(true);
        if (possible === "part") expect(attach.functions.length).toBeLessThan(numbers.length);
        if (possible === "whole") expect(attach.functions).toEqual(numbers);
        if (possible === "no")
          for (const some of subsetsOf(numbers))
            expect(isPlanned(shown, address, { functions: some, leftovers: "hold", allowInUse: true })).toBe(
              false,
            );
        const isFree = isPlanned(shown, address, {
          functions: numbers,
          leftovers: "refuse",
          allowInUse: false,
        });
        expect(isFree).toBe(possible === "whole" && attach.leftovers === "refuse" && !attach.allowInUse);
      }
    }),
    { numRuns: 400 },
  );
});
